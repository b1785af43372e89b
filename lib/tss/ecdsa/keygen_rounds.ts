/**
 * What a party of a key generation checks and derives in each round, as functions of explicit
 * state (specification: ecdsa-keygen). {@link keygen} strings them together.
 *
 * @module
 */

import type { Arithmetic } from "../../arith/mod.ts";
import type { RandomSource } from "../../arith/random.ts";
import { type CurvePoint, secp256k1, unflattenPoints } from "../../crypto/curve.ts";
import { partyContext } from "../../crypto/framed_hash.ts";
import { equalBytes } from "../../encoding/bytes.ts";
import { openCommitment } from "../commitment.ts";
import { ProtocolError } from "../errors.ts";
import { partyKeyBytes } from "../party.ts";
import { verifyDlnPair } from "../proofs/dln.ts";
import { verifyFac } from "../proofs/fac.ts";
import { verifyMod } from "../proofs/mod.ts";
import { verifyPaillierKey } from "../proofs/paillier_key.ts";
import { unlessEquivocated, Verdicts } from "../verdicts.ts";
import { evaluateCommitments, verifyShare } from "../vss.ts";
import type {
  KeygenRound1,
  KeygenRound2Opening,
  KeygenRound2Share,
  KeygenRound3,
} from "./keygen_messages.ts";
import {
  brokenRule,
  collisions,
  copiers,
  type OwnKeys,
  ownKeys,
  type PeerKeys,
  peerKeys,
  unresolved,
} from "./parameters.ts";
import type { PreParams } from "./preparams.ts";
import { keygenSsid } from "./ssid.ts";

/** The protocol's name in errors. */
export const KEYGEN_TASK = "ecdsa-keygen";

/** What stays the same from the first round to the last. */
export interface KeygenContext {
  /** Party keys, ascending. */
  readonly keys: readonly bigint[];
  /** The own index. */
  readonly self: number;
  /** Every index but the own. */
  readonly others: readonly number[];
  /** `threshold + 1` parties will be able to sign. */
  readonly threshold: number;
  /** The session that all proofs are bound to. */
  readonly ssid: Uint8Array;
  /** Context bytes of every party's proofs. */
  readonly contexts: readonly Uint8Array[];
  /** The own keys, with their factors. Secret. */
  readonly own: OwnKeys;
  /** The back-end for big exponentiations. */
  readonly arith: Arithmetic;
  /** Source of all secrets. */
  readonly random: RandomSource;
}

/** What anybody may know of a key generation; enough to check all that is broadcast in it. */
export type KeygenPublic = Omit<KeygenContext, "own">;

/** Gives way to other work on the thread; see {@link Channel.breathe}. */
export type Breathe = () => Promise<void>;

/** Fails the key generation without blaming anybody. */
export function keygenError(round: number, reason: string): ProtocolError {
  return new ProtocolError({ task: KEYGEN_TASK, round, reason, culprits: [] });
}

/**
 * Derives the context of a run.
 *
 * @throws {ProtocolError} of round 1 unless the keys are ascending and `1 <= threshold < n`.
 */
export function keygenContext(input: {
  readonly keys: readonly bigint[];
  readonly self: number;
  readonly threshold: number;
  readonly ceremonyId: Uint8Array;
  readonly preParams: PreParams;
  readonly arith: Arithmetic;
  readonly random: RandomSource;
}): KeygenContext {
  const { keys, self, threshold } = input;
  if (!Number.isSafeInteger(threshold) || threshold < 1 || threshold >= keys.length) {
    throw keygenError(1, "the threshold must be at least 1 and below the number of parties");
  }
  if (keys.some((key, j) => key <= (j === 0 ? 0n : keys[j - 1]!))) {
    throw keygenError(1, "the parties must be sorted by distinct positive keys");
  }
  if (keys[self] === undefined) throw keygenError(1, "the own index is outside the committee");
  const ssid = keygenSsid(input);
  return {
    keys,
    self,
    others: keys.map((_, j) => j).filter((j) => j !== self),
    threshold,
    ssid,
    contexts: keys.map((_, j) => partyContext(ssid, j)),
    own: ownKeys(input.preParams),
    arith: input.arith,
    random: input.random,
  };
}

/**
 * Round 2, checking half: everybody's parameters, own ones included, and the others' DLN proofs.
 *
 * `round1` holds all n messages. Returns the key objects of every party.
 *
 * @throws {ProtocolError} of round 2 naming everybody whose parameters or proofs are bad.
 */
export async function checkParameters(
  ctx: KeygenPublic,
  round1: ReadonlyMap<number, KeygenRound1>,
  breathe: Breathe,
): Promise<PeerKeys[]> {
  const verdicts = new Verdicts(KEYGEN_TASK, 2);
  const all = ctx.keys.map((_, j) => round1.get(j)!);
  for (const [j, parameters] of all.entries()) {
    const broken = brokenRule("keygen", parameters, ctx.arith, ctx.random);
    if (broken !== null && j === ctx.self) throw keygenError(2, `own parameters: ${broken}`);
    if (broken !== null) verdicts.blame(j, broken);
    await breathe();
  }
  verdicts.settle();

  const peers = all.map(peerKeys);
  const proofs = new Map<number, { proof1: boolean; proof2: boolean }>();
  const dln = (j: number) => {
    const done = proofs.get(j) ?? verifyDlnPair(
      { session: ctx.contexts[j]!, ...peers[j]!.pedersen },
      all[j]!.dlnProof1,
      all[j]!.dlnProof2,
      ctx.arith,
    );
    proofs.set(j, done);
    return done.proof1 && done.proof2;
  };
  const found = collisions(all);
  for (const collision of found) {
    for (const j of copiers(collision, ctx.self, dln)) verdicts.blame(j, collision.reason);
  }
  verdicts.settle();
  if (found.length > 0) throw keygenError(2, unresolved(found[0]!));

  for (const j of ctx.others) {
    if (!dln(j)) verdicts.blame(j, "dln proof verification failed");
    await breathe();
  }
  verdicts.settle();
  return peers;
}

/**
 * Round 3, checking half: every other party's opening, modulus proof, share and factor proof, each
 * share before anything is summed.
 *
 * Returns the polynomial commitments by party index, without the own.
 *
 * @throws {ProtocolError} of round 3 naming everybody who failed a check.
 */
export async function checkShares(
  ctx: KeygenContext,
  peers: readonly PeerKeys[],
  round1: ReadonlyMap<number, KeygenRound1>,
  shares: ReadonlyMap<number, KeygenRound2Share>,
  openings: ReadonlyMap<number, KeygenRound2Opening>,
  breathe: Breathe,
): Promise<Map<number, CurvePoint[]>> {
  const verdicts = new Verdicts(KEYGEN_TASK, 3);
  const out = new Map<number, CurvePoint[]>();
  const ownId = partyKeyBytes(ctx.keys[ctx.self]!);
  for (const j of ctx.others) {
    const share = shares.get(j)!;
    const { deCommitment, modProof } = openings.get(j)!;
    const session = ctx.contexts[j]!;
    const opened = openCommitment(round1.get(j)!.commitment, deCommitment);
    if (opened === null) {
      verdicts.blame(j, "de-commitment verify failed");
      continue;
    }
    const commitments = pointsOrNull(opened);
    if (commitments === null) {
      verdicts.blame(j, "de-committed values are not points");
      continue;
    }
    const modulus = peers[j]!.paillier.modulus;
    if (!verifyMod({ session, modulus }, modProof, ctx.arith, ctx.random)) {
      verdicts.blame(j, "modProof verify failed");
      continue;
    }
    await breathe();
    if (!equalBytes(share.receiverId, ownId)) {
      verdicts.blame(j, "receiverId mismatch");
      continue;
    }
    const id = ctx.keys[ctx.self]!;
    if (!verifyShare(secp256k1, ctx.threshold, share.share, id, commitments)) {
      verdicts.blame(j, "vss verify failed");
      continue;
    }
    const statement = { session, n0: peers[j]!.paillier.n, own: ctx.own.pedersen };
    if (!verifyFac(statement, share.facProof, ctx.arith)) {
      verdicts.blame(j, "facProof verify failed");
      continue;
    }
    out.set(j, commitments);
    await breathe();
  }
  verdicts.settle();
  return out;
}

/** What all polynomials together give. */
export interface JointKey {
  /** What signatures will verify under. */
  readonly publicKey: CurvePoint;
  /** The public image of every party's share. */
  readonly bigXj: readonly CurvePoint[];
}

/**
 * Round 3, deriving half: sums the polynomial commitments of all parties (own ones included) and
 * evaluates the sum for every party.
 *
 * @throws {ProtocolError} of round 3 when a sum is the identity, naming whose part made it so.
 */
export function jointKey(
  ctx: KeygenPublic,
  commitments: ReadonlyMap<number, readonly CurvePoint[]>,
): JointKey {
  const sums = [...commitments.get(ctx.self)!];
  for (const j of ctx.others) {
    const theirs = commitments.get(j)!;
    for (let c = 0; c <= ctx.threshold; c++) {
      sums[c] = sums[c]!.add(theirs[c]!);
      if (sums[c]!.isIdentity) {
        throw new ProtocolError({
          task: KEYGEN_TASK,
          round: 3,
          reason: "vc point addition failed",
          culprits: [j],
        });
      }
    }
  }
  const bigXj = ctx.keys.map((key, j) => {
    const point = evaluateCommitments(sums, key);
    if (point !== null) return point;
    // The Go library blames j, whose key this is; but the sum is everybody's.
    throw keygenError(3, `BigXj identity or computation error (party ${j})`);
  });
  return { publicKey: sums[0]!, bigXj };
}

/**
 * Round 4: every other party's Paillier key proof, under the own view of the public key. All are
 * verified, so that only those who failed are blamed. A proof also fails if somebody else showed
 * its prover other commitments and so another public key; the reason says so.
 *
 * @throws {ProtocolError} of round 4 naming everybody whose proof fails.
 */
export async function checkPaillierProofs(
  ctx: KeygenPublic,
  peers: readonly PeerKeys[],
  publicKey: CurvePoint,
  round3: ReadonlyMap<number, KeygenRound3>,
  breathe: Breathe,
): Promise<void> {
  const verdicts = new Verdicts(KEYGEN_TASK, 4);
  for (const j of ctx.others) {
    const modulus = peers[j]!.paillier.modulus;
    const statement = { modulus, partyKey: ctx.keys[j]!, point: publicKey };
    if (!verifyPaillierKey(statement, round3.get(j)!.paillierProof, ctx.arith)) {
      verdicts.blame(j, unlessEquivocated(ctx.others, "paillier verify failed"));
    }
    await breathe();
  }
  verdicts.settle();
}

/** Reads flattened points of secp256k1; null when the count is odd or a pair is no point. */
export function pointsOrNull(flat: readonly bigint[]): CurvePoint[] | null {
  try {
    return unflattenPoints(flat, secp256k1);
  } catch {
    return null;
  }
}
