/**
 * Signing from a presignature: one message of everybody to everybody.
 *
 * With `R = k^-1·G` and shares `k_i` of k and `sigma_i` of `k·x`, the nonce is re-randomised by a
 * public factor `delta` that is a hash of everything that is signed (Groth and Shoup 2021, eprint
 * 2021/1330): `R' = delta·R` has the nonce `delta·k^-1`, so with `r = x(R')`
 *
 *     s = (delta·k^-1)^-1·(m + r·x) = delta^-1·(m·k + r·k·x) = delta^-1·Σ (m·k_i + r·sigma_i)
 *
 * Everybody sends `s_i = m·k_i + r·sigma_i`. The images kept in the presignature tell by themselves
 * whether it is right: `s_i·R = m·(k_i·R) + r·(sigma_i·R)`. `docs/SECURITY.md` says why this is as
 * good as nine rounds, and what it costs to use a presignature twice.
 *
 * @module
 */

import { mod, modInverse } from "../../arith/number.ts";
import { type CurvePoint, flattenPoints, secp256k1 } from "../../crypto/curve.ts";
import { hashIntsTagged } from "../../crypto/framed_hash.ts";
import { bytesToInt, equalBytes, intToBytes, utf8 } from "../../encoding/bytes.ts";
import type { Channel } from "../channel.ts";
import { ProtocolError } from "../errors.ts";
import { say } from "../message_type.ts";
import type { Party } from "../party.ts";
import type { Presignature, PresignatureFields } from "./presignature.ts";
import { PartialMessage, type SignatureShare } from "./presigning_messages.ts";
import { digestToInt, jointFailure, signingVerdicts } from "./signing_context.ts";
import { type EcdsaSignature, verifiedSignature } from "./signing_reveal.ts";

const { q } = secp256k1;

/** The protocol's name in errors. */
export const PRESIGNED_TASK = "ecdsa-presigned";

/** What one party brings to a signing from a presignature. */
export interface PresignedInput {
  /** The signers, sorted by their keys: exactly those of the presignature. */
  readonly parties: readonly Party[];
  /** The own part of the presignature; used up, whatever happens. */
  readonly presignature: Presignature;
  /** The id of this signing, 32 bytes; not the presignature's. */
  readonly ceremonyId: Uint8Array;
  /** 32 bytes that are, as integer, below the group order. */
  readonly digest: Uint8Array;
  /** Whether this side asked everybody, and all for the same: then whoever says otherwise lies. */
  readonly asked: boolean;
}

/** What is signed, as the factor and its proof of agreement see it. */
export interface Randomised {
  /** The factor, in `[1, q)`. */
  readonly delta: bigint;
  /** `delta·R`. */
  readonly R: CurvePoint;
  /** 32 bytes that two signers share exactly if they sign the same in the same way. */
  readonly statement: Uint8Array;
}

/**
 * Re-randomises a presignature for one digest and one ceremony.
 *
 * The factor covers key, generation, signers, presignature, ceremony, digest and R: nobody can know
 * `R'` before all of them are fixed.
 */
export function randomise(
  { id, generation, keys, publicKey, R }: Pick<
    PresignatureFields,
    "id" | "generation" | "keys" | "publicKey" | "R"
  >,
  ceremonyId: Uint8Array,
  m: bigint,
): Randomised {
  const statement = [
    ...flattenPoints([publicKey]),
    BigInt(generation),
    BigInt(keys.length),
    ...keys,
    bytesToInt(id),
    bytesToInt(ceremonyId),
    m,
    ...flattenPoints([R]),
  ];
  const delta = hashIntsTagged(utf8("transfunctioner-presigned-factor-v1"), statement) % q;
  return {
    delta,
    R: R.multiplyPublic(delta),
    statement: intToBytes(
      hashIntsTagged(utf8("transfunctioner-presigned-statement-v1"), statement),
      32,
    ),
  };
}

/**
 * Signs `digest` from a presignature together with the other signers.
 *
 * @throws {ProtocolError} with task `ecdsa-presigned`: of round 1 for a digest or signers that do
 * not fit, blaming nobody; of round 2 naming whoever sent a wrong share, or that signers were asked
 * for different things.
 */
export async function signPresigned(
  input: PresignedInput,
  channel: Channel,
): Promise<EcdsaSignature> {
  const { presignature, digest, parties } = input;
  const secret = presignature.take();
  const { self, keys, publicKey } = presignature;
  const ctx = {
    task: PRESIGNED_TASK,
    others: keys.map((_, j) => j).filter((j) => j !== self),
    digest,
    publicKey,
  };
  const m = digestToInt(digest, PRESIGNED_TASK);
  if (parties.length !== keys.length || parties.some((p, j) => p.key !== keys[j])) {
    throw refused("the presignature was made by other signers");
  }
  const { delta, R, statement } = randomise(presignature, input.ceremonyId, m);
  // Either happens with probability 2^-128 at most.
  if (delta === 0n || R.x % q === 0n) throw refused("the presignature cannot be re-randomised");
  const own: SignatureShare = { s: mod(m * secret.k + R.x * secret.sigma, q), statement };
  say(channel, PartialMessage, own, [{ committee: "single", to: ctx.others }]);

  channel.progress("round 1: waiting for signature shares");
  const heard = await channel.collect(PartialMessage, ctx.others);
  checkStatements(ctx, input.asked, statement, heard);
  let sum = own.s;
  for (const { s } of heard.values()) sum += s;
  const s = mod(sum * modInverse(delta, q), q);
  const signature = s === 0n ? null : verifiedSignature(R, s, ctx);
  if (signature !== null) return signature;
  throw blamed(presignature, ctx, m, R.x, heard);
}

/** A share of another digest need not be its sender's doing: the requester may have asked for both. */
function checkStatements(
  ctx: { readonly task: string; readonly others: readonly number[] },
  asked: boolean,
  statement: Uint8Array,
  heard: ReadonlyMap<number, SignatureShare>,
): void {
  const verdicts = signingVerdicts(ctx, 2);
  for (const [j, share] of heard) {
    if (!equalBytes(share.statement, statement)) verdicts.blame(j, "signed something else");
  }
  if (ctx.others.every((j) => verdicts.innocent(j))) return;
  if (asked) verdicts.settle();
  throw jointFailure(ctx, 2, "the signers were not asked for the same signature");
}

function refused(reason: string): ProtocolError {
  return new ProtocolError({ task: PRESIGNED_TASK, round: 1, reason, culprits: [] });
}

/** The error that names everybody whose share does not belong to its images. */
function blamed(
  { R, bigK, bigS }: Presignature,
  ctx: { readonly task: string; readonly others: readonly number[] },
  m: bigint,
  r: bigint,
  heard: ReadonlyMap<number, SignatureShare>,
): ProtocolError {
  const verdicts = signingVerdicts(ctx, 2);
  for (const [j, { s }] of heard) {
    const due = bigK[j]!.multiplyPublic(m).add(bigS[j]!.multiplyPublic(r));
    if (!R.multiplyPublic(s).equals(due)) verdicts.blame(j, "wrong share of the signature");
  }
  try {
    verdicts.settle();
  } catch (error) {
    if (error instanceof ProtocolError) return error;
    throw error;
  }
  return new ProtocolError({
    task: PRESIGNED_TASK,
    round: 2,
    reason: "signature verification failed with shares that are all right: the stored " +
      "presignature is damaged",
    culprits: [],
  });
}
