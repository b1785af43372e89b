/**
 * Several nodes' engines in one process, connected by an in-memory mesh that a test may tamper
 * with. The workers are the real ones.
 *
 * @module
 */

import type { Ceremony } from "../../lib/ceremony/ceremony.ts";
import { CeremonyEngine } from "../../lib/ceremony/engine.ts";
import type { CeremonyLimits } from "../../lib/ceremony/limits.ts";
import type { CeremonySpec } from "../../lib/ceremony/spec.ts";
import type { CeremonyResult, Outcome } from "../../lib/ceremony/verdict.ts";
import type { Transcript } from "../../lib/ceremony/recorder.ts";
import { witnessCommand } from "../../lib/ceremony/witness.ts";
import type { WorkerFactory } from "../../lib/ceremony/worker_host.ts";
import { systemRandom } from "../../lib/arith/random.ts";
import { type Identity, NodeIdentity } from "../../lib/crypto/identity.ts";
import { fromHex, fromUtf8, utf8 } from "../../lib/encoding/bytes.ts";
import { type Json, type JsonInput, parseJson, stringifyJson } from "../../lib/encoding/json.ts";
import { openStoreFile, PREPARAMS_STORE_ID, sealStoreFile } from "../../lib/keystore/store_file.ts";
import type { Clock } from "../../lib/mesh/clock.ts";
import type { TssCommand, WitnessCommand } from "../../lib/mesh/command_types.ts";
import { decodeCommand, encodeCommand } from "../../lib/mesh/commands.ts";
import { signTss } from "../../lib/mesh/tss_command.ts";
import { type CollectingLogger, collectingLogger } from "../../lib/observe/logger.ts";
import { VirtualClock } from "../support/virtual_clock.ts";

/** One round message on its way. */
export interface Passing {
  /** Positions among the nodes. */
  readonly from: number;
  readonly to: number;
  /** Message name without family and protocol. */
  readonly type: string;
  readonly content: Map<string, Json>;
}

/** What a test makes of a message: `undefined` leaves it, `null` swallows it, a list replaces it. */
export type Tamper = (passing: Passing) => undefined | null | (JsonInput | Json)[];

/** One node. */
export interface Node {
  readonly identity: NodeIdentity;
  readonly id: Identity;
  readonly storeKey: Uint8Array;
  readonly engine: CeremonyEngine;
  readonly log: CollectingLogger;
}

/** Nodes that hear each other. */
export class Cluster {
  readonly nodes: Node[] = [];
  readonly #clock: Clock;
  /** See {@link Tamper}. */
  tamper: Tamper = () => undefined;
  /** Nodes that compare broadcasts; the others behave like a program that does not know that. */
  comparing: ReadonlySet<number> = new Set();
  /** What becomes of what such nodes say to each other: `null` swallows it. */
  tamperWitness: (from: number, to: number, command: WitnessCommand) => WitnessCommand | null = (
    _from,
    _to,
    command,
  ) => command;
  /** Whether node `by` has been told that node `of` compares. */
  announced: (by: number, of: number) => boolean = () => true;
  /** Milliseconds of the clock that a round message travels. */
  delayMs = 0;
  /** Sees every round message as it is delivered. */
  onCommand: (from: number, to: number, command: TssCommand) => void = () => {};
  /** Transcripts in the order in which ceremonies ended, with the place of the recorder. */
  readonly transcripts: (Transcript & { readonly by: number })[] = [];
  /** How many such messages went from node to node. */
  witnessed = 0;
  /** Nodes that nobody can reach, as far as the others know. */
  gone: ReadonlySet<number> = new Set();

  /**
   * Makes `size` nodes.
   *
   * @param clock stands still unless the test moves it: nobody is late and nothing is said twice,
   * however long the machine takes to compute.
   */
  constructor(
    size: number,
    workers: WorkerFactory,
    clock: Clock = new VirtualClock(),
    limits: Partial<CeremonyLimits> = {},
  ) {
    this.#clock = clock;
    for (let i = 0; i < size; i++) {
      const identity = NodeIdentity.fromPrivateKey(new Uint8Array(32).fill(i + 1));
      const storeKey = identity.storeKey();
      const log = collectingLogger();
      const send = (to: Identity, command: TssCommand) => this.#carry(i, to, command);
      const engine = new CeremonyEngine({
        identity,
        clock,
        workers,
        send,
        supports: (member) =>
          this.comparing.has(i) && this.comparing.has(this.#place(member)) &&
          this.announced(i, this.#place(member)),
        record: true,
        onTranscript: (transcript) => this.transcripts.push({ by: i, ...transcript }),
        online: (member) => !this.gone.has(this.#place(member)),
        sendWitness: (to, command) => this.#pass(i, this.#place(to), command),
        log,
        limits,
        storeKey,
      });
      this.nodes.push({ identity, id: identity.identity, storeKey, engine, log });
    }
  }

  /** Identities of the nodes at these positions. */
  ids(...positions: number[]): Identity[] {
    return positions.map((i) => this.nodes[i]!.id);
  }

  /** Starts a ceremony on the nodes at `positions`. */
  start(positions: number[], spec: (position: number, node: Node) => CeremonySpec): Ceremony[] {
    return positions.map((i) => this.nodes[i]!.engine.start(spec(i, this.nodes[i]!)));
  }

  /** Runs a ceremony that everybody must complete. */
  async complete<K extends CeremonyResult["kind"]>(
    kind: K,
    positions: number[],
    spec: (position: number, node: Node) => CeremonySpec,
  ): Promise<Extract<CeremonyResult, { kind: K }>[]> {
    const outcomes = await Promise.all(this.start(positions, spec).map((c) => c.result));
    return outcomes.map((outcome) => {
      if (outcome.state !== "complete") throw new Error(JSON.stringify(outcome));
      if (outcome.result.kind !== kind) throw new Error(`a ${outcome.result.kind} result`);
      return outcome.result as Extract<CeremonyResult, { kind: K }>;
    });
  }

  /** Opens a node's sealed JSON, as only a test may. */
  open(position: number, id: Uint8Array, sealed: Uint8Array): Map<string, Json> {
    const { storeKey } = this.nodes[position]!;
    return parseJson(openStoreFile(storeKey, id, sealed)) as Map<string, Json>;
  }

  /** Ends everything. */
  stop(): void {
    for (const { engine } of this.nodes) engine.stop();
  }

  /** Node `from` says something to node `to` beside its program. */
  say(from: number, to: number, ceremony: string, fields: Partial<WitnessCommand>): void {
    this.#pass(from, to, witnessCommand(fromHex(ceremony), fields));
  }

  #place(id: Identity): number {
    return this.nodes.findIndex((node) => node.id === id);
  }

  #pass(from: number, to: number, command: WitnessCommand): void {
    if (!this.comparing.has(from) || !this.comparing.has(to)) return;
    const passed = this.tamperWitness(from, to, command);
    if (passed === null) return;
    this.witnessed++;
    // Over the wire and back, as a node gets it.
    const copy = decodeCommand(command.type, encodeCommand(passed)) as WitnessCommand;
    queueMicrotask(() => this.nodes[to]!.engine.witness(copy, this.nodes[from]!.id));
  }

  #carry(from: number, to: Identity, command: TssCommand): void {
    const receiver = this.#place(to);
    const envelope = parseJson(fromUtf8(command.data)) as Map<string, Json>;
    const type = envelope.get("t") as string;
    const content = envelope.get("c") as Map<string, Json>;
    const short = type.slice(type.lastIndexOf(".") + 1);
    const changed = this.tamper({ from, to: receiver, type: short, content });
    if (changed === null) return;
    const { identity } = this.nodes[from]!;
    const commands = changed === undefined ? [command] : changed.map((c) => {
      const data = utf8(`{"t":"${type}","c":${stringifyJson(c)}}`);
      return signTss(identity, command.ceremonyId, command.ceremonyType, command.flags, data);
    });
    // Never inside the sender's call: a real mesh does not deliver that fast either.
    for (const c of commands) {
      this.onCommand(from, receiver, c);
      const deliver = () => void this.nodes[receiver]!.engine.deliver(c, command.from);
      if (this.delayMs > 0) this.#clock.setTimer(this.delayMs, deliver);
      else queueMicrotask(deliver);
    }
  }
}

const sets = parseJson(
  Deno.readFileSync(new URL("../../testdata/preparams.json", import.meta.url)),
) as Json[];

/** Set number `i` of the fixtures, sealed for a node. */
export function fixturePreParams(i: number, storeKey: Uint8Array): Uint8Array {
  const json = utf8(stringifyJson(sets[i]!));
  return sealStoreFile(storeKey, PREPARAMS_STORE_ID, json, systemRandom);
}

/** A fresh ceremony id. */
export function freshId(): Uint8Array {
  return systemRandom(32);
}

/** The failure among outcomes; throws for any other state. */
export function failureOf(outcome: Outcome): Extract<Outcome, { state: "failed" }> {
  if (outcome.state !== "failed") throw new Error(`expected a failure, got ${outcome.state}`);
  return outcome;
}
