/**
 * What the desk asks of the keystore about presignatures: may one be made or used, what does the
 * ceremony need, where does its part go.
 *
 * @module
 */

import type { CeremonySpec, PresignedPart, PresignSpec } from "../ceremony/spec.ts";
import type { CeremonyResult } from "../ceremony/verdict.ts";
import type { Identity } from "../crypto/identity.ts";
import { fromHex } from "../encoding/bytes.ts";
import { KeystoreError } from "../keystore/errors.ts";
import type { Keystore } from "../keystore/keystore.ts";
import type { KeyMeta } from "../keystore/meta.ts";
import {
  MAX_PRESIGN_COUNT,
  type PresignHeader,
  type PresignMatch,
  sameMembers,
} from "../keystore/presign_stock.ts";
import { NodeError } from "./errors.ts";
import { PRESIGN_BUSY } from "./presign_hunger.ts";
import type { CeremonyDeadlines } from "./share_book.ts";
import type { PresignRequest, SignRequest } from "./request.ts";

/** Words in a refusal that tell a requester to sign in nine rounds instead. */
export const NO_PRESIGNATURE = "no presignature";

/** Tells whether a failure means that a member has no such presignature (any more). */
export function lacksPresignature(error: unknown): boolean {
  return error instanceof Error && error.message.includes(NO_PRESIGNATURE);
}

/** Presignings remembered until they end. */
const MAX_MAKING = 64;

/** A signing that names a presignature. */
export type PresignedRequest = SignRequest & Required<Pick<SignRequest, "presigned">>;

/** Over a {@link Keystore}. */
export class PresignBook {
  readonly #self: Identity;
  readonly #keystore: Keystore;
  /** Whether a presigning is to be turned away for a ceremony that somebody waits for. */
  readonly #busy: () => boolean;
  /** What presignings under way are made with, by id. */
  readonly #making = new Map<string, PresignHeader>();
  /** Presignatures that this node took part in making, and in using, since its start. */
  readonly counters: { made: number; used: number } = { made: 0, used: 0 };

  /** Reads and writes `keystore`. */
  constructor(self: Identity, keystore: Keystore, busy: () => boolean) {
    this.#self = self;
    this.#keystore = keystore;
    this.#busy = busy;
  }

  /** @throws {NodeError} if a presignature of this key cannot be made here, or not now. */
  async checkMaking(request: PresignRequest, meta: KeyMeta): Promise<void> {
    const refuse = (reason: string, code = "TF-REQUEST") => {
      throw new NodeError(code, reason, { exit: 3 });
    };
    if (meta.curve !== "secp256k1") refuse("only ECDSA keys have presignatures");
    if (await this.#keystore.presignatures.setting(meta.keyId) === null) {
      refuse(`presignatures are off for key ${meta.keyId}`, "TF-NOT-ALLOWED");
    }
    if (request.generation !== meta.generation || request.threshold !== meta.threshold) {
      refuse(`the key has generation ${meta.generation} and threshold ${meta.threshold} here`);
    }
    if (!request.committee.includes(request.requester)) {
      refuse("a presignature is made by one of those who can use it");
    }
    if (this.#busy()) refuse(PRESIGN_BUSY, "TF-BUSY");
  }

  /** What a presigning needs. Also drops what its asker has no more. */
  async prepareMaking(
    request: PresignRequest,
    meta: KeyMeta,
    deadlines: CeremonyDeadlines,
  ): Promise<PresignSpec> {
    const { id, keyId, committee, requester: maker, keep } = request;
    const shelf = this.#keystore.presignatures;
    // Twice the most that anybody keeps: nobody fills the shelf with what it never uses.
    const kept = new Set(keep.slice(0, 2 * MAX_PRESIGN_COUNT));
    await shelf.wipe((h) => h.maker === maker && h.keyId === keyId && !kept.has(h.id));
    const { generation } = meta;
    // Failed ones are never asked for again: the oldest goes.
    if (this.#making.size >= MAX_MAKING) this.#making.delete(this.#making.keys().next().value!);
    this.#making.set(id, { id, keyId, generation, shareHash: hashOf(meta), committee, maker });
    return {
      ...deadlines,
      kind: "presign",
      curve: "secp256k1",
      asked: maker === this.#self,
      id: fromHex(id),
      keyId: fromHex(keyId),
      committee,
      threshold: meta.threshold,
      generation,
      publicKey: meta.publicKey,
      share: await this.#keystore.readShareCiphertext(keyId),
    };
  }

  /**
   * Stores this node's part.
   *
   * @throws {NodeError} if the key was reshared meanwhile, or the presigning was forgotten.
   */
  async store(request: PresignRequest, meta: KeyMeta, result: CeremonyResult): Promise<void> {
    const header = this.#making.get(request.id);
    this.#making.delete(request.id);
    if (header === undefined || result.kind !== "presign") {
      throw new NodeError("TF-STATE", `presigning ${request.id} is not known here any more`);
    }
    if (header.generation !== meta.generation || header.shareHash !== hashOf(meta)) {
      throw new NodeError("TF-STATE", `key ${meta.keyId} was reshared meanwhile`);
    }
    await this.#keystore.presignatures.put(header, result.part);
    this.counters.made++;
  }

  /** @throws {NodeError} saying {@link NO_PRESIGNATURE} unless it is here and fits the request. */
  async checkUsing(request: PresignedRequest, meta: KeyMeta): Promise<void> {
    const { id, match } = this.#match(request, meta);
    const [header] = (await this.#keystore.presignatures.list()).filter((h) => h.id === id);
    const fits = header !== undefined && header.keyId === match.keyId &&
      header.generation === match.generation && header.shareHash === match.shareHash &&
      header.maker === match.maker && sameMembers(header.committee, match.committee);
    if (!fits || request.presigned.generation !== meta.generation) throw missing(id);
  }

  /**
   * Takes a presignature for its one use: destroyed on disk when this resolves.
   *
   * @throws {NodeError} saying {@link NO_PRESIGNATURE} if it is not here any more.
   */
  async takeFor(request: PresignedRequest, meta: KeyMeta): Promise<PresignedPart> {
    const { id, match } = this.#match(request, meta);
    const { generation } = request.presigned;
    if (generation !== meta.generation) throw missing(id);
    try {
      const part = await this.#keystore.presignatures.take(id, match);
      this.counters.used++;
      return { id: fromHex(id), generation, part, asked: request.requester === this.#self };
    } catch (error) {
      if (error instanceof KeystoreError && error.code === "TF-NOT-FOUND") throw missing(id);
      throw error;
    }
  }

  #match(request: PresignedRequest, meta: KeyMeta): { id: string; match: PresignMatch } {
    const { presigned: { id }, committee, requester: maker } = request;
    const { keyId, generation } = meta;
    return { id, match: { keyId, generation, shareHash: hashOf(meta), committee, maker } };
  }
}

/** Tells whether a ceremony is one that somebody waits for and that takes its time. */
export function isSlow(spec: CeremonySpec): boolean {
  return spec.kind !== "presign" && !(spec.kind === "sign" && spec.presigned !== undefined);
}

/** A Go node's metadata names no hash; then the generation has to do. */
function hashOf(meta: KeyMeta): string {
  return meta.shareHash ?? "";
}

function missing(id: string): NodeError {
  return new NodeError("TF-NO-PRESIGNATURE", `there is ${NO_PRESIGNATURE} ${id} here`, { exit: 3 });
}
