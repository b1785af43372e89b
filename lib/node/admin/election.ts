/**
 * `--auto N`: the committee is drawn, not chosen (specification: mesh section 13).
 *
 * The request's id is the seed, so every node that knows the list of candidates can check the draw.
 *
 * @module
 */

import type { RandomSource } from "../../arith/random.ts";
import type { Identity } from "../../crypto/identity.ts";
import { electCommittee } from "../../mesh/election.ts";
import { NodeError } from "../errors.ts";
import { selfFirst } from "../presence.ts";
import type { AdminContext } from "./context.ts";

/** A drawn committee and the request id it was drawn with. */
export interface Election {
  /** 32 bytes. */
  readonly id: Uint8Array;
  /** The first member is the coordinator. */
  readonly committee: Identity[];
}

/**
 * Draws request ids until the committee elected with one contains `self`. Given that, all
 * committees are equally likely, and the id is as good a seed as the first one.
 *
 * @throws {RangeError} if `size` does not fit the candidates, or `self` is not among them.
 */
export function electWith(
  self: Identity,
  candidates: readonly Identity[],
  size: number,
  random: RandomSource,
): Election {
  if (!candidates.includes(self)) {
    throw new RangeError("Cannot elect a committee with this node: it is no candidate");
  }
  for (;;) {
    const id = random(32);
    const committee = electCommittee(id, candidates, size);
    if (committee.includes(self)) return { id, committee };
  }
}

/** Draws a committee from `candidates`; this node need not be in it. */
export function elect(
  candidates: readonly Identity[],
  size: number,
  random: RandomSource,
): Election {
  const id = random(32);
  return { id, committee: electCommittee(id, candidates, size) };
}

/**
 * This node and all others that it knows to be ready for it and for each other.
 *
 * @param needs what a candidate must have beside.
 */
export function readyCandidates(
  ctx: AdminContext,
  needs: { readonly curve: "secp256k1" | "ed25519" },
): Identity[] {
  const others = ctx.peers().filter((p) =>
    p.ready === true &&
    (p.software === "transfunctioner"
      ? needs.curve !== "secp256k1" || (p.preParams ?? 0) > 0
      : needs.curve === "secp256k1")
  ).map((p) => p.identity).sort();
  const self = ctx.identity.identity;
  return ctx.readiness.group(selfFirst([self, ...others], self));
}

/** Refuses a size that the candidates cannot fill. */
export function requireCandidates(candidates: readonly Identity[], size: number): void {
  if (candidates.length >= size) return;
  throw new NodeError(
    "TF-NOT-READY",
    `only ${candidates.length} of the ${size} members wanted are ready: ${
      candidates.length === 0 ? "nobody" : candidates.join(", ")
    }`,
    { exit: 3, hint: "see `transfunctioner peers`" },
  );
}
