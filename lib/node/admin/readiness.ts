/**
 * Who and what is ready: peers, members, keys.
 *
 * @module
 */

import type { Identity } from "../../crypto/identity.ts";
import type { KeyMeta } from "../../keystore/keystore.ts";
import { keyEncodings, publicKeyText } from "../encodings.ts";
import { NodeError } from "../errors.ts";
import { assess } from "../mutual.ts";
import type { PeerInfo } from "../peer_directory.ts";
import { selfFirst } from "../presence.ts";
import { faultsText } from "../readiness.ts";
import type { AdminContext } from "./context.ts";
import { rulesView } from "./key_rules.ts";

/** What the admin interface shows of a peer. */
export function peerView(ctx: AdminContext, p: PeerInfo): Record<string, unknown> {
  return {
    identity: p.identity,
    address: p.address,
    self: p.self,
    connected: p.connected,
    live: p.live,
    reachable: p.reachable,
    direction: p.direction,
    rtt_ms: p.rttMs,
    seen_ms_ago: p.lastSeen === undefined ? undefined : Math.max(0, ctx.clock.now() - p.lastSeen),
    software: p.software,
    version: p.version,
    ready: p.ready,
    not_ready: p.notReady,
    answered_ms_ago: whole(p.answeredAgoMs),
    heard_ms_ago: whole(p.heardAgoMs),
    clock_skew_ms: whole(p.skewMs),
    pre_params: p.preParams,
  };
}

function whole(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : Math.round(ms);
}

/** Members that could take part now: this node, and nodes against which nothing speaks. */
export function liveMembers(ctx: AdminContext, members: readonly Identity[]): Set<Identity> {
  const view = ctx.readiness.view();
  const self = ctx.identity.identity;
  return new Set(members.filter((m) => m === self || assess(view, [m]).faults.length === 0));
}

/** All keys; a damaged one is shown with its problem and never as able to sign. */
export async function keyViews(ctx: AdminContext): Promise<Record<string, unknown>[]> {
  const reports = await ctx.keystore.inspectKeys();
  return await Promise.all(reports.map(async ({ keyId, meta, problem }) => ({
    ...(meta === null
      ? {
        key_id: keyId,
        curve: "unknown",
        public_key: "",
        encodings: {},
        committee: [],
        threshold: 0,
        generation: 0,
        history: [],
        created_at: "",
        live: 0,
        needed: 0,
      }
      : { ...keyView(ctx, meta), presign: await ctx.presigner.view(keyId) }),
    ...(problem === null
      ? {}
      : { status: "damaged", can_sign: false, problem: `${problem.message}; ${problem.hint}` }),
  })));
}

/** The metadata of a key, undefined if there is none here; a damaged one is an error. */
export async function metaOf(ctx: AdminContext, keyId: string): Promise<KeyMeta | undefined> {
  const report = (await ctx.keystore.inspectKeys()).find((r) => r.keyId === keyId);
  if (report?.problem) throw report.problem;
  return report?.meta ?? undefined;
}

/** What the admin interface shows of a key. */
export function keyView(ctx: AdminContext, meta: KeyMeta): Record<string, unknown> {
  const self = ctx.identity.identity;
  const count = liveMembers(ctx, meta.committee).size;
  // Members may each be live and yet not reach each other.
  const together = ctx.readiness.group(selfFirst(meta.committee, self)).length;
  return {
    key_id: meta.keyId,
    curve: meta.curve,
    public_key: publicKeyText(meta.curve, meta.publicKey),
    encodings: keyEncodings(meta.curve, meta.publicKey),
    committee: meta.committee,
    threshold: meta.threshold,
    generation: meta.generation,
    status: meta.status,
    created_at: meta.createdAt,
    ceremony: meta.ceremony,
    history: meta.history,
    rules: rulesView(ctx, meta),
    live: count,
    needed: meta.threshold + 1,
    can_sign: meta.status === "active" && together > meta.threshold &&
      meta.committee.includes(self),
  };
}

/**
 * Refuses at once when members are not ready for each other: waiting for a deadline helps nobody.
 *
 * @param needPreParams members that need pre-parameters for what is planned.
 * @throws {NodeError} TF-NOT-READY naming the pairs and the reasons.
 */
export function requireReady(
  ctx: AdminContext,
  members: readonly Identity[],
  needPreParams: readonly Identity[] = [],
): Promise<void> {
  return ctx.readiness.require(members, needPreParams);
}

/** The Go service only has ECDSA ceremonies and would start one whatever the request says. */
export function requireCurve(ctx: AdminContext, members: readonly Identity[], curve: string): void {
  if (curve !== "ed25519") return;
  const go = ctx.peers().filter((p) => p.software === "go" && members.includes(p.identity));
  if (go.length > 0) {
    throw new NodeError(
      "TF-NOT-READY",
      `${
        go.map((p) => p.identity).join(", ")
      } runs the Go service, which has no Ed25519 ceremonies`,
      { exit: 3, hint: "choose members that run transfunctioner" },
    );
  }
}

/** The refusal to sign with a key whose members are not ready. */
export function cannotSign(ctx: AdminContext, meta: KeyMeta): NodeError {
  const live = liveMembers(ctx, meta.committee);
  const missing = meta.committee.filter((m) => !live.has(m));
  const { faults } = assess(ctx.readiness.view(), meta.committee);
  return new NodeError(
    "TF-NOT-READY",
    `key ${meta.keyId} cannot sign now: ${live.size} of ${meta.committee.length} members ` +
      `live, ${meta.threshold + 1} needed`,
    {
      exit: 3,
      hint: missing.length > 0
        ? `not reachable: ${missing.join(", ")}`
        : `they do not reach each other: ${faultsText(faults, ctx.identity.identity)}`,
      culprits: missing,
    },
  );
}
