/**
 * End-to-end payloads: a command sealed to its recipient and signed by its sender, so that relays
 * can neither read nor alter it (specification: mesh section 8).
 *
 * @module
 */

import type { RandomSource } from "../arith/random.ts";
import { BOX_KEY_BYTES, BOX_NONCE_BYTES, boxSeal, x25519Public } from "../crypto/box.ts";
import { type Identity, type NodeIdentity, verifySignature } from "../crypto/identity.ts";
import { sha256 } from "../crypto/kdf.ts";
import { utf8 } from "../encoding/bytes.ts";
import { type Command, decodeCommand, encodeCommand, type EncryptedCommand } from "./commands.ts";
import { WireError } from "./errors.ts";

const LABEL = utf8("continuum-e2e-sig-v1");

/**
 * Commands that never travel sealed: outcomes are broadcast, an envelope within an envelope serves
 * nobody and would let one message cost many signatures, and handshakes belong to a connection.
 */
const NEVER_SEALED: ReadonlySet<string> = new Set([
  "ceremony-result",
  "ceremony-abort",
  "encrypted",
  "hello",
  "hello-response",
]);

/** Types that Go itself may not seal; opening accepts what a Go node could have sealed. */
const NEVER_OPENED: ReadonlySet<string> = new Set(["encrypted", "hello", "hello-response"]);

/**
 * The hash that the sender signs. It is also what to remember against replays: it stays the same
 * whatever a relay does to the unsigned `innerType`, the signature's form or the header.
 */
export function envelopeDigest(
  command: Pick<EncryptedCommand, "ephemeralPub" | "nonce" | "ciphertext">,
): Uint8Array<ArrayBuffer> {
  return sha256(LABEL, command.ephemeralPub, command.nonce, command.ciphertext);
}

/**
 * Seals `inner` to the holder of `recipientNacl`.
 *
 * @throws {WireError} kind `sealed` for a command that is never sealed or a recipient key that is
 * not 32 bytes or of low order.
 */
export function seal(
  inner: Command,
  recipientNacl: Uint8Array,
  sender: NodeIdentity,
  random: RandomSource,
): EncryptedCommand {
  if (NEVER_SEALED.has(inner.type)) {
    throw new WireError("sealed", `Cannot seal ${inner.type}: this command never travels sealed`);
  }
  if (recipientNacl.length !== BOX_KEY_BYTES) {
    throw new WireError("sealed", "Cannot seal: the recipient's key is not 32 bytes");
  }
  const ephemeral = random(BOX_KEY_BYTES);
  const nonce = random(BOX_NONCE_BYTES);
  const plaintext = encodeCommand(inner);
  try {
    const ciphertext = boxSeal(plaintext, nonce, recipientNacl, ephemeral);
    if (ciphertext === null) {
      throw new WireError("sealed", "Cannot seal: the recipient's key is of low order");
    }
    const sealed = { ephemeralPub: x25519Public(ephemeral), nonce, ciphertext };
    return {
      type: "encrypted",
      ...sealed,
      signature: sender.sign(envelopeDigest(sealed)),
      sender: sender.identity,
      innerType: inner.type,
    };
  } finally {
    ephemeral.fill(0);
    plaintext.fill(0);
  }
}

/**
 * Opens what was sealed to `recipient`, in this order: signature, box, type, content. The caller
 * counts envelopes per sender first and remembers {@link envelopeDigest} of those that opened.
 *
 * @throws {WireError} kind `sealed`, or `unknown-type` or `command` for the sealed command.
 */
export function open(
  command: EncryptedCommand,
  recipient: NodeIdentity,
): { sender: Identity; inner: Command } {
  if (!verifySignature(envelopeDigest(command), command.signature, command.sender)) {
    throw new WireError("sealed", "Cannot open envelope: the signature is not its sender's");
  }
  const plaintext = recipient.boxOpen(command.ciphertext, command.nonce, command.ephemeralPub);
  if (plaintext === null) {
    throw new WireError("sealed", "Cannot open envelope: it was not sealed to this node");
  }
  try {
    if (NEVER_OPENED.has(command.innerType)) {
      throw new WireError(
        "sealed",
        `Cannot open envelope: ${command.innerType} never travels sealed`,
      );
    }
    return { sender: command.sender, inner: decodeCommand(command.innerType, plaintext) };
  } finally {
    plaintext.fill(0);
  }
}
