/**
 * `sign` of the admin interface.
 *
 * @module
 */

import type { Identity } from "../../crypto/identity.ts";
import { toHex } from "../../encoding/bytes.ts";
import type { KeyMeta } from "../../keystore/keystore.ts";
import { badRequest, NodeError } from "../errors.ts";
import { selfFirst } from "../presence.ts";
import type { SignRequest } from "../request.ts";
import { signatureFields, SignatureWaiter } from "../signature_result.ts";
import {
  type AdminContext,
  hexBytes,
  identities,
  integer,
  type OnEvent,
  type Params,
  text,
} from "./context.ts";
import { elect } from "./election.ts";
import { follow, within } from "./follow.ts";
import { cannotSign, chooseSigners, metaOf, requireReady } from "./readiness.ts";

/** Starts a signing and returns the verified signature. */
export async function sign(
  ctx: AdminContext,
  params: Params,
  onEvent: OnEvent,
): Promise<Record<string, unknown>> {
  const o = ctx;
  const self = o.identity.identity;
  const keyId = text(params, "key_id").toLowerCase();
  if (!/^[0-9a-f]{32}$/.test(keyId)) throw badRequest("key_id: expected 32 hex digits");
  const meta = await metaOf(ctx, keyId);
  if (meta === undefined && params["members"] === undefined) {
    throw new NodeError("TF-NO-KEY", `this node has no share of key ${keyId}`, {
      exit: 3,
      hint: "`transfunctioner keys` lists what it has; with --members it asks other nodes",
    });
  }
  if (meta?.status === "reshared away" && params["members"] === undefined) {
    throw new NodeError("TF-NO-KEY", `key ${keyId} was reshared away from this node`, {
      exit: 3,
      hint: "ask on a node of its present committee, or name signers with --members",
    });
  }
  const payload = signPayload(params, meta?.curve ?? "secp256k1");
  const { id, committee } = chosenSigners(ctx, params, meta);
  const threshold = meta?.status === "active" ? meta.threshold : committee.length - 1;
  await requireReady(ctx, committee);
  const request: SignRequest = {
    kind: "sign",
    id: toHex(id),
    requester: self,
    keyId,
    committee,
    threshold,
    payload,
  };
  const begun = o.clock.now();
  const waiter = new SignatureWaiter(request, meta);
  const stop = o.desk.onResponse(request.id, (from, r) => waiter.hear(from, r));
  try {
    const entry = await o.desk.initiate(request);
    const signature = entry.state === "requested"
      ? await within(ctx, waiter.result, params, entry)
      : signatureFields(payload, await follow(ctx, entry, params, onEvent));
    if (entry.state === "requested") entry.end({ state: "answered" });
    return {
      ceremony_id: request.id,
      key_id: keyId,
      ...signature,
      committee,
      elapsed_ms: o.clock.now() - begun,
    };
  } finally {
    stop();
  }
}

/** The signers that the caller names, or as many as it wants drawn, or the nearest that will do. */
function chosenSigners(
  ctx: AdminContext,
  params: Params,
  meta: KeyMeta | undefined,
): { id: Uint8Array; committee: Identity[] } {
  if (params["members"] !== undefined) {
    if (params["auto"] !== undefined) throw badRequest("give either members or auto");
    return { id: ctx.random(32), committee: identities(params, "members") };
  }
  if (params["auto"] === undefined) {
    return { id: ctx.random(32), committee: chooseSigners(ctx, meta!) };
  }
  const { committee, threshold } = meta!;
  const size = integer(params, "auto", 1, 256);
  if (size <= threshold || size > committee.length) {
    throw badRequest(
      `auto: ${size} signers do not fit the key`,
      `from ${threshold + 1} to ${committee.length} members can sign`,
    );
  }
  const candidates = ctx.readiness.group(selfFirst(committee, ctx.identity.identity));
  if (candidates.length < size) throw cannotSign(ctx, meta!);
  return elect(candidates, size, ctx.random);
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
