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
import type { Keystore, RecoveryReport } from "../keystore/keystore.ts";
import { type KeyMeta, newKeyMeta } from "../keystore/meta.ts";
import type { Clock } from "../mesh/clock.ts";
import { NodeError } from "./errors.ts";
import type { PreParamsSupply } from "./preparams_supply.ts";
import type { PresignBook, PresignedRequest } from "./presign_book.ts";
import type { CeremonyRequest, ReshareRequest, SignRequest } from "./request.ts";
import type { PendingReshare, ReshareBook } from "./reshare_book.ts";
import type { Standing } from "./reshare_notes.ts";

/** The keystore as the desk sees it. The second phase of a resharing is {@link ReshareBook}'s. */
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
  /**
   * Puts away what a failed ceremony left behind.
   *
   * @param dealt Whether this node may have handed its share on as a leaving member of a
   * resharing: then the mark that says so stays.
   */
  abandon(request: CeremonyRequest, dealt: boolean): Promise<void>;
}

/** The deadlines that ceremonies get from the configuration, in milliseconds. */
export interface CeremonyDeadlines {
  readonly roundTimeoutMs: number;
  readonly ceremonyTimeoutMs: number;
}

/** The real one, over a {@link Keystore}. */
export class KeystoreBook implements ShareBook, ReshareBook {
  readonly #self: Identity;
  readonly #keystore: Keystore;
  readonly #supply: PreParamsSupply;
  readonly #presignatures: PresignBook;
  readonly #clock: Clock;
  readonly #deadlines: CeremonyDeadlines;

  /** Reads and writes `keystore`; takes pre-parameters from `supply`. */
  constructor(options: {
    readonly self: Identity;
    readonly keystore: Keystore;
    readonly supply: PreParamsSupply;
    readonly presignatures: PresignBook;
    readonly clock: Clock;
    readonly deadlines: CeremonyDeadlines;
  }) {
    this.#self = options.self;
    this.#keystore = options.keystore;
    this.#supply = options.supply;
    this.#presignatures = options.presignatures;
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
      case "sign": {
        const meta = await this.#meta(request.keyId);
        checkSigning(request, meta);
        if (isPresigned(request)) await this.#presignatures.checkUsing(request, meta);
        return;
      }
      case "presign": {
        const meta = await this.#meta(request.keyId);
        checkSigners(request.committee, meta);
        return await this.#presignatures.checkMaking(request, meta);
      }
      case "reshare": {
        checkSize(request.oldCommittee, request.oldThreshold, "old committee");
        checkSize(request.newCommittee, request.newThreshold, "new committee");
        if (request.oldCommittee.includes(this.#self)) {
          checkResharing(request, await this.#meta(request.keyId));
          checkForm(request, await this.#meta(request.keyId));
        }
        await this.#checkDecided(request.keyId);
      }
    }
  }

  async #checkDecided(keyId: string): Promise<void> {
    const open = (await this.#keystore.staged()).find((s) => s.keyId === keyId);
    if (open === undefined) return;
    throw new NodeError(
      "TF-UNDECIDED",
      `an earlier resharing of key ${keyId} is undecided here (ceremony ${open.ceremony})`,
      {
        exit: 3,
        hint: "`transfunctioner status` says whose word is missing; start those nodes, or look " +
          "at `transfunctioner keys settle --help`",
      },
    );
  }

  /** The key's metadata whatever its status; undefined if there never was a share here. */
  async #anyMeta(keyId: string): Promise<KeyMeta | undefined> {
    try {
      return await this.#keystore.readMeta(keyId);
    } catch (error) {
      if (error instanceof KeystoreError && error.code === "TF-NOT-FOUND") return undefined;
      throw error;
    }
  }

  async #meta(keyId: string): Promise<KeyMeta> {
    const meta = await this.#anyMeta(keyId);
    if (meta === undefined) {
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
    const asked = request.requester === this.#self;
    const common = { id: fromHex(request.id), asked, ...this.#deadlines };
    switch (request.kind) {
      case "keygen": {
        const { curve, committee, threshold } = request;
        const base = { ...common, kind: "keygen" as const, curve, committee, threshold };
        if (curve !== "secp256k1") return base;
        return { ...base, preParams: await this.#supply.take(cancelled) };
      }
      case "sign": {
        const meta = await this.#meta(request.keyId);
        const presigned = isPresigned(request)
          ? await this.#presignatures.takeFor(request, meta)
          : undefined;
        return {
          ...common,
          kind: "sign",
          curve: meta.curve,
          keyId: fromHex(request.keyId),
          committee: request.committee,
          threshold: meta.threshold,
          message: request.payload,
          publicKey: meta.publicKey,
          share: presigned === undefined
            ? await this.#keystore.readShareCiphertext(request.keyId)
            : new Uint8Array(0),
          ...(presigned === undefined ? {} : { presigned }),
        };
      }
      case "presign": {
        const meta = await this.#meta(request.keyId);
        return await this.#presignatures.prepareMaking(request, meta, this.#deadlines);
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
    // The share may be staged since the request was checked: approval can take its time.
    await this.#checkDecided(request.keyId);
    const before = isOld ? await this.#meta(request.keyId) : await this.#anyMeta(request.keyId);
    if (before !== undefined && before.curve !== curve) throw wrongCurve(before, curve);
    const preParams = isNew && curve === "secp256k1"
      ? await this.#supply.take(cancelled)
      : undefined;
    const spec: CeremonySpec = {
      ...common,
      kind: "reshare",
      curve,
      keyId: fromHex(request.keyId),
      oldCommittee,
      newCommittee,
      oldThreshold,
      newThreshold,
      ...(newKeys === undefined ? {} : { newKeys }),
      ...(before === undefined ? {} : { publicKey: before.publicKey }),
      // Only of a dealer: the share of a holder that was left out before may be out of date.
      ...(isOld ? { share: await this.#keystore.readShareCiphertext(request.keyId) } : {}),
      ...(preParams === undefined ? {} : { preParams }),
      onNewShare: async (share) => {
        const next = this.#newMeta(request, share.publicKey, before);
        await this.#keystore.stageShare(request.keyId, request.id, share.shareCiphertext, next);
      },
    };
    // From here on the others may get the key without this node hearing of it.
    if (isOld && !isNew) {
      const leaving = { ceremony: request.id, committee: newCommittee };
      await this.#keystore.markLeaving(request.keyId, leaving);
    }
    return spec;
  }

  #newMeta(request: ReshareRequest, publicKey: Uint8Array, previous: KeyMeta | undefined): KeyMeta {
    // A newcomer knows the request only; after a Go client's resharing the higher count is right.
    const generation = Math.max(request.newGeneration ?? 1, (previous?.generation ?? -1) + 1);
    return newKeyMeta({
      keyId: request.keyId,
      committee: request.newCommittee,
      threshold: request.newThreshold,
      publicKey,
      curve: request.curve,
      nowMs: this.#clock.now(),
      ceremony: request.id,
      generation,
      ...(previous === undefined ? {} : { previous }),
    });
  }

  async store(request: CeremonyRequest, result: CeremonyResult): Promise<void> {
    if (request.kind === "presign") {
      await this.#presignatures.store(request, await this.#meta(request.keyId), result);
    }
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
    }
  }

  async abandon(request: CeremonyRequest, dealt: boolean): Promise<void> {
    if (request.kind !== "reshare") return;
    await this.#keystore.discardStaged(request.keyId, request.id);
    if (dealt || !request.oldCommittee.includes(this.#self)) return;
    await this.#keystore.unmarkLeaving(request.keyId, request.id);
  }

  async commit({ keyId, ceremony, role }: PendingReshare): Promise<void> {
    const meta = await this.#anyMeta(keyId);
    if (role === "leaving") await this.#keystore.retireShare(keyId, ceremony);
    else if (meta?.status !== "active" || meta.ceremony !== ceremony) {
      await this.#keystore.commitStaged(keyId, ceremony);
    }
  }

  async discard({ keyId, ceremony, role }: PendingReshare): Promise<void> {
    if (role === "leaving") await this.#keystore.unmarkLeaving(keyId, ceremony);
    else await this.#keystore.discardStaged(keyId, ceremony);
  }

  async standing(ceremony: string): Promise<Standing | null> {
    for (const meta of await this.#keystore.listKeys()) {
      if (meta.leaving?.ceremony === ceremony) return null;
      const event = meta.history.find((h) => h.ceremony === ceremony);
      if (event?.event === "reshared away") return null;
      if (meta.ceremony === ceremony || event !== undefined) return "settled";
    }
    const staged = await this.#keystore.staged();
    return staged.some((s) => s.ceremony === ceremony) ? null : "refused";
  }
}

/** What a crash or a stop left undecided, for `ReshareCommit.resume`. */
export function undecidedOf(recovery: RecoveryReport): PendingReshare[] {
  const common = { audience: [], acknowledged: false };
  return [
    ...recovery.staged.map(({ keyId, ceremony, meta }) => ({
      ...common,
      keyId,
      ceremony,
      role: "new" as const,
      newCommittee: meta.committee,
    })),
    ...recovery.leaving.map(({ keyId, ceremony, committee }) => ({
      ...common,
      keyId,
      ceremony,
      role: "leaving" as const,
      newCommittee: committee,
    })),
  ];
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
  checkSigners(request.committee, meta);
  if (meta.curve === "secp256k1" && request.payload.length !== 32) {
    throw new NodeError("TF-REQUEST", "an ECDSA key signs a digest of exactly 32 bytes", {
      exit: 3,
    });
  }
}

function checkSigners(committee: readonly Identity[], meta: KeyMeta): void {
  // The threshold of a request decides nothing: clients of the Go service write what they like.
  if (committee.length <= meta.threshold) {
    throw new NodeError(
      "TF-REQUEST",
      `${committee.length} signers are too few, the key needs ${meta.threshold + 1}`,
      { exit: 3 },
    );
  }
  checkMembers(committee, meta);
}

function isPresigned(request: SignRequest): request is PresignedRequest {
  return request.presigned !== undefined;
}

function wrongCurve(meta: KeyMeta, curve: string): NodeError {
  return new NodeError("TF-REQUEST", `the key is on ${meta.curve}, not ${curve}`, { exit: 3 });
}

function checkResharing(request: ReshareRequest, meta: KeyMeta): void {
  if (request.curve !== meta.curve) throw wrongCurve(meta, request.curve);
  if (request.oldThreshold !== meta.threshold || request.oldCommittee.length <= meta.threshold) {
    throw new NodeError(
      "TF-REQUEST",
      `the key's threshold is ${meta.threshold}: ${meta.threshold + 1} old members must take part`,
      { exit: 3 },
    );
  }
  checkMembers(request.oldCommittee, meta);
}

/**
 * A newcomer takes the form of its party key from the request, and for a request that says nothing,
 * as Go's clients' do, that of a first resharing. In a later one it would then find fault with
 * honest members, so these refuse (specification: ecdsa-resharing section 10).
 */
function checkForm(request: ReshareRequest, meta: KeyMeta): void {
  if (request.newKeys !== undefined || meta.generation % 2 === 0) return;
  const newcomer = request.newCommittee.find((m) => !meta.committee.includes(m));
  if (newcomer === undefined) return;
  throw new NodeError(
    "TF-REQUEST",
    `the request does not tell ${newcomer} which form its party key has after resharing ` +
      `${meta.generation + 1}`,
    { exit: 3, hint: "ask with `transfunctioner reshare` on a member" },
  );
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
