/**
 * The handshake: who is on the other end of an encrypted connection (specification: mesh
 * section 5).
 *
 * @module
 */

import type { RandomSource } from "../arith/random.ts";
import { type Identity, type NodeIdentity, verifySignature } from "../crypto/identity.ts";
import { sha256 } from "../crypto/kdf.ts";
import { equalBytes, utf8 } from "../encoding/bytes.ts";
import type { Command, HelloCommand } from "./commands.ts";
import { decodeEnvelope, encodeOneHop } from "./envelope.ts";
import { WireError } from "./errors.ts";
import { PROTOCOL_VERSION } from "./records.ts";
import { HANDSHAKE_READ_MS, type Transport } from "./transport.ts";

const LABEL = utf8("continuum-challenge-v1");
const CHALLENGE_BYTES = 32;
const NACL_BYTES = 32;

/** What Go nodes send; nobody checks it. */
export const GO_OPTIONS: ReadonlyMap<string, string> = new Map([
  ["compression", "none"],
  ["encoding", "json"],
]);

/** What a handshake needs of the world. */
export interface HandshakeOptions {
  /** Draws the challenge. */
  readonly random: RandomSource;
  /** Deadline of each of the two reads; default 4 s. */
  readonly readMs?: number;
  /** What `hello.options` announces; default what Go nodes send. */
  readonly announce?: ReadonlyMap<string, string>;
}

/** Who the peer is. */
export interface HandshakeResult {
  /** The peer's proven identity. */
  readonly peer: Identity;
  /** The peer's X25519 key; empty if it named none, possibly zero: check before storing. */
  readonly naclPublic: Uint8Array;
  /** The peer's options; unchecked. */
  readonly options: ReadonlyMap<string, string>;
}

/**
 * The hash that answers a challenge. The key is that of the side which issued the challenge, so
 * that a relay, which has another key, cannot pass the answer on.
 */
export function challengeDigest(
  challenge: Uint8Array,
  issuerEphemeral: Uint8Array,
): Uint8Array<ArrayBuffer> {
  return sha256(LABEL, challenge, issuerEphemeral);
}

function fail(what: string): never {
  throw new WireError("handshake", `Cannot shake hands: ${what}`);
}

async function receive<T extends Command["type"]>(
  transport: Transport,
  type: T,
  readMs: number,
): Promise<Extract<Command, { type: T }>> {
  const { command } = decodeEnvelope(await transport.receive(readMs));
  if (command.type !== type) fail(`the peer sent ${command.type} where ${type} is due`);
  return command as Extract<Command, { type: T }>;
}

function checkHello(hello: HelloCommand, own: Identity, ownChallenge: Uint8Array): void {
  if (hello.version !== PROTOCOL_VERSION) {
    fail(`the peer speaks protocol version ${hello.version}, not ${PROTOCOL_VERSION}`);
  }
  if (hello.challenge.length !== CHALLENGE_BYTES) fail("the peer's challenge is not 32 bytes");
  if (hello.challenge.every((byte) => byte === 0)) fail("the peer's challenge is all zero");
  if (hello.naclPub.length !== 0 && hello.naclPub.length !== NACL_BYTES) {
    fail("the peer's encryption key is not 32 bytes");
  }
  if (hello.identity === own) {
    throw new WireError("self", "Cannot shake hands: the peer claims this node's own identity");
  }
  if (equalBytes(hello.challenge, ownChallenge)) fail("the peer sent our own challenge back");
}

/**
 * Proves the own identity to the peer and learns the peer's. Symmetric: both sides run it at once
 * after the key exchange. Checks in order: the first message is `hello`, its version is 1, its
 * challenge 32 bytes and not zero, its encryption key absent or 32 bytes, its identity not our own;
 * the second is `hello-response` with a signature over our challenge and ephemeral key by that
 * identity. Any failure closes the transport.
 *
 * @throws {WireError} kind `handshake`, or what reading a frame or a message throws.
 */
export async function handshake(
  transport: Transport,
  identity: NodeIdentity,
  options: HandshakeOptions,
): Promise<HandshakeResult> {
  const readMs = options.readMs ?? HANDSHAKE_READ_MS;
  try {
    const challenge = options.random(CHALLENGE_BYTES);
    // Sending must not wait for the peer to read, nor reading for our sending.
    const greeting = transport.send(encodeOneHop({
      type: "hello",
      version: PROTOCOL_VERSION,
      options: options.announce ?? GO_OPTIONS,
      identity: identity.identity,
      challenge,
      naclPub: identity.naclPublic,
    }, identity.identity));
    greeting.catch(() => {}); // awaited below; a failure also ends the read
    const hello = await receive(transport, "hello", readMs);
    checkHello(hello, identity.identity, challenge);
    await greeting;
    const answer = transport.send(encodeOneHop({
      type: "hello-response",
      signature: identity.sign(challengeDigest(hello.challenge, transport.peerEphemeral)),
    }, identity.identity));
    answer.catch(() => {});
    const response = await receive(transport, "hello-response", readMs);
    const digest = challengeDigest(challenge, transport.ownEphemeral);
    if (!verifySignature(digest, response.signature, hello.identity)) {
      fail("the peer does not prove the identity it claims");
    }
    await answer;
    return { peer: hello.identity, naclPublic: hello.naclPub, options: hello.options };
  } catch (error) {
    transport.close();
    throw error;
  }
}
