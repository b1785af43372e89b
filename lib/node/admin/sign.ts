/**
 * `sign` of the admin interface: one signature, in as many attempts as it takes and are allowed.
 *
 * @module
 */

import type { Identity } from "../../crypto/identity.ts";
import { toHex } from "../../encoding/bytes.ts";
import type { KeyMeta } from "../../keystore/keystore.ts";
import { badRequest, NodeError } from "../errors.ts";
import type { Entry } from "../ledger.ts";
import { lacksPresignature } from "../presign_book.ts";
import type { PresignOffer } from "../presigner.ts";
import type { SignRequest } from "../request.ts";
import { signatureFields, SignatureWaiter } from "../signature_result.ts";
import {
  type AdminContext,
  hexBytes,
  identities,
  integer,
  type OnEvent,
  type Params,
  purposeOf,
  text,
} from "./context.ts";
import { follow, within } from "./follow.ts";
import {
  type Attempt,
  failureText,
  nextQuorum,
  type Quorum,
  readyQuorum,
  type Suspects,
  suspectsOf,
} from "./quorum.ts";
import { metaOf, requireReady } from "./readiness.ts";

/** Most attempts beside the first that a caller may allow. */
export const MAX_RETRIES = 16;

/** What all attempts have in common. */
interface Job {
  readonly keyId: string;
  readonly meta: KeyMeta | undefined;
  readonly payload: Uint8Array;
  readonly params: Params;
  readonly onEvent: OnEvent;
}

/** An attempt that ended without a signature. */
interface Failed {
  readonly error: NodeError;
  /** Null where another attempt has no sense. */
  readonly suspects: Suspects | null;
}

/** Signs and returns the verified signature. */
export async function sign(
  ctx: AdminContext,
  params: Params,
  onEvent: OnEvent,
): Promise<Record<string, unknown>> {
  const keyId = text(params, "key_id").toLowerCase();
  if (!/^[0-9a-f]{32}$/.test(keyId)) throw badRequest("key_id: expected 32 hex digits");
  const meta = await metaOf(ctx, keyId);
  requireSigner(keyId, meta, params);
  const payload = signPayload(params, meta?.curve ?? "secp256k1");
  const retries = params["retries"] === undefined
    ? ctx.signRetries
    : integer(params, "retries", 0, MAX_RETRIES);
  const begun = ctx.clock.now();
  const patience = params["timeout_ms"];
  const job = { keyId, meta, payload, params, onEvent };
  const attempts: Attempt[] = [];
  const out = new Set<Identity>();
  let offer = await offerFor(ctx, job);
  let quorum: Quorum = offer ?? await readyQuorum(ctx, params, meta);
  for (;;) {
    const since = ctx.clock.now();
    // The caller's time limit is for all attempts together.
    const left = typeof patience === "number" ? { timeout_ms: patience - (since - begun) } : {};
    const limited = { ...job, params: { ...params, ...left } };
    const presigned = offer !== null;
    const made = offer === null
      ? await attempt(ctx, limited, quorum)
      : await presignedAttempt(ctx, limited, offer);
    offer = null;
    if (made === null) {
      // Somebody lacks its part: the same in nine rounds, without a word.
      quorum = await readyQuorum(ctx, params, meta);
      continue;
    }
    const common = {
      ceremony_id: toHex(quorum.id),
      committee: quorum.committee,
      elapsed_ms: ctx.clock.now() - since,
    };
    if ("signature" in made) {
      attempts.push({ ...common, outcome: "complete", culprits: [] });
      return {
        ceremony_id: common.ceremony_id,
        key_id: keyId,
        ...made.signature,
        committee: quorum.committee,
        presigned,
        attempts,
        elapsed_ms: ctx.clock.now() - begun,
      };
    }
    const { error, suspects } = made;
    attempts.push({
      ...common,
      outcome: `${error.code}: ${error.message}`,
      culprits: error.culprits,
    });
    if (suspects === null || attempts.length > retries) throw afterAttempts(error, attempts);
    if (typeof patience === "number" && ctx.clock.now() - begun >= patience) throw error;
    for (const member of suspects.out) out.add(member);
    const next = await replacement(ctx, job, {
      out: [...out],
      doubtful: suspects.doubtful,
    });
    if (next === null) throw afterAttempts(error, attempts);
    onEvent({
      ceremony_id: toHex(next.id),
      state: "retrying",
      attempt: attempts.length + 1,
      reason: failureText(error, suspects),
      committee: next.committee,
    });
    quorum = next;
  }
}

/** Another quorum that is ready; null if there is none. */
async function replacement(
  ctx: AdminContext,
  { params, meta }: Job,
  failed: Suspects,
): Promise<Quorum | null> {
  const out = [...failed.out];
  for (;;) {
    const next = nextQuorum(ctx, params, meta, { ...failed, out });
    if (next === null) return null;
    try {
      await requireReady(ctx, next.committee);
      return next;
    } catch (error) {
      // Whoever is not ready after all is left out as well; each turn leaves out somebody.
      const self = ctx.identity.identity;
      const missing = next.committee.filter((m) =>
        m !== self && error instanceof NodeError && error.culprits.includes(m)
      );
      if (missing.length === 0) return null;
      out.push(...missing);
    }
  }
}

/** Signers that share a presignature, and that. */
type Offer = Quorum & { readonly presignature: PresignOffer };

/** A presignature for this signing, where there is one. */
async function offerFor(ctx: AdminContext, { meta, params }: Job): Promise<Offer | null> {
  // Drawn signers are not those of a presignature.
  if (meta?.status !== "active" || params["auto"] !== undefined) return null;
  const named = params["members"] === undefined ? null : identities(params, "members");
  if (!(named ?? meta.committee).includes(ctx.identity.identity)) return null;
  const presignature = await ctx.presigner.offer(
    meta,
    named,
    (committee) => ctx.readiness.group(committee).length === committee.length,
  );
  if (presignature === null) return null;
  return { id: ctx.random(32), committee: presignature.committee, presignature };
}

/** One attempt from a presignature; null if it has to be done in nine rounds. */
async function presignedAttempt(
  ctx: AdminContext,
  job: Job,
  { id, committee, presignature }: Offer,
): Promise<{ readonly signature: Record<string, unknown> } | Failed | null> {
  const { keyId, params, meta } = job;
  try {
    await requireReady(ctx, committee);
    const presigned = { id: presignature.id, generation: meta!.generation };
    const made = await attempt(ctx, job, { id, committee }, presigned);
    if (!("error" in made) || !lacksPresignature(made.error)) return made;
    await ctx.presigner.distrust(keyId, committee);
    return null;
  } catch (error) {
    if (lacksPresignature(error)) return null;
    // Others may be ready, unless the caller wants these.
    if (params["members"] === undefined && error instanceof NodeError) {
      ctx.presigner.fallbacks++;
      return null;
    }
    throw error;
  } finally {
    await ctx.presigner.release(presignature);
  }
}

async function attempt(
  ctx: AdminContext,
  { keyId, meta, payload, params, onEvent }: Job,
  { id, committee }: Quorum,
  presigned?: SignRequest["presigned"],
): Promise<{ readonly signature: Record<string, unknown> } | Failed> {
  const self = ctx.identity.identity;
  const threshold = meta?.status === "active" ? meta.threshold : committee.length - 1;
  const request: SignRequest = {
    kind: "sign",
    id: toHex(id),
    requester: self,
    keyId,
    committee,
    threshold,
    payload,
    ...purposeOf(params),
    ...(presigned === undefined ? {} : { presigned }),
  };
  const waiter = new SignatureWaiter(request, meta, ctx.clock);
  const stop = ctx.desk.onResponse(request.id, (from, r) => waiter.hear(from, r));
  let entry: Entry | undefined;
  try {
    entry = await ctx.desk.initiate(request);
    const signature = entry.state === "requested"
      ? await within(ctx, waiter.result, params, entry)
      : signatureFields(payload, await follow(ctx, entry, params, onEvent));
    if (entry.state === "requested") entry.end({ state: "answered" });
    return { signature };
  } catch (error) {
    if (!(error instanceof NodeError)) throw error;
    if (entry?.state === "requested") entry.end({ state: "answered" });
    return { error, suspects: suspects(error, entry, waiter, request) };
  } finally {
    stop();
  }
}

function suspects(
  error: NodeError,
  entry: Entry | undefined,
  waiter: SignatureWaiter,
  request: SignRequest,
): Suspects | null {
  // The request did not even leave.
  if (entry === undefined) {
    const out = request.committee.filter((m) => error.culprits.includes(m));
    return error.code === "TF-UNREACHABLE" ? { out, doubtful: [] } : null;
  }
  return entry.state === "answered" ? waiter.suspects : suspectsOf(entry, request.requester);
}

function afterAttempts(error: NodeError, attempts: readonly Attempt[]): NodeError {
  if (attempts.length === 1) return error;
  return new NodeError(
    error.code,
    `${error.message} (attempt ${attempts.length}; before: ${
      attempts.slice(0, -1).map(({ outcome }) => outcome).join("; ")
    })`,
    {
      exit: error.exit,
      culprits: error.culprits,
      ...(error.hint === undefined ? {} : { hint: error.hint }),
    },
  );
}

function requireSigner(keyId: string, meta: KeyMeta | undefined, params: Params): void {
  if (params["members"] !== undefined) return;
  if (meta === undefined) {
    throw new NodeError("TF-NO-KEY", `this node has no share of key ${keyId}`, {
      exit: 3,
      hint: "`transfunctioner keys` lists what it has; with --members it asks other nodes",
    });
  }
  if (meta.status === "reshared away") {
    throw new NodeError("TF-NO-KEY", `key ${keyId} was reshared away from this node`, {
      exit: 3,
      hint: "ask on a node of its present committee, or name signers with --members",
    });
  }
}

function signPayload(params: Params, curve: string): Uint8Array {
  const digest = params["digest"];
  const message = params["message"];
  if ((digest === undefined) === (message === undefined)) {
    throw badRequest("give exactly one of digest and message");
  }
  if (message !== undefined) {
    if (curve !== "ed25519") {
      throw badRequest(
        "an ECDSA key signs a 32-byte digest, not a message",
        "use --file PATH to sign its SHA-256",
      );
    }
    return hexBytes(params, "message");
  }
  const bytes = hexBytes(params, "digest");
  if (bytes.length !== 32) throw badRequest("digest: expected 32 bytes");
  return bytes;
}
