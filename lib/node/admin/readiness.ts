/**
 * Who and what is ready: peers, members, keys.
 *
 * @module
 */

import type { Identity } from "../../crypto/identity.ts";
import type { KeyMeta } from "../../keystore/keystore.ts";
import { keyEncodings, publicKeyText } from "../encodings.ts";
import { NodeError } from "../errors.ts";
import type { PeerInfo } from "../peer_directory.ts";
import type { AdminContext } from "./context.ts";

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
  };
}

/** Members that could take part now: this node, live sessions, and nodes known through others. */
export function liveMembers(ctx: AdminContext): Set<Identity> {
  return new Set(
    ctx.peers().filter((p) => p.self || p.live || (!p.connected && p.reachable))
      .map((p) => p.identity),
  );
}

/** All keys; a damaged one is shown with its problem and never as able to sign. */
export async function keyViews(ctx: AdminContext): Promise<Record<string, unknown>[]> {
  const reports = await ctx.keystore.inspectKeys();
  return reports.map(({ keyId, meta, problem }) => ({
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
      : keyView(ctx, meta)),
    ...(problem === null
      ? {}
      : { status: "damaged", can_sign: false, problem: `${problem.message}; ${problem.hint}` }),
  }));
}

/** The metadata of a key, undefined if there is none here; a damaged one is an error. */
export async function metaOf(ctx: AdminContext, keyId: string): Promise<KeyMeta | undefined> {
  const report = (await ctx.keystore.inspectKeys()).find((r) => r.keyId === keyId);
  if (report?.problem) throw report.problem;
  return report?.meta ?? undefined;
}

/** What the admin interface shows of a key. */
export function keyView(ctx: AdminContext, meta: KeyMeta): Record<string, unknown> {
  const live = liveMembers(ctx);
  const count = meta.committee.filter((m) => live.has(m)).length;
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
    live: count,
    needed: meta.threshold + 1,
    can_sign: meta.status === "active" && count > meta.threshold &&
      meta.committee.includes(ctx.identity.identity),
  };
}

/** Refuses at once when a member cannot be reached: waiting for a deadline helps nobody. */
export function requireLive(ctx: AdminContext, members: readonly Identity[]): void {
  const live = liveMembers(ctx);
  const missing = members.filter((m) => !live.has(m));
  if (missing.length > 0) {
    throw new NodeError(
      "TF-NOT-READY",
      `${missing.length === 1 ? "a member is" : "members are"} not reachable: ${
        missing.join(", ")
      }`,
      {
        exit: 3,
        hint: "see `transfunctioner peers`; start or connect them first",
        culprits: missing,
      },
    );
  }
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

/** Threshold + 1 members: this node first, then live sessions by round-trip time. */
export function chooseSigners(ctx: AdminContext, meta: KeyMeta): Identity[] {
  const self = ctx.identity.identity;
  const live = liveMembers(ctx);
  const rtt = new Map(ctx.peers().map((p) => [p.identity, p.rttMs ?? Infinity]));
  const ready = meta.committee.filter((m) => live.has(m)).sort((a, b) =>
    Number(b === self) - Number(a === self) ||
    (rtt.get(a) ?? Infinity) - (rtt.get(b) ?? Infinity) || (a < b ? -1 : 1)
  );
  const needed = meta.threshold + 1;
  if (ready.length < needed) {
    const missing = meta.committee.filter((m) => !live.has(m));
    throw new NodeError(
      "TF-NOT-READY",
      `key ${meta.keyId} cannot sign now: ${ready.length} of ${meta.committee.length} members ` +
        `live, ${needed} needed`,
      { exit: 3, hint: `not reachable: ${missing.join(", ")}`, culprits: missing },
    );
  }
  return ready.slice(0, needed);
}
