/**
 * Nodes that decide about a resharing, on a virtual clock and with a network and disks that a test
 * may break: a crash loses everything but the disk.
 *
 * @module
 */

import { type Identity, parseIdentity } from "../../lib/crypto/identity.ts";
import type { OutcomeCommand } from "../../lib/mesh/command_types.ts";
import {
  type PendingReshare,
  ReshareCommit,
  type ReshareDecision,
} from "../../lib/node/reshare_commit.ts";
import { type Note, readNote, type Standing } from "../../lib/node/reshare_notes.ts";
import { type CollectingLogger, collectingLogger } from "../../lib/observe/logger.ts";
import { VirtualClock } from "../support/virtual_clock.ts";

/** The ceremony in question. */
export const CEREMONY = "ab".repeat(32);
/** Its key. */
export const KEY = "cd".repeat(16);

/** What lies on a node's disk. */
export type Disk =
  /** Only the old share, or nothing: the state before and after a failure. */
  | "old"
  /** A staged share beside the old one. */
  | "staged"
  /** The old share, marked as dealt away. */
  | "marked"
  /** The new share. */
  | "new"
  /** No share any more. */
  | "gone";

/** One node. */
export class ReshareNode {
  readonly id: Identity;
  readonly log: CollectingLogger = collectingLogger();
  disk: Disk;
  /** Undefined while the node is down. */
  commit: ReshareCommit | undefined;
  decision: ReshareDecision | undefined;
  /** What the others said so far. */
  readonly heard = new Map<Identity, Note>();
  /** What the others' sessions show it to run. */
  software: string | undefined = "transfunctioner";
  /** Makes writing fail. */
  diskFails = false;

  constructor(readonly world: ReshareWorld, index: number) {
    this.id = parseIdentity((index + 1).toString(16).padStart(40, "0"));
    this.disk = world.isNew(index) ? "staged" : "marked";
    this.start();
  }

  /** Brings it up with what is on its disk, asking about nothing. */
  start(): void {
    this.commit = new ReshareCommit({
      self: this.id,
      clock: this.world.clock,
      log: this.log,
      send: (to, command) => this.world.carry(this, to, command),
      software: (id) => this.world.nodes.find((n) => n.id === id && n.commit)?.software,
      book: {
        commit: ({ role }) => this.#write(role === "new" ? "new" : "gone"),
        discard: () => this.#write("old"),
        seen: (ceremony) => ceremony === CEREMONY,
        standing: () => Promise.resolve(this.#standing()),
      },
    });
  }

  /** The protocol has ended here. */
  begin(acknowledged = true): void {
    const pending = { ...this.pending(), acknowledged };
    void this.commit!.begin(pending, this.heard).then((d) => {
      if (d.state !== "undecided") this.decision = d;
    });
  }

  /** Takes a note as the desk does: it is kept for a run that has not ended yet. */
  hear(from: Identity, command: OutcomeCommand): void {
    if (this.commit === undefined) return;
    this.heard.set(from, readNote(command));
    this.commit.hear(from, command, false);
  }

  /** What it decides about. */
  pending(): PendingReshare {
    const { newIds, ids } = this.world;
    return {
      keyId: KEY,
      ceremony: CEREMONY,
      role: newIds.includes(this.id) ? "new" : "leaving",
      newCommittee: newIds,
      audience: ids,
      requester: ids[0]!,
      acknowledged: true,
    };
  }

  /** kill -9. */
  crash(): void {
    this.heard.clear();
    this.commit!.stop();
    this.commit = undefined;
  }

  /** Starts again and takes up what the disk says. */
  restart(): void {
    this.start();
    if (this.disk !== "staged" && this.disk !== "marked") return;
    const { requester: _, ...pending } = this.pending();
    this.commit!.resume({ ...pending, audience: [], acknowledged: false });
  }

  #write(disk: Disk): Promise<void> {
    if (this.diskFails) return Promise.reject(new Error("disk full"));
    this.disk = disk;
    return Promise.resolve();
  }

  #standing(): Standing | null {
    if (this.disk === "staged" || this.disk === "marked" || this.disk === "gone") return null;
    return this.disk === "new" ? "settled" : "refused";
  }
}

/** All nodes of a resharing; the last `leaving` of them are in the old committee only. */
export class ReshareWorld {
  readonly clock = new VirtualClock();
  readonly nodes: ReshareNode[] = [];
  readonly ids: Identity[];
  readonly newIds: Identity[];
  /** Every note that was sent: from, to, the command. */
  readonly sent: { from: Identity; to: Identity; command: OutcomeCommand }[] = [];
  /** Swallows a note when it returns true. */
  lose: (from: ReshareNode, to: ReshareNode, command: OutcomeCommand) => boolean = () => false;

  constructor(readonly size: number, readonly leaving = 0) {
    const id = (i: number) => parseIdentity((i + 1).toString(16).padStart(40, "0"));
    this.ids = Array.from({ length: size }, (_, i) => id(i));
    this.newIds = this.ids.slice(0, size - leaving);
    for (let i = 0; i < size; i++) this.nodes.push(new ReshareNode(this, i));
  }

  isNew(index: number): boolean {
    return index < this.size - this.leaving;
  }

  carry(from: ReshareNode, to: Identity, command: OutcomeCommand): Promise<void> {
    this.sent.push({ from: from.id, to, command });
    const receiver = this.nodes.find((n) => n.id === to);
    if (receiver?.commit === undefined) return Promise.reject(new Error("not reachable"));
    if (this.lose(from, receiver, command)) return Promise.resolve();
    queueMicrotask(() => receiver.hear(from.id, command));
    return Promise.resolve();
  }

  /** What lies on the disks. */
  get disks(): Disk[] {
    return this.nodes.map((n) => n.disk);
  }

  /** A note of `from` to `to` that its real sender never wrote. */
  forge(from: number, to: number, command: OutcomeCommand): void {
    this.nodes[to]!.hear(this.ids[from]!, command);
  }
}
