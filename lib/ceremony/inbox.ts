/**
 * What a ceremony has heard: one slot per (role, sender, message type).
 *
 * Messages are parsed when they arrive, whatever round the run is in, and wait for the round that
 * wants them. The first message for a slot wins; an identical repeat is nothing, a different one
 * is reported. Whatever breaks a rule ends the run with its sender named: only members that were
 * authenticated in their role get here.
 *
 * Memory is bounded by construction: at most one value per slot, of at most 1 MiB.
 *
 * @module
 */

import { sha256 } from "@noble/hashes/sha2.js";
import { equalBytes } from "../encoding/bytes.ts";
import { type Json, parseJson } from "../encoding/json.ts";
import type { MessageSpec } from "../tss/channel.ts";
import { type Committee, ContentError, ProtocolError } from "../tss/errors.ts";
import { MAX_ROUND_MESSAGE_BYTES } from "./limits.ts";

/** Deepest nesting in a round message: envelope, content, proof, list. */
const MAX_DEPTH = 8;

/** Who has not been heard yet, and in which round they should have spoken. */
export interface Waiting {
  /** The latest round that was waited for, from 1. */
  readonly round: number;
  /** Type names, without family and protocol, that are awaited; empty when nothing is. */
  readonly types: readonly string[];
  /** Party indices not heard yet, each once per committee. */
  readonly missing: readonly { readonly committee: Committee; readonly index: number }[];
}

/** What an {@link Inbox} is made for. */
export interface InboxOptions {
  /** Protocol name for errors: `ecdsa-keygen`. */
  readonly task: string;
  /** Every type of this ceremony. */
  readonly specs: readonly MessageSpec<unknown>[];
  /** Called whenever the answer to "who are we waiting for" changes. */
  readonly onWaiting?: (waiting: Waiting) => void;
  /** Called when a message takes its slot; `type` is the full name, `digest` its SHA-256. */
  readonly onNote?: (c: Committee, index: number, type: string, digest: Uint8Array) => void;
  /** Called when a sender gives two different messages for a slot, with the second one. */
  readonly onConflict?: (c: Committee, index: number, type: string, digest: Uint8Array) => void;
}

interface Slot {
  readonly digest: Uint8Array;
  readonly value: unknown;
}

interface Collection {
  readonly spec: MessageSpec<unknown>;
  readonly parties: readonly number[];
  resolve(heard: Map<number, unknown>): void;
  reject(error: ProtocolError): void;
}

/** The messages of one ceremony on one member's side. */
export class Inbox {
  readonly #task: string;
  readonly #specs: ReadonlyMap<string, MessageSpec<unknown>>;
  readonly #onWaiting: (waiting: Waiting) => void;
  readonly #onNote: NonNullable<InboxOptions["onNote"]>;
  readonly #onConflict: NonNullable<InboxOptions["onConflict"]>;
  readonly #slots = new Map<string, Slot>();
  readonly #open = new Set<Collection>();
  #fault: ProtocolError | null = null;
  #round = 1;

  /** Makes an empty inbox. */
  constructor(options: InboxOptions) {
    this.#task = options.task;
    this.#specs = new Map(options.specs.map((spec) => [spec.type, spec]));
    this.#onWaiting = options.onWaiting ?? (() => {});
    this.#onNote = options.onNote ?? (() => {});
    this.#onConflict = options.onConflict ?? (() => {});
  }

  /** The latest round that was waited for, from 1. */
  get round(): number {
    return this.#round;
  }

  /** The round that sends messages of `type`; 0 for a type that is not this ceremony's. */
  roundOf(type: string): number {
    return this.#specs.get(type)?.round ?? 0;
  }

  /**
   * Takes what the member with this index in this committee sent. Never throws: a message that
   * breaks a rule ends every present and future {@link Inbox.collect} with its sender named.
   */
  receive(committee: Committee, index: number, data: Uint8Array): void {
    if (this.#fault !== null) return;
    let spec: MessageSpec<unknown> | undefined;
    try {
      if (data.length > MAX_ROUND_MESSAGE_BYTES) {
        throw new ContentError("message", `must not exceed ${MAX_ROUND_MESSAGE_BYTES} bytes`);
      }
      const [type, content] = openEnvelope(data);
      spec = this.#specs.get(type);
      if (spec === undefined) throw new ContentError("t", "must be a type of this ceremony");
      if (spec.from !== committee) {
        throw new ContentError("t", `must be a type that the ${committee} committee sends`);
      }
      const key = slotKey(committee, index, type);
      const digest = sha256(data);
      const first = this.#slots.get(key);
      if (first !== undefined) {
        if (!equalBytes(first.digest, digest)) {
          this.#onConflict(committee, index, type, digest);
        }
        return;
      }
      this.#slots.set(key, { digest, value: spec.parse(content) });
      this.#settle();
      // After the waiting has changed: who heard of the message also knows what it brought about.
      this.#onNote(committee, index, type, digest);
    } catch (error) {
      this.#fail(spec, committee, index, error);
    }
  }

  /**
   * Resolves once every party of `spec.from` listed in `parties` has sent `spec`.
   *
   * @throws {ProtocolError} naming the sender of a message that breaks a rule.
   */
  collect<T>(spec: MessageSpec<T>, parties: readonly number[]): Promise<Map<number, T>> {
    if (this.#specs.get(spec.type) === undefined) {
      return Promise.reject(new TypeError(`${spec.type} is not a type of this ceremony`));
    }
    if (this.#fault !== null) return Promise.reject(this.#fault);
    this.#round = Math.max(this.#round, spec.round);
    const collected = new Promise<Map<number, T>>((resolve, reject) => {
      this.#open.add({
        spec,
        parties: [...parties],
        resolve: resolve as (heard: Map<number, unknown>) => void,
        reject,
      });
      this.#settle();
    });
    // A run that awaits one type while a second one is open must not die of the other's rejection.
    collected.catch(() => {});
    return collected;
  }

  /** Lets go of everything heard. */
  clear(): void {
    this.#slots.clear();
    this.#open.clear();
  }

  #settle(): void {
    for (const collection of [...this.#open]) {
      const heard = new Map<number, unknown>();
      for (const index of collection.parties) {
        const slot = this.#slots.get(slotKey(collection.spec.from, index, collection.spec.type));
        if (slot !== undefined) heard.set(index, slot.value);
      }
      if (heard.size < new Set(collection.parties).size) continue;
      this.#open.delete(collection);
      collection.resolve(heard);
    }
    this.#onWaiting(this.#waiting());
  }

  #waiting(): Waiting {
    const missing = new Map<string, { committee: Committee; index: number }>();
    const types: string[] = [];
    for (const { spec, parties } of this.#open) {
      types.push(shortName(spec.type));
      for (const index of parties) {
        if (this.#slots.has(slotKey(spec.from, index, spec.type))) continue;
        missing.set(`${spec.from}/${index}`, { committee: spec.from, index });
      }
    }
    return { round: this.#round, types, missing: [...missing.values()] };
  }

  #fail(
    spec: MessageSpec<unknown> | undefined,
    committee: Committee,
    index: number,
    error: unknown,
  ): void {
    // Other errors may hold values in their text; field and rule of a ContentError never do.
    const rule = error instanceof ContentError ? error.message : "cannot be read";
    this.#fault = new ProtocolError({
      task: this.#task,
      round: spec?.round ?? this.#round,
      reason: `malformed ${spec === undefined ? "message" : shortName(spec.type)}: ${rule}`,
      culprits: [index],
      committee,
    });
    for (const collection of this.#open) collection.reject(this.#fault);
    this.#open.clear();
    this.#slots.clear();
  }
}

/** `KGRound1Message` of `ecdsa.keygen.KGRound1Message`. */
export function shortName(type: string): string {
  return type.slice(type.lastIndexOf(".") + 1);
}

function slotKey(committee: Committee, index: number, type: string): string {
  return `${committee}/${index}/${type}`;
}

/** Reads `{"t":…,"c":…}`: exactly these two keys (specification: mesh section 15.2). */
function openEnvelope(data: Uint8Array): [type: string, content: Json] {
  let json: Json;
  try {
    json = parseJson(data, { depth: MAX_DEPTH });
  } catch {
    throw new ContentError("message", "must be JSON");
  }
  if (!(json instanceof Map) || json.size !== 2 || !json.has("c")) {
    throw new ContentError("message", 'must be an object with the keys "t" and "c"');
  }
  const type = json.get("t");
  if (typeof type !== "string") throw new ContentError("t", "must be a string");
  return [type, json.get("c")!];
}
