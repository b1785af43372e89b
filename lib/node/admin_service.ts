/**
 * The methods of the admin interface: what `transfunctioner status|peers|keygen|sign|…` ask for.
 *
 * Every result is plain data with stable names; nothing in it is secret. A method may tell of its
 * progress while it works.
 *
 * @module
 */

import type { Outcome } from "../ceremony/verdict.ts";
import { type Identity, type NodeIdentity, parseIdentity } from "../crypto/identity.ts";
import { fromHex, toHex } from "../encoding/bytes.ts";
import type { KeyMeta, Keystore } from "../keystore/keystore.ts";
import type { Clock } from "../mesh/clock.ts";
import type { RandomSource } from "../arith/random.ts";
import { VERSION } from "../version.ts";
import type { Desk } from "./desk.ts";
import { keyEncodings, publicKeyText } from "./encodings.ts";
import { badRequest, NodeError } from "./errors.ts";
import { type Entry, type EntryOutcome, entryView } from "./ledger.ts";
import type { SupplyState } from "./preparams_supply.ts";
import type { CeremonyRequest, KeygenRequest, SignRequest } from "./request.ts";
import { signatureFields, SignatureWaiter } from "./signature_result.ts";

/** One node of the mesh as the admin interface shows it. */
export interface PeerInfo {
  readonly identity: Identity;
  readonly address: string;
  readonly self: boolean;
  /** There is a session. */
  readonly connected: boolean;
  /** It answered a ping, or it is this node. */
  readonly live: boolean;
  /** A sealed message can be sent to it: its NaCl key is known. */
  readonly reachable: boolean;
  readonly direction: "inbound" | "outbound" | undefined;
  readonly rttMs: number | undefined;
  /** Milliseconds since 1970. */
  readonly lastSeen: number | undefined;
  /** `transfunctioner` or `go`, where a session told. */
  readonly software: string | undefined;
}

/** Where the admin interface looks. */
export interface AdminOptions {
  readonly identity: NodeIdentity;
  readonly adminIdentity: Identity;
  readonly keystore: Keystore;
  readonly desk: Desk;
  readonly peers: () => PeerInfo[];
  readonly addPeer: (address: string) => void;
  readonly supply: () => SupplyState;
  readonly clock: Clock;
  readonly random: RandomSource;
  readonly startedAt: number;
  readonly listenAddress: () => string;
  readonly adminAddress: () => string;
  readonly consent: string;
  readonly initiators: readonly Identity[];
  readonly debugInitiation: boolean;
  readonly warnings: () => string[];
  /** Longest time an admin may wait for a ceremony by default, in milliseconds. */
  readonly ceremonyTimeoutMs: number;
}

/** Parameters of a call, as read from JSON. */
export type Params = Readonly<Record<string, unknown>>;
/** Takes progress events. */
export type OnEvent = (event: Record<string, unknown>) => void;

/** How long the requester waits for the other members to confirm a key, in milliseconds. */
const CONFIRMATION_MS = 10_000;

/** The admin interface of one node. */
export class AdminService {
  readonly #o: AdminOptions;

  /** Answers for the node that `options` describe. */
  constructor(options: AdminOptions) {
    this.#o = options;
  }

  /**
   * Carries out one call.
   *
   * @throws {NodeError} with message, hint and exit code for the caller.
   */
  async call(method: string, params: Params, onEvent: OnEvent): Promise<unknown> {
    switch (method) {
      case "identity":
        return this.#identity();
      case "status":
        return await this.#status();
      case "peers":
        return { peers: this.#o.peers().map((p) => this.#peerView(p)) };
      case "peers.add":
        this.#o.addPeer(text(params, "address"));
        return { accepted: true };
      case "keys":
        return { keys: await this.#keys() };
      case "keygen":
        return await this.#keygen(params, onEvent);
      case "sign":
        return await this.#sign(params, onEvent);
      case "ceremonies": {
        const now = this.#o.clock.now();
        return { ceremonies: this.#o.desk.ledger.all().map((e) => entryView(e, now)) };
      }
      case "ceremonies.show":
      case "ceremonies.approve":
      case "ceremonies.deny":
      case "ceremonies.abort":
        return await this.#ceremony(method.slice("ceremonies.".length), params);
      default:
        throw badRequest(
          `the daemon has no method "${method}"`,
          "is the daemon of another version?",
        );
    }
  }

  #identity(): Record<string, unknown> {
    const { identity } = this.#o;
    return {
      identity: identity.identity,
      public_key: toHex(identity.publicKey),
      nacl_public: toHex(identity.naclPublic),
      admin: this.#o.adminIdentity,
      address: this.#o.listenAddress(),
    };
  }

  async #status(): Promise<Record<string, unknown>> {
    const o = this.#o;
    const counts = o.desk.ledger.counts();
    const peers = o.peers();
    const keys = await this.#keys();
    return {
      version: VERSION,
      identity: o.identity.identity,
      started_at: new Date(o.startedAt).toISOString(),
      uptime_ms: o.clock.now() - o.startedAt,
      listen: o.listenAddress(),
      admin: o.adminAddress(),
      sessions: peers.filter((p) => p.connected).length,
      peers_known: peers.length,
      pre_params: o.supply(),
      ceremonies: {
        running: counts.running + counts.starting + counts.requested,
        waiting: counts.waiting,
        complete: counts.complete,
        failed: counts.failed + counts.aborted,
      },
      consent: o.consent,
      initiators: o.initiators,
      debug_initiation: o.debugInitiation,
      warnings: [
        ...o.warnings(),
        ...keys.filter((k) => k["problem"] !== undefined).map((k) => String(k["problem"])),
      ],
      keys,
    };
  }

  #peerView(p: PeerInfo): Record<string, unknown> {
    return {
      identity: p.identity,
      address: p.address,
      self: p.self,
      connected: p.connected,
      live: p.live,
      reachable: p.reachable,
      direction: p.direction,
      rtt_ms: p.rttMs,
      seen_ms_ago: p.lastSeen === undefined
        ? undefined
        : Math.max(0, this.#o.clock.now() - p.lastSeen),
      software: p.software,
    };
  }

  /** Members that could take part now: this node, live sessions, and nodes known through others. */
  #live(): Set<Identity> {
    return new Set(
      this.#o.peers().filter((p) => p.self || p.live || (!p.connected && p.reachable))
        .map((p) => p.identity),
    );
  }

  /** All keys; a damaged one is shown with its problem and never as able to sign. */
  async #keys(): Promise<Record<string, unknown>[]> {
    const reports = await this.#o.keystore.inspectKeys();
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
          created_at: "",
          live: 0,
          needed: 0,
        }
        : this.#keyView(meta)),
      ...(problem === null
        ? {}
        : { status: "damaged", can_sign: false, problem: `${problem.message}; ${problem.hint}` }),
    }));
  }

  /** The metadata of a key, undefined if there is none here; a damaged one is an error. */
  async #metaOf(keyId: string): Promise<KeyMeta | undefined> {
    const report = (await this.#o.keystore.inspectKeys()).find((r) => r.keyId === keyId);
    if (report?.problem) throw report.problem;
    return report?.meta ?? undefined;
  }

  #keyView(meta: KeyMeta): Record<string, unknown> {
    const live = this.#live();
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
      live: count,
      needed: meta.threshold + 1,
      can_sign: meta.status === "active" && count > meta.threshold &&
        meta.committee.includes(this.#o.identity.identity),
    };
  }

  /** Refuses at once when a member cannot be reached: waiting for a deadline helps nobody. */
  #requireLive(members: readonly Identity[]): void {
    const live = this.#live();
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

  async #keygen(params: Params, onEvent: OnEvent): Promise<Record<string, unknown>> {
    const self = this.#o.identity.identity;
    const committee = identities(params, "members");
    const threshold = integer(params, "threshold", 1, 255);
    const curve = params["curve"] ?? "secp256k1";
    if (curve !== "secp256k1" && curve !== "ed25519") {
      throw badRequest(`curve: "${curve}" is not one of secp256k1, ed25519`);
    }
    if (new Set(committee).size !== committee.length) {
      throw badRequest("members: one is named twice");
    }
    if (threshold >= committee.length) {
      throw badRequest(
        `threshold ${threshold} is too high for ${committee.length} members`,
        "threshold + 1 members sign: 1 ≤ threshold < members",
      );
    }
    if (!committee.includes(self)) {
      throw badRequest(
        `members: this node (${self}) is not among them`,
        "run the command on one of the members",
      );
    }
    this.#requireLive(committee);
    this.#requireCurve(committee, curve);
    const request: KeygenRequest = {
      kind: "keygen",
      id: toHex(this.#o.random(32)),
      requester: self,
      curve,
      committee,
      threshold,
      coordinator: self,
    };
    const begun = this.#o.clock.now();
    const entry = await this.#o.desk.initiate(request);
    const outcome = await this.#follow(entry, params, onEvent);
    if (outcome.result.kind !== "keygen") throw new Error("A key generation made something else");
    const { keyId, publicKey } = outcome.result;
    const unconfirmed = await this.#confirmations(entry, committee);
    return {
      ceremony_id: request.id,
      key_id: toHex(keyId),
      curve,
      public_key: publicKeyText(curve, publicKey),
      ...(curve === "secp256k1"
        ? { ethereum_address: keyEncodings(curve, publicKey)["ethereum"] }
        : {}),
      encodings: keyEncodings(curve, publicKey),
      committee,
      threshold,
      coordinator: request.coordinator,
      confirmed_by: [self, ...committee.filter((m) => entry.confirmed.has(m))],
      unconfirmed,
      elapsed_ms: this.#o.clock.now() - begun,
    };
  }

  /** The Go service only has ECDSA ceremonies and would start one whatever the request says. */
  #requireCurve(members: readonly Identity[], curve: string): void {
    if (curve !== "ed25519") return;
    const go = this.#o.peers().filter((p) => p.software === "go" && members.includes(p.identity));
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

  /** Members of our own kind that have not confirmed the key in time; a Go node never does. */
  async #confirmations(entry: Entry, committee: readonly Identity[]): Promise<Identity[]> {
    const software = new Map(this.#o.peers().map((p) => [p.identity, p.software]));
    const expected = committee.filter((m) =>
      m !== this.#o.identity.identity && software.get(m) !== "go"
    );
    const missing = () => expected.filter((m) => !entry.confirmed.has(m));
    if (missing().length > 0) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const stop = entry.watch(() => missing().length === 0 && resolve());
      const cancel = this.#o.clock.setTimer(CONFIRMATION_MS, resolve);
      await promise;
      stop();
      cancel();
    }
    return missing();
  }

  async #sign(params: Params, onEvent: OnEvent): Promise<Record<string, unknown>> {
    const o = this.#o;
    const self = o.identity.identity;
    const keyId = text(params, "key_id").toLowerCase();
    if (!/^[0-9a-f]{32}$/.test(keyId)) throw badRequest("key_id: expected 32 hex digits");
    const meta = await this.#metaOf(keyId);
    if (meta === undefined && params["members"] === undefined) {
      throw new NodeError("TF-NO-KEY", `this node has no share of key ${keyId}`, {
        exit: 3,
        hint: "`transfunctioner keys` lists what it has; with --members it asks other nodes",
      });
    }
    const payload = signPayload(params, meta?.curve ?? "secp256k1");
    const committee = params["members"] === undefined
      ? this.#chooseSigners(meta!)
      : identities(params, "members");
    const threshold = meta?.threshold ?? committee.length - 1;
    this.#requireLive(committee);
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
        ? await this.#within(waiter.result, params, entry)
        : signatureFields(payload, await this.#follow(entry, params, onEvent));
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

  /** Threshold + 1 members: this node first, then live sessions by round-trip time. */
  #chooseSigners(meta: KeyMeta): Identity[] {
    const self = this.#o.identity.identity;
    const live = this.#live();
    const rtt = new Map(this.#o.peers().map((p) => [p.identity, p.rttMs ?? Infinity]));
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

  /** Waits for a local ceremony's end, telling of its progress. */
  async #follow(
    entry: Entry,
    params: Params,
    onEvent: OnEvent,
  ): Promise<Outcome & { state: "complete" }> {
    const tell = () => {
      const view = entryView(entry, this.#o.clock.now());
      onEvent({
        ceremony_id: entry.request.id,
        state: view["state"],
        round: view["round"],
        rounds: view["rounds"],
        step: view["step"],
        waiting_for: view["waiting_for"],
      });
    };
    tell();
    const stop = entry.watch(tell);
    let outcome: EntryOutcome;
    try {
      outcome = await this.#within(entry.ended, params, entry);
    } finally {
      stop();
    }
    if (outcome.state === "complete") return outcome;
    if (outcome.state === "answered") {
      throw new Error("A ceremony of this node was answered by others");
    }
    if (outcome.state === "aborted") {
      const refused = /reports: refused:/.test(outcome.reason);
      throw new NodeError(refused ? "TF-REFUSED" : "TF-ABORTED", outcome.reason, {
        exit: refused ? 3 : 1,
        ...(refused
          ? { hint: "the operator of that node decides: TRF_INITIATORS, TRF_CONSENT" }
          : {}),
      });
    }
    throw new NodeError(outcome.code, outcome.reason, {
      exit: outcome.code === "TF-TIMEOUT" ? 4 : 1,
      ...(outcome.culprits.length === 0 ? {} : {
        hint: `${outcome.code === "TF-TIMEOUT" ? "silent" : "to blame"}: ${
          outcome.culprits.join(", ")
        }`,
      }),
      culprits: outcome.culprits,
    });
  }

  /** Bounds a wait by the caller's patience; an impatient caller ends the ceremony. */
  async #within<T>(work: Promise<T>, params: Params, entry: Entry): Promise<T> {
    const ms = params["timeout_ms"] === undefined
      ? this.#o.ceremonyTimeoutMs + 5_000
      : integer(params, "timeout_ms", 1, 86_400_000);
    const expired = Promise.withResolvers<never>();
    const cancel = this.#o.clock.setTimer(ms, () => {
      const silent = entry.ceremony?.waitingFor ?? [];
      expired.reject(
        new NodeError("TF-TIMEOUT", `no result within ${Math.round(ms / 1000)} s`, {
          exit: 4,
          ...(silent.length === 0 ? {} : { hint: `still waiting for ${silent.join(", ")}` }),
          culprits: silent,
        }),
      );
      if (!entry.isOver) void this.#o.desk.abort(entry, "the requester's time limit passed");
    });
    try {
      return await Promise.race([work, expired.promise]);
    } finally {
      cancel();
    }
  }

  async #ceremony(action: string, params: Params): Promise<Record<string, unknown>> {
    const { desk, clock } = this.#o;
    const id = text(params, "id").toLowerCase();
    if (!/^[0-9a-f]{4,64}$/.test(id)) {
      throw badRequest(`"${id}" is not a ceremony id`, "give at least 4 of its hex digits");
    }
    const found = desk.ledger.find(id);
    if (found.length !== 1) {
      throw new NodeError(
        "TF-NO-CEREMONY",
        found.length === 0 ? `no ceremony ${id} here` : `${id} fits ${found.length} ceremonies`,
        { hint: "`transfunctioner ceremonies` lists them" },
      );
    }
    const entry = found[0]!;
    const reason = typeof params["reason"] === "string" ? params["reason"] : "";
    if (action === "approve") desk.approve(entry);
    else if (action === "deny") await desk.deny(entry, reason);
    else if (action === "abort") await desk.abort(entry, reason);
    return entryView(entry, clock.now());
  }
}

/** A request's kind and key for whoever logs admin calls. */
export function describeRequest(request: CeremonyRequest): string {
  return request.kind === "keygen" ? "keygen" : `${request.kind} ${request.keyId}`;
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

function text(params: Params, name: string): string {
  const value = params[name];
  if (typeof value !== "string" || value === "") throw badRequest(`${name}: missing`);
  return value;
}

function hexBytes(params: Params, name: string): Uint8Array {
  try {
    const value = params[name];
    if (typeof value !== "string") throw new SyntaxError();
    return fromHex(value);
  } catch {
    throw badRequest(`${name}: expected hex digits`);
  }
}

function integer(params: Params, name: string, min: number, max: number): number {
  const value = params[name];
  if (typeof value !== "number" || !Number.isInteger(value) || value < min || value > max) {
    throw badRequest(`${name}: expected a whole number from ${min} to ${max}`);
  }
  return value;
}

function identities(params: Params, name: string): Identity[] {
  const value = params[name];
  if (!Array.isArray(value) || value.length === 0) throw badRequest(`${name}: missing`);
  return value.map((v) => {
    try {
      return parseIdentity(String(v));
    } catch {
      throw badRequest(`${name}: "${v}" is not an identity`, "an identity has 40 hex digits");
    }
  });
}
