/**
 * What the EdDSA tests share: seeded randomness, committees, whole runs in one thread, and the
 * reconstruction of a recorded party's random choices.
 *
 * @module
 */

import { sha256 } from "@noble/hashes/sha2.js";
import { mod, modInverse } from "../../../lib/arith/number.ts";
import type { RandomSource } from "../../../lib/arith/random.ts";
import { curveConstants, ed25519 } from "../../../lib/crypto/curve.ts";
import { hashIntsTagged, partyContext } from "../../../lib/crypto/framed_hash.ts";
import { type Identity, identityToInt, parseIdentity } from "../../../lib/crypto/identity.ts";
import { concat, intToBytes, toHex, u32be, utf8 } from "../../../lib/encoding/bytes.ts";
import type { Json } from "../../../lib/encoding/json.ts";
import { keygen } from "../../../lib/tss/eddsa/keygen.ts";
import type { ProvedOpeningContent } from "../../../lib/tss/eddsa/messages.ts";
import { reshare } from "../../../lib/tss/eddsa/resharing.ts";
import type { EddsaShare } from "../../../lib/tss/eddsa/share.ts";
import { type EddsaSignature, sign } from "../../../lib/tss/eddsa/signing.ts";
import type { Party } from "../../../lib/tss/party.ts";
import { type LocalOutcome, localRun, type Seat, Stalled, type Tamper } from "../local_run.ts";

/** The group order. */
export const L = ed25519.q;

/** Deterministic bytes: SHA-256 of seed and counter. */
export function seeded(seed: string): RandomSource {
  let counter = 0;
  return (length) => {
    const blocks: Uint8Array[] = [];
    for (let at = 0; at < length; at += 32) {
      blocks.push(sha256(concat(utf8(seed), u32be(counter++))));
    }
    return concat(...blocks).slice(0, length);
  };
}

/** Returns exactly these integers, one per draw, and fails if asked for more. */
export function scripted(values: readonly bigint[]): RandomSource & { left(): number } {
  const rest = [...values];
  const source = (length: number) => {
    if (rest.length === 0) throw new Error("The script of random values is at its end");
    return intToBytes(rest.shift()!, length);
  };
  return Object.assign(source, { left: () => rest.length });
}

/** An identity derived from a name. */
export function identity(name: string): Identity {
  return parseIdentity(toHex(sha256(utf8(name)).subarray(0, 20)));
}

/** Parties under their plain keys (`form` 0) or keys XOR 1 (`form` 1), ascending. */
export function committee(names: readonly string[], form: 0 | 1 = 0): Party[] {
  return names.map((name) => {
    const id = identity(name);
    const plain = identityToInt(id);
    return { identity: id, key: form === 0 ? plain : plain ^ 1n };
  }).sort((a, b) => a.key < b.key ? -1 : 1);
}

/** Parties for bare keys, as in the earlier transcript; identities are made up. */
export function partiesOf(keys: readonly bigint[], prefix: string): Party[] {
  return keys.map((key, i) => ({ identity: identity(`${prefix}${i}`), key }));
}

/** One seat per party of a single committee. */
export function seatsOf(parties: readonly Party[]): Seat[] {
  return parties.map((_, single) => ({ single }));
}

const ID = sha256(utf8("ceremony"));

/** Runs a key generation. */
export function runKeygen(
  parties: readonly Party[],
  threshold: number,
  tamper?: Tamper,
  seed = "keygen",
): Promise<LocalOutcome<EddsaShare>> {
  return localRun("eddsa-keygen", seatsOf(parties), (self, channel) => {
    const random = seeded(`${seed}/${self}`);
    return keygen({ parties, self, threshold, ceremonyId: ID, random }, channel);
  }, tamper);
}

/** Runs a signing by the holders of `shares`, which must be in the order of their keys. */
export function runSigning(
  shares: readonly EddsaShare[],
  threshold: number,
  message: Uint8Array,
  tamper?: Tamper,
  seed = "signing",
): Promise<LocalOutcome<EddsaSignature>> {
  const parties = partiesOf(shares.map((share) => share.shareId), "signer");
  return localRun("eddsa-signing", seatsOf(parties), (self, channel) => {
    const random = seeded(`${seed}/${self}`);
    const share = shares[self]!;
    return sign({ parties, self, threshold, share, message, ceremonyId: ID, random }, channel);
  }, tamper);
}

/** A resharing to run. */
export interface ResharingCase {
  readonly oldParties: readonly Party[];
  readonly newParties: readonly Party[];
  readonly oldThreshold: number;
  readonly newThreshold: number;
  /** In the order of `oldParties`. */
  readonly shares: readonly EddsaShare[];
  readonly expectedKeyId?: Uint8Array;
  readonly onPendingShare?: (seat: number, share: EddsaShare) => Promise<void>;
  readonly onNewShare?: (seat: number, share: EddsaShare) => Promise<void>;
  /** A share for a new-only seat that holds one of the old key. */
  readonly undealt?: EddsaShare;
}

/** One seat per node: old parties first, in order, then the nodes that are new only. */
export function resharingSeats({ oldParties, newParties }: ResharingCase): Seat[] {
  const seats: Seat[] = oldParties.map((party, old) => {
    const found = newParties.findIndex((p) => p.identity === party.identity);
    return found === -1 ? { old } : { old, new: found };
  });
  newParties.forEach((party, index) => {
    if (!oldParties.some((p) => p.identity === party.identity)) seats.push({ new: index });
  });
  return seats;
}

/** Runs a resharing; results are in the order of {@link resharingSeats}. */
export function runResharing(
  run: ResharingCase,
  tamper?: Tamper,
  seed = "resharing",
): Promise<LocalOutcome<EddsaShare | null>> {
  const seats = resharingSeats(run);
  return localRun("eddsa-resharing", seats, (seat, channel) => {
    const { old = null, new: fresh = null } = seats[seat]!;
    const random = seeded(`${seed}/${seat}`);
    return reshare({
      oldParties: run.oldParties,
      newParties: run.newParties,
      oldIndex: old,
      newIndex: fresh,
      oldThreshold: run.oldThreshold,
      newThreshold: run.newThreshold,
      share: old === null ? run.undealt ?? null : run.shares[old]!,
      expectedKeyId: run.expectedKeyId,
      ceremonyId: ID,
      random,
      onPendingShare: (share) => run.onPendingShare?.(seat, share) ?? Promise.resolve(),
      onNewShare: (share) => run.onNewShare?.(seat, share) ?? Promise.resolve(),
    }, channel);
  }, tamper);
}

/** The new shares of a successful resharing, in the order of the new committee. */
export function newShares(outcome: LocalOutcome<EddsaShare | null>): EddsaShare[] {
  return everyResult(outcome)
    .filter((share) => share !== null)
    .sort((a, b) => a.shareId < b.shareId ? -1 : 1);
}

/** All results of a run in which everybody succeeded; throws the first real failure otherwise. */
export function everyResult<T>(outcome: LocalOutcome<T>): T[] {
  const failures = outcome.results.flatMap((r) => r.status === "rejected" ? [r.reason] : []);
  const first = failures.find((e) => !(e instanceof Stalled)) ?? failures[0];
  if (first !== undefined) throw first;
  return outcome.results.map((r) => (r as PromiseFulfilledResult<T>).value);
}

/** Solves for the coefficients mod L of the polynomial of degree `points.length - 1`. */
export function coefficients(points: readonly { x: bigint; y: bigint }[]): bigint[] {
  const total = points.map(() => 0n);
  points.forEach(({ x, y }, i) => {
    let basis = [1n];
    let scale = y;
    points.forEach((other, j) => {
      if (i === j) return;
      const shifted = [0n, ...basis];
      basis = shifted.map((c, k) => mod(c - other.x * (basis[k] ?? 0n), L));
      scale = mod(scale * modInverse(mod(x - other.x, L), L), L);
    });
    basis.forEach((c, k) => total[k] = mod(total[k]! + c * scale, L));
  });
  return total;
}

/** The nonce a recorded Schnorr proof was made with, given its secret: `a = T - e·x`. */
export function schnorrNonce(
  ssid: Uint8Array,
  party: number,
  { opening, proof }: ProvedOpeningContent,
  secret: bigint,
): bigint {
  const [, , , gx, gy] = curveConstants(ed25519);
  const items = [opening[1]!, opening[2]!, gx!, gy!, proof.alpha.x, proof.alpha.y];
  const e = mod(hashIntsTagged(partyContext(ssid, party), items), L);
  return mod(proof.t - e * secret, L);
}

/** A copy of an object content with some members replaced. */
export function withFields(content: Json, fields: Record<string, Json>): Json {
  return new Map([...(content as Map<string, Json>), ...Object.entries(fields)]);
}
