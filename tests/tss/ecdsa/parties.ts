/**
 * Committees, pre-parameters and complete local runs for the ECDSA tests.
 *
 * @module
 */

import assert from "node:assert/strict";
import { secp256k1 as noble } from "@noble/curves/secp256k1.js";
import { defaultArithmetic } from "../../../lib/arith/mod.ts";
import { systemRandom } from "../../../lib/arith/random.ts";
import { encodeCompressed } from "../../../lib/crypto/curve.ts";
import { identityToInt, parseIdentity } from "../../../lib/crypto/identity.ts";
import { concat, equalBytes } from "../../../lib/encoding/bytes.ts";
import type { Json } from "../../../lib/encoding/json.ts";
import { keygen } from "../../../lib/tss/ecdsa/keygen.ts";
import { parsePreParams, type PreParams } from "../../../lib/tss/ecdsa/preparams.ts";
import { reshare, type ResharingInput } from "../../../lib/tss/ecdsa/resharing.ts";
import { type EcdsaShare, keyIdOf, nextKey, signerKey } from "../../../lib/tss/ecdsa/share.ts";
import { type EcdsaSignature, sign } from "../../../lib/tss/ecdsa/signing.ts";
import { type Party, sortParties } from "../../../lib/tss/party.ts";
import { localRun, localSuccess, type Seat, type Tamper } from "../local_run.ts";
import { readTranscript, testdata } from "../replay.ts";
import { recordedShares } from "./replay_keygen.ts";

const arith = defaultArithmetic();
const random = systemRandom;

/** The recorded pre-parameter sets (8 of them), parsed. */
export const PRE_PARAMS: readonly PreParams[] = (testdata("preparams.json") as Json[]).map(
  parsePreParams,
);

/** Node number `i`'s identity; number 0 starts with a zero byte. */
export function identityOf(i: number): Party["identity"] {
  return parseIdentity((0x11 * i).toString(16).padStart(2, "0").repeat(19) + "a2");
}

/** A fresh ceremony id. */
export function ceremonyId(): Uint8Array {
  return random(32);
}

/** Nodes with their plain keys, sorted. */
export function committee(nodes: readonly number[]): Party[] {
  return sortParties(
    nodes.map(identityOf).map((identity) => ({ identity, key: identityToInt(identity) })),
  );
}

/** A key held by nodes: shares by node identity. */
export interface HeldKey {
  readonly threshold: number;
  readonly shares: ReadonlyMap<Party["identity"], EcdsaShare>;
}

/** Generates a key among nodes 0 to n − 1; node i uses pre-parameter set i. */
export async function generate(n: number, threshold: number): Promise<HeldKey> {
  const parties = committee([...Array(n).keys()]);
  const id = ceremonyId();
  const shares = await localSuccess(
    "ecdsa-keygen",
    parties.map((_, j) => ({ single: j })),
    (self, channel) =>
      keygen({
        parties,
        self,
        threshold,
        ceremonyId: id,
        preParams: PRE_PARAMS[self]!,
        arith,
        random,
      }, channel),
  );
  return { threshold, shares: new Map(parties.map((p, j) => [p.identity, shares[j]!])) };
}

/** A key that the Go library made or reshared, as held by the recorded parties. */
export function recordedKey(file: string, field: "parties" | "newParties" = "parties"): HeldKey {
  const t = readTranscript(file);
  const shares = recordedShares(t);
  const threshold = field === "parties" ? t.threshold : t.newThreshold;
  const entries = t[field].map((p) =>
    [parseIdentity(p.identity), shares.find((s) => s.shareId === p.key)!] as const
  );
  return { threshold, shares: new Map(entries) };
}

/**
 * The identities of numbered nodes: the holders of `key` first, in order, then strangers. For
 * tests that start from a recorded key, which costs nothing, and not from a fresh one.
 */
export function nodesOf(key: HeldKey, ...numbers: number[]): Party["identity"][] {
  const holders = [...key.shares.keys()];
  return numbers.map((i) => holders[i] ?? identityOf(i));
}

/** The signers among the holders of a key, sorted by the keys they have in it. */
export function signers(key: HeldKey, identities: readonly Party["identity"][]): Party[] {
  const some = [...key.shares.values()][0]!;
  return sortParties(
    identities.map((identity) => ({ identity, key: signerKey(some, identity) })),
  );
}

/** Runs a signing, with a hook on every message. */
export function signLocally(
  key: HeldKey,
  identities: readonly Party["identity"][],
  digest: Uint8Array,
  tamper?: Tamper,
) {
  const parties = signers(key, identities);
  const id = ceremonyId();
  return localRun<EcdsaSignature>(
    "ecdsa-signing",
    parties.map((_, j) => ({ single: j })),
    (self, channel) =>
      sign({
        parties,
        self,
        threshold: key.threshold,
        ceremonyId: id,
        share: key.shares.get(parties[self]!.identity)!,
        digest,
        arith,
        random,
      }, channel),
    tamper,
  );
}

/** Signs a random digest, checks every signer's result with noble, public key recovery included. */
export async function signsWith(
  key: HeldKey,
  identities: readonly Party["identity"][],
): Promise<void> {
  const digest = random(32);
  digest[0] = 0; // below the group order for sure, and a leading zero byte
  const { results } = await signLocally(key, identities, digest);
  const publicKey = [...key.shares.values()][0]!.publicKey;
  for (const result of results) {
    if (result.status === "rejected") throw result.reason;
    const { r, s, recoveryId } = result.value;
    const compact = concat(r, s);
    const compressed = encodeCompressed(publicKey);
    assert.ok(noble.verify(compact, digest, compressed, { prehash: false, lowS: true }));
    const recovered = noble.Signature
      .fromBytes(concat(Uint8Array.of(recoveryId), compact), "recovered")
      .recoverPublicKey(digest);
    assert.ok(equalBytes(recovered.toBytes(true), compressed));
  }
}

/** Everything about a resharing but who holds what. */
export interface ReshareSetup {
  readonly oldParties: Party[];
  readonly newParties: Party[];
  readonly seats: Seat[];
  readonly nodes: Party["identity"][];
}

/** Seats for a resharing: old parties hold the key, new parties get the other form of their keys. */
export function reshareSetup(
  key: HeldKey,
  oldIdentities: readonly Party["identity"][],
  newIdentities: readonly Party["identity"][],
): ReshareSetup {
  const oldParties = signers(key, oldIdentities);
  const some = [...key.shares.values()][0]!;
  const plain = some.shareId === identityToInt(keyHolder(key, some));
  const newParties = sortParties(newIdentities.map((identity) => {
    const form = identityToInt(identity);
    return { identity, key: plain ? nextKey(form) : form };
  }));
  const nodes = [...new Set([...oldIdentities, ...newIdentities])];
  const seats = nodes.map((identity) => {
    const seat: { old?: number; new?: number } = {};
    const o = oldParties.findIndex((p) => p.identity === identity);
    const n = newParties.findIndex((p) => p.identity === identity);
    if (o !== -1) seat.old = o;
    if (n !== -1) seat.new = n;
    return seat;
  });
  return { oldParties, newParties, seats, nodes };
}

function keyHolder(key: HeldKey, share: EcdsaShare): Party["identity"] {
  return [...key.shares].find(([, s]) => s === share)![0];
}

/** Runs a resharing, with a hook on every message and on every node's input. */
export function reshareLocally(
  key: HeldKey,
  setup: ReshareSetup,
  newThreshold: number,
  tamper?: Tamper,
  change: (seat: number) => Partial<ResharingInput> = () => ({}),
) {
  const id = ceremonyId();
  const { oldParties, newParties, seats, nodes } = setup;
  const publicKey = [...key.shares.values()][0]!.publicKey;
  return localRun<EcdsaShare | null>("ecdsa-resharing", seats, (seat, channel) => {
    const { old: oldIndex = null, new: newIndex = null } = seats[seat]!;
    return reshare({
      oldParties,
      newParties,
      oldIndex,
      newIndex,
      oldThreshold: key.threshold,
      newThreshold,
      ceremonyId: id,
      share: key.shares.get(nodes[seat]!) ?? null,
      preParams: newIndex === null ? null : PRE_PARAMS[newIndex]!,
      expectedKeyId: keyIdOf(publicKey),
      arith,
      random,
      ...change(seat),
    }, channel);
  }, tamper);
}

/** Reshares successfully and returns the key as its new committee holds it. */
export async function reshared(
  key: HeldKey,
  oldIdentities: readonly Party["identity"][],
  newIdentities: readonly Party["identity"][],
  newThreshold: number,
): Promise<HeldKey> {
  const setup = reshareSetup(key, oldIdentities, newIdentities);
  const { results } = await reshareLocally(key, setup, newThreshold);
  const shares = new Map<Party["identity"], EcdsaShare>();
  for (const [seat, result] of results.entries()) {
    if (result.status === "rejected") throw result.reason;
    if (result.value !== null) shares.set(setup.nodes[seat]!, result.value);
  }
  return { threshold: newThreshold, shares };
}
