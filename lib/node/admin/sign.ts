/**
 * `sign` of the admin interface.
 *
 * @module
 */

import { toHex } from "../../encoding/bytes.ts";
import { badRequest, NodeError } from "../errors.ts";
import type { SignRequest } from "../request.ts";
import { signatureFields, SignatureWaiter } from "../signature_result.ts";
import {
  type AdminContext,
  hexBytes,
  identities,
  type OnEvent,
  type Params,
  text,
} from "./context.ts";
import { follow, within } from "./follow.ts";
import { chooseSigners, metaOf, requireLive } from "./readiness.ts";

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
  const committee = params["members"] === undefined
    ? chooseSigners(ctx, meta!)
    : identities(params, "members");
  const threshold = meta?.status === "active" ? meta.threshold : committee.length - 1;
  requireLive(ctx, committee);
  const request: SignRequest = {
    kind: "sign",
    id: toHex(o.random(32)),
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
