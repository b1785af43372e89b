/**
 * What the desk asks of the keystore: may this request be served with what is stored here, what
 * does the ceremony need of it, and where does the result go.
 *
 * Only ciphertext passes through: shares and pre-parameters are opened in the ceremony's worker.
 *
 * @module
 */

import type { CeremonySpec } from "../ceremony/spec.ts";
import type { CeremonyResult } from "../ceremony/verdict.ts";
import type { Identity } from "../crypto/identity.ts";
import { fromHex, toHex } from "../encoding/bytes.ts";
import { KeystoreError } from "../keystore/errors.ts";
import type { Keystore } from "../keystore/keystore.ts";
import { type KeyMeta, newKeyMeta } from "../keystore/meta.ts";
import type { Clock } from "../mesh/clock.ts";
import { NodeError } from "./errors.ts";
import type { PreParamsSupply } from "./preparams_supply.ts";
import type { CeremonyRequest, ReshareRequest, SignRequest } from "./request.ts";

/** The keystore as the desk sees it. */
export interface ShareBook {
  /** Whether a ceremony id was used before, also before a restart. */
  seen(id: string): boolean;
  /** Marks a ceremony id as used; durable when it resolves. False if it was used before. */
  remember(id: string): Promise<boolean>;
  /** @throws {NodeError} if the request cannot be served with what is stored here. */
  check(request: CeremonyRequest): Promise<void>;
  /** Collects what the ceremony needs; waits for pre-parameters where there are none yet. */
  prepare(request: CeremonyRequest, cancelled: () => boolean): Promise<CeremonySpec>;
  /** Stores what a complete ceremony made; durable when it resolves. */
  store(request: CeremonyRequest, result: CeremonyResult): Promise<void>;
  /** Puts away what a failed ceremony left behind. */
  abandon(request: CeremonyRequest): Promise<void>;
}

/** The deadlines that ceremonies get from the configuration, in milliseconds. */
export interface CeremonyDeadlines {
  readonly roundTimeoutMs: number;
  readonly ceremonyTimeoutMs: number;
}

/** The real one, over a {@link Keystore}. */
export class KeystoreBook implements ShareBook {
  readonly #self: Identity;
  readonly #keystore: Keystore;
  readonly #supply: PreParamsSupply;
  readonly #clock: Clock;
  readonly #deadlines: CeremonyDeadlines;

  /** Reads and writes `keystore`; takes pre-parameters from `supply`. */
  constructor(options: {
    readonly self: Identity;
    readonly keystore: Keystore;
    readonly supply: PreParamsSupply;
    readonly clock: Clock;
    readonly deadlines: CeremonyDeadlines;
  }) {
    this.#self = options.self;
    this.#keystore = options.keystore;
    this.#supply = options.supply;
    this.#clock = options.clock;
    this.#deadlines = options.deadlines;
  }

  seen(id: string): boolean {
    return this.#keystore.seenCeremony(id);
  }

  remember(id: string): Promise<boolean> {
    return this.#keystore.rememberCeremony(id);
  }

  async check(request: CeremonyRequest): Promise<void> {
    switch (request.kind) {
      case "keygen":
        return checkSize(request.committee, request.threshold, "committee");
      case "sign":
        return checkSigning(request, await this.#meta(request.keyId));
      case "reshare": {
        checkSize(request.oldCommittee, request.oldThreshold, "old committee");
        checkSize(request.newCommittee, request.newThreshold, "new committee");
        if (request.oldCommittee.includes(this.#self)) {
          checkResharing(request, await this.#meta(request.keyId));
        }
      }
    }
  }

  async #meta(keyId: string): Promise<KeyMeta> {
    let meta: KeyMeta;
    try {
      meta = await this.#keystore.readMeta(keyId);
    } catch (error) {
      if (!(error instanceof KeystoreError) || error.code !== "TF-NOT-FOUND") throw error;
      throw new NodeError("TF-NO-KEY", `no share of key ${keyId} is stored here`, {
        exit: 3,
        hint: "`transfunctioner keys` lists the keys of this node",
      });
    }
    if (meta.status !== "active") {
      throw new NodeError("TF-NO-KEY", `key ${keyId} was reshared away from this node`, {
        exit: 3,
      });
    }
    return meta;
  }

  async prepare(request: CeremonyRequest, cancelled: () => boolean): Promise<CeremonySpec> {
    const common = { id: fromHex(request.id), ...this.#deadlines };
    switch (request.kind) {
      case "keygen": {
        const { curve, committee, threshold } = request;
        const base = { ...common, kind: "keygen" as const, curve, committee, threshold };
        if (curve !== "secp256k1") return base;
        return { ...base, preParams: await this.#supply.take(cancelled) };
      }
      case "sign": {
        const meta = await this.#meta(request.keyId);
        return {
          ...common,
          kind: "sign",
          curve: meta.curve,
          keyId: fromHex(request.keyId),
          committee: request.committee,
          threshold: meta.threshold,
          message: request.payload,
          publicKey: meta.publicKey,
          share: await this.#keystore.readShareCiphertext(request.keyId),
        };
      }
      case "reshare":
        return await this.#prepareReshare(request, common, cancelled);
    }
  }

  async #prepareReshare(
    request: ReshareRequest,
    common: { id: Uint8Array } & CeremonyDeadlines,
    cancelled: () => boolean,
  ): Promise<CeremonySpec> {
    const { curve, oldCommittee, newCommittee, oldThreshold, newThreshold, newKeys } = request;
    const isOld = oldCommittee.includes(this.#self);
    const isNew = newCommittee.includes(this.#self);
    const meta = isOld ? await this.#meta(request.keyId) : undefined;
    const preParams = isNew && curve === "secp256k1"
      ? await this.#supply.take(cancelled)
      : undefined;
    return {
      ...common,
      kind: "reshare",
      curve,
      keyId: fromHex(request.keyId),
      oldCommittee,
      newCommittee,
      oldThreshold,
      newThreshold,
      ...(newKeys === undefined ? {} : { newKeys }),
      ...(meta === undefined ? {} : {
        publicKey: meta.publicKey,
        share: await this.#keystore.readShareCiphertext(meta.keyId),
      }),
      ...(preParams === undefined ? {} : { preParams }),
      onNewShare: async (share) => {
        const next = this.#newMeta(request, share.publicKey, meta);
        await this.#keystore.stageShare(request.keyId, request.id, share.shareCiphertext, next);
      },
    };
  }

  #newMeta(request: ReshareRequest, publicKey: Uint8Array, previous: KeyMeta | undefined): KeyMeta {
    return newKeyMeta({
      keyId: request.keyId,
      committee: request.newCommittee,
      threshold: request.newThreshold,
      publicKey,
      curve: request.curve,
      nowMs: this.#clock.now(),
      ceremony: request.id,
      ...(previous === undefined ? { generation: 1 } : { previous }),
    });
  }

  async store(request: CeremonyRequest, result: CeremonyResult): Promise<void> {
    if (result.kind === "keygen" && request.kind === "keygen") {
      const meta = newKeyMeta({
        keyId: toHex(result.keyId),
        committee: request.committee,
        threshold: request.threshold,
        publicKey: result.publicKey,
        curve: result.curve,
        nowMs: this.#clock.now(),
        ceremony: request.id,
      });
      await this.#keystore.writeShareCiphertext(meta.keyId, result.shareCiphertext, meta);
    } else if (result.kind === "reshare" && request.kind === "reshare") {
      if (result.shareCiphertext !== null) {
        await this.#keystore.commitStaged(request.keyId, request.id);
      } else await this.#keystore.retireShare(request.keyId, request.id);
    }
  }

  async abandon(request: CeremonyRequest): Promise<void> {
    if (request.kind === "reshare") await this.#keystore.discardStaged(request.keyId, request.id);
  }
}

function checkSize(committee: readonly Identity[], threshold: number, what: string): void {
  if (new Set(committee).size !== committee.length) {
    throw new NodeError("TF-REQUEST", `the ${what} names a member twice`, { exit: 3 });
  }
  if (threshold < 1 || threshold >= committee.length) {
    throw new NodeError(
      "TF-REQUEST",
      `a ${what} of ${committee.length} cannot have the threshold ${threshold}`,
      { exit: 3, hint: "threshold + 1 members sign: 1 ≤ threshold < members" },
    );
  }
}

function checkSigning(request: SignRequest, meta: KeyMeta): void {
  // The threshold of a request decides nothing: clients of the Go service write what they like.
  if (request.committee.length <= meta.threshold) {
    throw new NodeError(
      "TF-REQUEST",
      `${request.committee.length} signers are too few, the key needs ${meta.threshold + 1}`,
      { exit: 3 },
    );
  }
  checkMembers(request.committee, meta);
  if (meta.curve === "secp256k1" && request.payload.length !== 32) {
    throw new NodeError("TF-REQUEST", "an ECDSA key signs a digest of exactly 32 bytes", {
      exit: 3,
    });
  }
}

function checkResharing(request: ReshareRequest, meta: KeyMeta): void {
  if (request.curve !== meta.curve) {
    throw new NodeError("TF-REQUEST", `the key is on ${meta.curve}, not ${request.curve}`, {
      exit: 3,
    });
  }
  if (request.oldThreshold !== meta.threshold || request.oldCommittee.length <= meta.threshold) {
    throw new NodeError(
      "TF-REQUEST",
      `the key's threshold is ${meta.threshold}: ${meta.threshold + 1} old members must take part`,
      { exit: 3 },
    );
  }
  checkMembers(request.oldCommittee, meta);
}

function checkMembers(committee: readonly Identity[], meta: KeyMeta): void {
  if (new Set(committee).size !== committee.length) {
    throw new NodeError("TF-REQUEST", "the request names a member twice", { exit: 3 });
  }
  const stranger = committee.find((m) => !meta.committee.includes(m));
  if (stranger !== undefined) {
    throw new NodeError("TF-REQUEST", `${stranger} has no share of key ${meta.keyId}`, { exit: 3 });
  }
}
