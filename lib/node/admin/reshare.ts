/**
 * `reshare` of the admin interface.
 *
 * @module
 */

import type { CurveName } from "../../ceremony/spec.ts";
import { type Identity, identityToInt } from "../../crypto/identity.ts";
import { fromHex, toHex } from "../../encoding/bytes.ts";
import type { KeyMeta } from "../../keystore/keystore.ts";
import { publicKeyText } from "../encodings.ts";
import { badRequest, NodeError } from "../errors.ts";
import type { ReshareRequest } from "../request.ts";
import {
  type AdminContext,
  identities,
  integer,
  type OnEvent,
  type Params,
  purposeOf,
  text,
} from "./context.ts";
import { confirmations, follow } from "./follow.ts";
import { metaOf, requireCurve, requireReady } from "./readiness.ts";

/** What is known of a key before it is handed on. */
interface Before {
  readonly curve: CurveName;
  readonly committee: readonly Identity[];
  readonly threshold: number;
  readonly generation: number;
  /** Everybody with a share, where known. */
  readonly holders: readonly Identity[];
}

/** Starts a resharing and returns when the new committee has the key. */
export async function reshare(
  ctx: AdminContext,
  params: Params,
  onEvent: OnEvent,
): Promise<Record<string, unknown>> {
  const self = ctx.identity.identity;
  const keyId = text(params, "key_id").toLowerCase();
  if (!/^[0-9a-f]{32}$/.test(keyId)) throw badRequest("key_id: expected 32 hex digits");
  const committee = identities(params, "members");
  const threshold = integer(params, "threshold", 1, 255);
  checkCommittee("members", committee, threshold);
  const meta = await metaOf(ctx, keyId);
  const before = meta?.status === "active"
    ? await ofShare(ctx, meta, params)
    : ofParams(keyId, meta, params);
  checkCommittee("old_members", before.committee, before.threshold);
  const everybody = [...new Set([...before.committee, ...committee])];
  if (!everybody.includes(self)) {
    throw badRequest(
      `members: this node (${self}) is neither in the old nor in the new committee`,
      "run the command on one of the members",
    );
  }
  requireCurve(ctx, everybody, before.curve);
  await requireReady(ctx, everybody, before.curve === "secp256k1" ? committee : []);
  const flipped = before.generation % 2 === 0;
  const go = goMembers(ctx, everybody);
  if (!flipped && go.length > 0) {
    throw new NodeError(
      "TF-NOT-READY",
      `${go.join(", ")} runs the Go service, which ends when a key is reshared again`,
      { exit: 3, hint: "choose members that run transfunctioner", culprits: go },
    );
  }
  const request: ReshareRequest = {
    kind: "reshare",
    id: toHex(ctx.random(32)),
    requester: self,
    keyId,
    curve: before.curve,
    oldCommittee: before.committee,
    oldThreshold: before.threshold,
    newCommittee: committee,
    newThreshold: threshold,
    newKeys: committee.map((m) => identityToInt(m) ^ (flipped ? 1n : 0n)),
    newGeneration: before.generation + 1,
    ...purposeOf(params),
  };
  const begun = ctx.clock.now();
  const entry = await ctx.desk.initiate(request);
  const { result } = await follow(ctx, entry, params, onEvent);
  if (result.kind !== "reshare") throw new Error("A resharing made something else");
  const settled = (m: Identity) => entry.notes.get(m)?.standing === "settled";
  const unconfirmed = await confirmations(ctx, entry, everybody, settled);
  const leaving = before.committee.filter((m) => !committee.includes(m));
  return {
    ceremony_id: request.id,
    key_id: keyId,
    curve: before.curve,
    public_key: publicKeyText(before.curve, result.publicKey),
    old_committee: before.committee,
    old_threshold: before.threshold,
    committee,
    threshold,
    generation: request.newGeneration,
    leaving,
    // Left out, so that nobody told them to destroy it; or told, and known not to listen.
    old_shares_kept: [
      ...before.holders.filter((m) => !everybody.includes(m)),
      ...leaving.filter((m) => go.includes(m)),
    ],
    confirmed_by: everybody.filter((m) => m === self || settled(m)),
    unconfirmed,
    elapsed_ms: ctx.clock.now() - begun,
  };
}

/** What follows from the own share; the request may only choose who of the holders deals. */
async function ofShare(ctx: AdminContext, meta: KeyMeta, params: Params): Promise<Before> {
  const curve = params["curve"];
  if (curve !== undefined && curve !== meta.curve) {
    throw badRequest(`curve: the key is on ${meta.curve}`);
  }
  const committee = params["old_members"] === undefined
    ? meta.committee
    : identities(params, "old_members");
  const stranger = committee.find((m) => !meta.committee.includes(m));
  if (stranger !== undefined) {
    throw badRequest(
      `old_members: ${stranger} has no share of key ${meta.keyId}`,
      "`transfunctioner keys show` lists its committee",
    );
  }
  let flipped: boolean;
  try {
    ({ flipped } = await ctx.describeShare({
      curve: meta.curve,
      keyId: fromHex(meta.keyId),
      share: await ctx.keystore.readShareCiphertext(meta.keyId),
      committee: meta.committee,
    }));
  } catch (error) {
    throw new NodeError("TF-SHARE", error instanceof Error ? error.message : String(error), {
      hint: "restore this node's keystore from a backup",
    });
  }
  // A Go node does not count resharings; the form of the party keys tells at least odd from even.
  const generation = meta.generation + (flipped === (meta.generation % 2 === 1) ? 0 : 1);
  const { threshold } = meta;
  return { curve: meta.curve, committee, threshold, generation, holders: meta.committee };
}

/** What a node without a share must be told. */
function ofParams(keyId: string, meta: KeyMeta | undefined, params: Params): Before {
  const needed = ["old_members", "old_threshold", "generation", ...(meta ? [] : ["curve"])];
  const missing = needed.filter((name) => params[name] === undefined);
  if (missing.length > 0) {
    const options = missing.map((name) => `--${name.replace("_", "-")}`).join(", ");
    throw new NodeError(
      "TF-NO-KEY",
      `this node has no share of key ${keyId}, so it cannot know what to ask for`,
      {
        exit: 3,
        hint: `run the command on a member, or give ${options} as \`keys show\` prints them there`,
      },
    );
  }
  const curve = params["curve"] ?? meta?.curve;
  if (curve !== "secp256k1" && curve !== "ed25519") {
    throw badRequest(`curve: "${curve}" is not one of secp256k1, ed25519`);
  }
  return {
    curve,
    committee: identities(params, "old_members"),
    threshold: integer(params, "old_threshold", 1, 255),
    generation: integer(params, "generation", 0, 999_999),
    holders: [],
  };
}

function checkCommittee(name: string, committee: readonly Identity[], threshold: number): void {
  if (new Set(committee).size !== committee.length) throw badRequest(`${name}: one is named twice`);
  if (threshold >= committee.length) {
    throw badRequest(
      `${name}: ${committee.length} are too few for threshold ${threshold}`,
      "threshold + 1 members are needed to sign, and to hand a key on",
    );
  }
}

function goMembers(ctx: AdminContext, members: readonly Identity[]): Identity[] {
  return ctx.peers().filter((p) => p.software === "go" && members.includes(p.identity))
    .map((p) => p.identity);
}
