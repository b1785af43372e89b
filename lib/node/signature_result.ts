/**
 * A signature on its way to whoever asked for it: verified before it is called one.
 *
 * @module
 */

import { secp256k1 } from "@noble/curves/secp256k1.js";
import { sha256 } from "@noble/hashes/sha2.js";
import type { Outcome } from "../ceremony/verdict.ts";
import { verifyEddsa } from "../ceremony/verify.ts";
import type { Identity } from "../crypto/identity.ts";
import { concat, minimalBytes, toHex } from "../encoding/bytes.ts";
import type { KeyMeta } from "../keystore/keystore.ts";
import type { Clock } from "../mesh/clock.ts";
import type { OutcomeCommand, SignResponseCommand } from "../mesh/command_types.ts";
import { publicKeyText } from "./encodings.ts";
import { NodeError } from "./errors.ts";
import type { SignRequest } from "./request.ts";
import { isRefusal, printable } from "./responses.ts";
import { LOST } from "./restarts.ts";

/** DER of an ECDSA signature (X9.62), in hex. */
export function derSignature(r: Uint8Array, s: Uint8Array): string {
  const integer = (bytes: Uint8Array) => {
    const body = minimalBytes(BigInt("0x" + toHex(bytes)));
    const padded = body[0]! >= 0x80 ? concat(Uint8Array.of(0), body) : body;
    return concat(Uint8Array.of(2, padded.length), padded);
  };
  const body = concat(integer(r), integer(s));
  return toHex(concat(Uint8Array.of(0x30, body.length), body));
}

function ecdsaFields(
  digest: Uint8Array,
  r: Uint8Array,
  s: Uint8Array,
  recoveryId: number,
  publicKey: Uint8Array,
): Record<string, unknown> {
  return {
    curve: "secp256k1",
    public_key: publicKeyText("secp256k1", publicKey),
    digest: toHex(digest),
    r: toHex(r),
    s: toHex(s),
    recovery_id: recoveryId,
    der: derSignature(r, s),
    signature: toHex(concat(r, s)),
  };
}

function eddsaFields(
  message: Uint8Array,
  signature: Uint8Array,
  publicKey: Uint8Array,
): Record<string, unknown> {
  return {
    curve: "ed25519",
    public_key: publicKeyText("ed25519", publicKey),
    message: toHex(message),
    r: toHex(signature.subarray(0, 32)),
    s: toHex(signature.subarray(32)),
    signature: toHex(signature),
  };
}

/** The fields of a signature that this node helped to make; the engine has verified it. */
export function signatureFields(
  payload: Uint8Array,
  outcome: Outcome & { state: "complete" },
): Record<string, unknown> {
  const { result } = outcome;
  if (result.kind !== "sign") throw new Error("A signing made something else");
  if (result.curve === "secp256k1") {
    return ecdsaFields(payload, result.r, result.s, result.recoveryId, result.publicKey);
  }
  return eddsaFields(payload, result.signature, result.publicKey);
}

/**
 * A ceremony of which one member has failed seldom ends well elsewhere; it may, at the very end.
 * Waited for that long, ms.
 */
export const GRACE = 5_000;

/**
 * Collects `sign-response`s for a requester that takes no part itself. The first signature that
 * verifies wins; it needs no trust in whoever sent it, because the key id fixes the public key:
 * both keys that could have made (r, s) are recovered and only one can have that id.
 */
export class SignatureWaiter {
  readonly #request: SignRequest;
  readonly #meta: KeyMeta | undefined;
  readonly #clock: Clock;
  readonly #failures = new Map<Identity, string>();
  readonly #done = Promise.withResolvers<Record<string, unknown>>();

  /** Waits for responses to `request`; `meta` is what is known of the key, if anything. */
  constructor(request: SignRequest, meta: KeyMeta | undefined, clock: Clock) {
    this.#clock = clock;
    this.#request = request;
    this.#meta = meta;
    // A ceremony that this node takes part in never looks at this promise.
    this.#done.promise.catch(() => {});
  }

  /**
   * Resolves with the verified signature's fields; rejects when every member has failed, or none
   * has succeeded {@link GRACE} after the first failed.
   */
  get result(): Promise<Record<string, unknown>> {
    return this.#done.promise;
  }

  /** Takes one member's response. */
  hear(from: Identity, response: OutcomeCommand | SignResponseCommand): void {
    if (response.type !== "sign-response") return;
    if (response.success) {
      const fields = this.#verify(response.r, response.s);
      if (fields !== null) return this.#done.resolve(fields);
      this.#failures.set(from, "sent a signature that does not verify");
    } else this.#failures.set(from, printable(response.error));
    if (this.#request.committee.every((m) => this.#failures.has(m))) this.#giveUp();
    else if (this.#failures.size === 1) this.#clock.setTimer(GRACE, () => this.#giveUp());
  }

  #giveUp(): void {
    const [member, reason] = [...this.#failures][0]!;
    const refused = isRefusal(reason);
    this.#done.reject(
      new NodeError(refused ? "TF-REFUSED" : "TF-FAILED", `${member} reports: ${reason}`, {
        exit: refused ? 3 : 1,
        culprits: this.suspects?.out ?? [],
      }),
    );
  }

  /** Whose fault it may be that there is no signature; null while nobody has said anything. */
  get suspects():
    | { readonly out: readonly Identity[]; readonly doubtful: readonly Identity[] }
    | null {
    const reports = [...this.#failures];
    if (reports.length === 0) return null;
    const out = reports.filter(([, reason]) => isRefusal(reason) || reason === LOST)
      .map(([member]) => member);
    // Whoever failed said so; whoever says nothing at all is gone.
    const silent = this.#request.committee.filter((m) => !this.#failures.has(m));
    out.push(...silent);
    return { out, doubtful: out.length > 0 ? [] : reports.map(([member]) => member) };
  }

  #verify(r: Uint8Array, s: Uint8Array): Record<string, unknown> | null {
    const { payload, keyId } = this.#request;
    if (r.length !== 32 || s.length !== 32) return null;
    // An Ed25519 key cannot be recovered from a signature; a node that once held it knows it.
    if (this.#meta?.curve === "ed25519") {
      const { publicKey } = this.#meta;
      return verifyEddsa(publicKey, payload, concat(r, s))
        ? eddsaFields(payload, concat(r, s), publicKey)
        : null;
    }
    for (let recoveryId = 0; recoveryId < 4; recoveryId++) {
      try {
        const signature = secp256k1.Signature.fromBytes(concat(r, s), "compact")
          .addRecoveryBit(recoveryId);
        if (signature.hasHighS()) return null;
        const key = signature.recoverPublicKey(payload).toBytes(false).subarray(1);
        const x = minimalBytes(BigInt("0x" + toHex(key.subarray(0, 32))));
        if (toHex(sha256(x)).slice(0, 32) !== keyId) continue;
        return ecdsaFields(payload, r, s, recoveryId, key);
      } catch {
        // No point with this recovery id; another one may have it.
        continue;
      }
    }
    return null;
  }
}
