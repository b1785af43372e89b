/**
 * What a new party of a resharing checks and derives in each round, as functions of explicit state
 * (specification: ecdsa-resharing 5, 7 and 8). {@link reshare} strings them together.
 *
 * @module
 */

import { mod } from "../../arith/number.ts";
import { CurvePoint, secp256k1 } from "../../crypto/curve.ts";
import { partyContext } from "../../crypto/framed_hash.ts";
import { equalBytes, toHex } from "../../encoding/bytes.ts";
import { openCommitment } from "../commitment.ts";
import { partyKeyBytes } from "../party.ts";
import { verifyDlnPair } from "../proofs/dln.ts";
import { verifyFac } from "../proofs/fac.ts";
import { verifyMod } from "../proofs/mod.ts";
import { evaluateCommitments, verifyShare } from "../vss.ts";
import { type Breathe, type JointKey, pointsOrNull } from "./keygen_rounds.ts";
import {
  brokenRule,
  collisions,
  copiers,
  type PeerKeys,
  peerKeys,
  unresolved,
} from "./parameters.ts";
import {
  indices,
  type ResharingContext,
  resharingError,
  resharingVerdicts,
} from "./resharing_context.ts";
import type {
  ReshareRound1,
  ReshareRound2,
  ReshareRound3Opening,
  ReshareRound3Share,
  ReshareRound4Factors,
} from "./resharing_messages.ts";
import { keyIdOf } from "./share.ts";

/** The session and key that the old parties agree on. */
export interface Agreed {
  /** The session that all proofs are bound to. */
  readonly ssid: Uint8Array;
  /** The key to be reshared. */
  readonly publicKey: CurvePoint;
}

/**
 * Round 2: the old parties must agree on session and public key. A holder of old key data compares
 * with its own values and so blames exactly. Others blame who departs from a value that more old
 * parties state than can be corrupt; failing that nobody can be named (the Go library blames
 * whoever differs from old party 0).
 *
 * @throws {ProtocolError} of round 2, culprits counting in the old committee.
 */
export function checkAgreement(
  ctx: Pick<ResharingContext, "oldKeys" | "oldThreshold" | "old" | "expectedKeyId">,
  round1: ReadonlyMap<number, ReshareRound1>,
): Agreed {
  const messages = indices(ctx.oldKeys).map((j) => round1.get(j)!);
  const settle = (reason: string, guilty: readonly number[] | null) => {
    if (guilty === null) throw resharingError(2, reason);
    const verdicts = resharingVerdicts(2, "old");
    for (const j of guilty) verdicts.blame(j, reason);
    verdicts.settle();
  };
  const differing = (own: string | undefined, stated: string[]) =>
    own === undefined
      ? dissenters(stated, ctx.oldThreshold)
      : indices(stated).filter((j) => stated[j] !== own);

  const ssids = messages.map((m) => toHex(m.ssid));
  settle("ssid mismatch", differing(ctx.old === null ? undefined : toHex(ctx.old.ssid), ssids));
  if (ctx.expectedKeyId !== null) {
    const wanted = ctx.expectedKeyId;
    const wrong = indices(messages).filter((j) =>
      !equalBytes(keyIdOf(messages[j]!.publicKey), wanted)
    );
    settle("ecdsa pub key does not belong to the key id", wrong);
  }
  const text = (p: CurvePoint) => `${p.x},${p.y}`;
  const keys = messages.map((m) => text(m.publicKey));
  settle(
    "ecdsa pub key did not match what we received previously",
    differing(ctx.old === null ? undefined : text(ctx.old.publicKey), keys),
  );
  return { ssid: messages[0]!.ssid, publicKey: messages[0]!.publicKey };
}

/**
 * Who departs from the only value that at least `threshold + 1` parties state; none if all agree;
 * null if they differ and no single value has that many.
 */
function dissenters(stated: readonly string[], threshold: number): number[] | null {
  if (stated.every((s) => s === stated[0])) return [];
  const counts = new Map<string, number>();
  for (const s of stated) counts.set(s, (counts.get(s) ?? 0) + 1);
  const carried = [...counts].filter(([, count]) => count > threshold);
  if (carried.length !== 1) return null;
  return indices(stated).filter((j) => stated[j] !== carried[0]![0]);
}

/**
 * Round 4, A and B: every new party's parameters (own included) and the others' proofs of their
 * form. `round2` holds all n' messages. Returns the key objects of every new party.
 *
 * @throws {ProtocolError} of round 4, culprits counting in the new committee.
 */
export async function checkNewParameters(
  ctx: Pick<ResharingContext, "newIndex" | "newKeys" | "arith" | "random">,
  ssid: Uint8Array,
  round2: ReadonlyMap<number, ReshareRound2>,
  breathe: Breathe,
): Promise<PeerKeys[]> {
  const self = ctx.newIndex!;
  const verdicts = resharingVerdicts(4, "new");
  const all = indices(ctx.newKeys).map((j) => round2.get(j)!);
  for (const [j, parameters] of all.entries()) {
    const broken = brokenRule("resharing", parameters, ctx.arith, ctx.random);
    if (broken !== null && j === self) throw resharingError(4, `own parameters: ${broken}`);
    if (broken !== null) verdicts.blame(j, broken);
    await breathe();
  }
  verdicts.settle();

  const peers = all.map(peerKeys);
  const done = new Map<number, boolean>();
  const proofsHold = (j: number) => {
    const known = done.get(j);
    if (known !== undefined) return known;
    const session = partyContext(ssid, j);
    const { modProof, dlnProof1, dlnProof2 } = all[j]!;
    const modulus = peers[j]!.paillier.modulus;
    let holds = verifyMod({ session, modulus }, modProof, ctx.arith, ctx.random);
    if (holds) {
      const statement = { session, ...peers[j]!.pedersen };
      const dln = verifyDlnPair(statement, dlnProof1, dlnProof2, ctx.arith);
      holds = dln.proof1 && dln.proof2;
    }
    done.set(j, holds);
    return holds;
  };
  const found = collisions(all);
  for (const collision of found) {
    for (const j of copiers(collision, self, proofsHold)) verdicts.blame(j, collision.reason);
  }
  verdicts.settle();
  if (found.length > 0) throw resharingError(4, unresolved(found[0]!));

  for (const j of indices(all, self)) {
    if (!proofsHold(j)) verdicts.blame(j, "proof verification failed");
    await breathe();
  }
  verdicts.settle();
  return peers;
}

/** What the old parties' contributions give. */
export interface NewKey extends JointKey {
  /** The own new share. Secret. */
  readonly xi: bigint;
}

/**
 * Round 4, D to G: opens every old party's commitment, checks its share, compares its constant term
 * with the additive share it must stem from (where the old key data is known), and adds up.
 *
 * @throws {ProtocolError} of round 4, culprits counting in the old committee; a sum that does not
 * give the public key blames nobody.
 */
export function receiveShares(
  ctx: ResharingContext,
  publicKey: CurvePoint,
  round1: ReadonlyMap<number, ReshareRound1>,
  shares: ReadonlyMap<number, ReshareRound3Share>,
  openings: ReadonlyMap<number, ReshareRound3Opening>,
): NewKey {
  const verdicts = resharingVerdicts(4, "old");
  const ownKey = ctx.newKeys[ctx.newIndex!]!;
  const ownId = partyKeyBytes(ownKey);
  const length = ctx.newThreshold + 1;
  const commitments: CurvePoint[][] = [];
  for (const j of indices(ctx.oldKeys)) {
    const opened = openCommitment(round1.get(j)!.commitment, openings.get(j)!.deCommitment);
    const { share, receiverId } = shares.get(j)!;
    if (opened === null || opened.length !== 2 * length) {
      verdicts.blame(j, "v decommit failed");
      continue;
    }
    const points = pointsOrNull(opened);
    if (points === null) {
      verdicts.blame(j, "de-committed values are not points");
    } else if (!equalBytes(receiverId, ownId)) {
      verdicts.blame(j, "receiverId mismatch");
    } else if (!verifyShare(secp256k1, ctx.newThreshold, share, ownKey, points)) {
      verdicts.blame(j, "vss share verify failed");
    } else if (ctx.old !== null && !points[0]!.equals(ctx.old.bigW[j]!)) {
      verdicts.blame(j, "V_0 is not the party's part of the old key");
    } else {
      commitments[j] = points;
    }
  }
  verdicts.settle();

  const xi = mod(
    indices(ctx.oldKeys).reduce((sum, j) => sum + shares.get(j)!.share, 0n),
    secp256k1.q,
  );
  if (xi === 0n) throw resharingError(4, "xi is zero");
  const sums = Array.from({ length }, (_, c) => CurvePoint.sum(commitments.map((v) => v[c]!)));
  if (sums.some((v) => v.isIdentity)) {
    throw resharingError(4, "a sum of commitments is the identity");
  }
  if (!sums[0]!.equals(publicKey)) throw resharingError(4, "assertion failed: V_0 != y");
  const bigXj = ctx.newKeys.map((key, j) => {
    const point = evaluateCommitments(sums, key);
    // The Go library blames the new parties affected; but the sum is the old parties'.
    if (point === null) throw resharingError(4, `BigXj is the identity (new party ${j})`);
    return point;
  });
  return { xi, publicKey, bigXj };
}

/**
 * Round 5: every other new party's factor proof, made for this party: the tag is the receiver's
 * context.
 *
 * @throws {ProtocolError} of round 5, culprits counting in the new committee.
 */
export async function checkFactors(
  ctx: ResharingContext,
  ssid: Uint8Array,
  peers: readonly PeerKeys[],
  round4: ReadonlyMap<number, ReshareRound4Factors>,
  breathe: Breathe,
): Promise<void> {
  const self = ctx.newIndex!;
  const verdicts = resharingVerdicts(5, "new");
  const ownId = partyKeyBytes(ctx.newKeys[self]!);
  const session = partyContext(ssid, self);
  for (const j of indices(ctx.newKeys, self)) {
    const { facProof, receiverId } = round4.get(j)!;
    const statement = { session, n0: peers[j]!.paillier.n, own: ctx.own!.pedersen };
    if (!equalBytes(receiverId, ownId)) {
      verdicts.blame(j, "DGRound4Message1 receiverId mismatch");
    } else if (!verifyFac(statement, facProof, ctx.arith)) {
      verdicts.blame(j, "facProof verify failed");
    }
    await breathe();
  }
  verdicts.settle();
}
