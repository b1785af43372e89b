/**
 * Floods a daemon from a thread of its own, so that the thread that measures honest traffic is not
 * disturbed by preparing the attack.
 *
 * @module
 */

import { systemRandom } from "../../lib/arith/random.ts";
import type { Identity } from "../../lib/crypto/identity.ts";
import { concat, toHex, u32be, utf8 } from "../../lib/encoding/bytes.ts";
import { encodeCommand } from "../../lib/mesh/commands.ts";
import { encodeEnvelope, encodeOneHop } from "../../lib/mesh/envelope.ts";
import { partyIdOf } from "../../lib/mesh/party_ids.ts";
import { seal } from "../../lib/mesh/sealed.ts";
import { signTss } from "../../lib/mesh/tss_command.ts";
import { sha256 } from "../../lib/crypto/kdf.ts";
import { attackerKey, RawLink, type Target, TcpPeer } from "./tcp_peer.ts";

/** What to do. */
export interface FloodJob {
  readonly kind: FloodKind;
  readonly target: Target;
  readonly victim: Identity;
  readonly victimNacl: Uint8Array;
  readonly milliseconds: number;
}

/** What became of it. */
export interface FloodReport {
  readonly sent: number;
  readonly sessions: number;
}

/** The attacks by name. */
export type FloodKind = keyof typeof makers | "connections that send garbage";

type Make = (job: FloodJob, i: number) => Uint8Array;

const MEBIBYTE = 1 << 20;
const key = attackerKey("flood");
const oneHop = (type: string, body: Uint8Array) =>
  encodeEnvelope({ payloadType: type, origin: key.identity, ttl: 1 }, body);
const unique = (i: number) => sha256(concat(utf8("flood"), u32be(i)));
const cached: Uint8Array[] = [];

/** Returns made message `i % count`, making each once: for what is expensive to make. */
function oneOf(count: number, i: number, make: (i: number) => Uint8Array): Uint8Array {
  return cached[i % count] ??= make(i % count);
}

const makers = {
  "pings": (_, i) => encodeOneHop({ type: "ping", originTimestamp: BigInt(i) }, key.identity),
  "round messages with a false signature": (_, i) =>
    encodeOneHop({
      type: "tss",
      ceremonyId: unique(i),
      ceremonyType: 1,
      from: key.identity,
      flags: 1,
      data: utf8("{}"),
      signature: concat(Uint8Array.of(31), unique(i), unique(i + 1)),
    }, key.identity),
  "signed round messages of unknown ceremonies": (_, i) =>
    oneOf(
      200,
      i,
      (n) => encodeOneHop(signTss(key, unique(n), 1, 1, utf8('{"t":"x","c":{}}')), key.identity),
    ),
  "huge round messages": (_, i) =>
    oneOf(
      4,
      i,
      (n) =>
        encodeOneHop(signTss(key, unique(n), 1, 1, new Uint8Array(700_000).fill(32)), key.identity),
    ),
  "forged envelopes": (job, i) =>
    encodeOneHop({
      type: "encrypted",
      ephemeralPub: job.victimNacl,
      nonce: unique(i).subarray(0, 24),
      ciphertext: new Uint8Array(64),
      signature: concat(Uint8Array.of(31), unique(i), unique(i + 1)),
      sender: toHex(unique(i).subarray(0, 20)) as Identity,
      innerType: "sign",
    }, key.identity),
  "sealed requests of a stranger": (job, i) =>
    oneOf(1_000, i, (n) =>
      encodeOneHop(
        seal(
          {
            type: "keygen",
            ceremonyId: unique(n),
            curve: "secp256k1",
            committee: [job.victim, key.identity].map((id) => partyIdOf(id)),
            threshold: 1n,
            coordinator: key.identity,
          },
          job.victimNacl,
          key,
          systemRandom,
        ),
        key.identity,
      )),
  "unsigned requests": (job, i) =>
    encodeEnvelope(
      { payloadType: "keygen", origin: key.identity, destination: job.victim, ttl: 8 },
      encodeCommand({
        type: "keygen",
        ceremonyId: unique(i),
        curve: "secp256k1",
        committee: [job.victim, key.identity].map((id) => partyIdOf(id)),
        threshold: 1n,
        coordinator: key.identity,
      }),
    ),
  "invented peers": (_, i) =>
    encodeOneHop({
      type: "peer-list-response",
      peers: Array.from({ length: 256 }, (_, j) => ({
        identity: toHex(unique(256 * i + j).subarray(0, 20)) as Identity,
        address: `198.51.100.${j % 250 + 1}:9`,
        naclPub: unique(256 * i + j),
        version: 1,
        lastSeen: BigInt(Math.floor(Date.now() / 1000)),
        sessions: [],
      })),
    }, key.identity),
  "list requests": () => encodeOneHop({ type: "peer-list-request" }, key.identity),
  "deep JSON": (_, i) =>
    oneOf(2, i, () => oneHop("peer-list-response", utf8('{"peers":' + "[".repeat(MEBIBYTE - 999)))),
  "wide JSON": (_, i) =>
    oneOf(
      2,
      i,
      () => oneHop("peer-list-response", utf8(`{"x":[${"{},".repeat(MEBIBYTE / 3 - 999)}{}]}`)),
    ),
  "giant numbers": (_, i) =>
    oneOf(2, i, () => oneHop("ping", utf8(`{"originTimestamp":${"9".repeat(MEBIBYTE - 999)}}`))),
  "broadcasts": (_, i) =>
    encodeEnvelope(
      {
        payloadType: "ceremony-abort",
        origin: key.identity,
        destination: "0".repeat(40) as Identity,
        ttl: 255,
      },
      encodeCommand({ type: "ceremony-abort", ceremonyId: unique(i), reason: "x".repeat(20_000) }),
    ),
  "routed messages to nowhere": (_, i) =>
    encodeEnvelope(
      {
        payloadType: "ceremony-status",
        origin: key.identity,
        destination: toHex(unique(i).subarray(0, 20)) as Identity,
        ttl: 8,
      },
      encodeCommand({ type: "ceremony-status", ceremonyId: unique(i) }),
    ),
} satisfies Record<string, Make>;

/** All attacks. */
export const FLOODS = [
  ...Object.keys(makers),
  "connections that send garbage",
] as FloodKind[];

/** How much longer than asked for a flood goes on at the most, in milliseconds. */
const LONGEST = 120_000;

/** Said by whoever started the flood: it has seen what it wanted to see. */
let enough = false;

async function flood(job: FloodJob): Promise<FloodReport> {
  let sent = 0;
  let sessions = 0;
  const until = performance.now() + job.milliseconds;
  const going = () => {
    const late = performance.now() - until;
    return late < 0 || (late < LONGEST && (sent === 0 || !enough));
  };
  if (job.kind === "connections that send garbage") {
    const one = async () => {
      while (going()) {
        const link = await RawLink.open(job.target).catch(() => null);
        if (link === null) continue;
        sessions++;
        if (await link.write(systemRandom(5_000))) sent++;
        await link.closed();
        link.close();
      }
    };
    await Promise.all(Array.from({ length: 20 }, one));
    return { sent, sessions };
  }
  const make: Make = makers[job.kind];
  while (going()) {
    const peer = await TcpPeer.connect(job.target, key).catch(() => null);
    if (peer === null) continue;
    sessions++;
    try {
      while (going() && !peer.ended) {
        await peer.transport.send(make(job, sent));
        sent++;
      }
    } catch {
      // thrown out: come again
    }
    peer.close();
  }
  return { sent, sessions };
}

// Also imported by the test for its names: only a worker has a scope that takes messages.
if ("WorkerGlobalScope" in globalThis) {
  const scope = self as unknown as {
    onmessage: (event: MessageEvent<FloodJob | "enough">) => void;
    postMessage(report: FloodReport | { failure: string }): void;
  };
  scope.onmessage = ({ data }) => {
    if (data === "enough") {
      enough = true;
      return;
    }
    flood(data).then(
      (report) => scope.postMessage(report),
      (error) => scope.postMessage({ failure: String(error?.stack ?? error) }),
    );
  };
}
