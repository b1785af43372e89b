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
import type { WorkerFactory } from "../../lib/ceremony/worker_host.ts";
import { systemRandom } from "../../lib/arith/random.ts";
import { type Identity, NodeIdentity } from "../../lib/crypto/identity.ts";
import { fromUtf8, utf8 } from "../../lib/encoding/bytes.ts";
import { type Json, type JsonInput, parseJson, stringifyJson } from "../../lib/encoding/json.ts";
import { openStoreFile, PREPARAMS_STORE_ID, sealStoreFile } from "../../lib/keystore/store_file.ts";
import type { Clock } from "../../lib/mesh/clock.ts";
import type { TssCommand } from "../../lib/mesh/command_types.ts";
import { signTss } from "../../lib/mesh/tss_command.ts";
import { type CollectingLogger, collectingLogger } from "../../lib/observe/logger.ts";

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
  /** See {@link Tamper}. */
  tamper: Tamper = () => undefined;

  /** Makes `size` nodes. */
  constructor(
    size: number,
    workers: WorkerFactory,
    clock: Clock,
    limits: Partial<CeremonyLimits> = {},
  ) {
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

  #carry(from: number, to: Identity, command: TssCommand): void {
    const receiver = this.nodes.findIndex((node) => node.id === to);
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
      queueMicrotask(() => this.nodes[receiver]!.engine.deliver(c, command.from));
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
