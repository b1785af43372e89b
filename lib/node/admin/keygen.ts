/**
 * `keygen` of the admin interface.
 *
 * @module
 */

import type { Identity } from "../../crypto/identity.ts";
import { toHex } from "../../encoding/bytes.ts";
import { keyEncodings, publicKeyText } from "../encodings.ts";
import { badRequest } from "../errors.ts";
import type { KeygenRequest } from "../request.ts";
import {
  type AdminContext,
  identities,
  integer,
  type OnEvent,
  type Params,
  purposeOf,
} from "./context.ts";
import { electWith, readyCandidates, requireCandidates } from "./election.ts";
import { confirmations, follow } from "./follow.ts";
import { requireCurve, requireReady } from "./readiness.ts";

/** Starts a key generation among `members` and returns the key once it is made. */
export async function keygen(
  ctx: AdminContext,
  params: Params,
  onEvent: OnEvent,
): Promise<Record<string, unknown>> {
  const self = ctx.identity.identity;
  const threshold = integer(params, "threshold", 1, 255);
  const curve = params["curve"] ?? "secp256k1";
  if (curve !== "secp256k1" && curve !== "ed25519") {
    throw badRequest(`curve: "${curve}" is not one of secp256k1, ed25519`);
  }
  const { id, committee, coordinator } = chosenCommittee(ctx, params, curve);
  if (new Set(committee).size !== committee.length) {
    throw badRequest("members: one is named twice");
  }
  if (threshold >= committee.length) {
    throw badRequest(
      `threshold ${threshold} is too high for ${committee.length} members`,
      "threshold + 1 members sign: 1 ≤ threshold < members",
    );
  }
  if (!committee.includes(self)) {
    throw badRequest(
      `members: this node (${self}) is not among them`,
      "run the command on one of the members",
    );
  }
  requireCurve(ctx, committee, curve);
  await requireReady(ctx, committee, curve === "secp256k1" ? committee : []);
  const request: KeygenRequest = {
    kind: "keygen",
    id: toHex(id),
    requester: self,
    curve,
    committee,
    threshold,
    coordinator,
    ...purposeOf(params),
  };
  const begun = ctx.clock.now();
  const entry = await ctx.desk.initiate(request);
  const outcome = await follow(ctx, entry, params, onEvent);
  if (outcome.result.kind !== "keygen") throw new Error("A key generation made something else");
  const { keyId, publicKey } = outcome.result;
  const unconfirmed = await confirmations(ctx, entry, committee);
  return {
    ceremony_id: request.id,
    key_id: toHex(keyId),
    curve,
    public_key: publicKeyText(curve, publicKey),
    ...(curve === "secp256k1"
      ? { ethereum_address: keyEncodings(curve, publicKey)["ethereum"] }
      : {}),
    encodings: keyEncodings(curve, publicKey),
    committee,
    threshold,
    coordinator: request.coordinator,
    confirmed_by: [self, ...committee.filter((m) => entry.confirmed.has(m))],
    unconfirmed,
    elapsed_ms: ctx.clock.now() - begun,
  };
}

/** The members that the caller names, or as many as it wants drawn from those that are ready. */
function chosenCommittee(
  ctx: AdminContext,
  params: Params,
  curve: "secp256k1" | "ed25519",
): { id: Uint8Array; committee: Identity[]; coordinator: Identity } {
  const self = ctx.identity.identity;
  if (params["auto"] === undefined) {
    return { id: ctx.random(32), committee: identities(params, "members"), coordinator: self };
  }
  if (params["members"] !== undefined) throw badRequest("give either members or auto");
  const size = integer(params, "auto", 2, 256);
  const candidates = readyCandidates(ctx, { curve });
  requireCandidates(candidates, size);
  const { id, committee } = electWith(self, candidates, size, ctx.random);
  return { id, committee, coordinator: committee[0]! };
}
