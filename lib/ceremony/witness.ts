/**
 * Compares with other members what everybody was told in a ceremony's broadcasts.
 *
 * Members of this implementation tell each other the digests of the broadcasts they heard. Where
 * two differ, each shows the message it holds, in its sender's signature, to all: two different
 * ones convict the sender without trusting anybody's word. A member that lacks a broadcast can be
 * shown it by others. Members that run other programs take no part and are not waited for.
 *
 * Bounded: one list per member, few answers, exhibits and checked signatures per member.
 *
 * @module
 */

import type { Identity } from "../crypto/identity.ts";
import { equalBytes, toHex } from "../encoding/bytes.ts";
import type { Clock } from "../mesh/clock.ts";
import type { TssCommand, WitnessCommand, WitnessEntry } from "../mesh/command_types.ts";
import type { Committee } from "../tss/errors.ts";
import type { Comparison } from "./broadcasts.ts";
import {
  type Broadcast,
  contradict,
  type Equivocation,
  equivocation,
  exhibitOf,
  readExhibit,
  slotOf,
} from "./evidence.ts";
import { MAX_EXHIBITS, MAX_SPREAD_BYTES, MAX_WITNESS_ANSWERS, REPEAT_AFTER_MS } from "./limits.ts";
import { REQUEST_ENTRY } from "./request_digest.ts";
import type { CeremonyKind } from "./spec.ts";

/** How far a member has come with what it tells: see {@link WitnessCommand.stage}. */
export const STAGE = { underway: 0, compared: 1, ended: 2 } as const;

const ROLES: readonly Committee[] = ["single", "old", "new"];

/** What a witness needs of the run. */
export interface WitnessHost {
  readonly self: Identity;
  /** 32 bytes. */
  readonly ceremonyId: Uint8Array;
  readonly kind: CeremonyKind;
  readonly comparison: Comparison;
  /** What this node was asked for, see `requestDigest`. */
  readonly request: Uint8Array;
  /** Everybody in the ceremony, in one order. */
  readonly witnesses: readonly Identity[];
  /** Those of them that compare: the new committee in a resharing, else everybody. */
  readonly hearers: readonly Identity[];
  /** Everybody that broadcasts something that is compared. */
  readonly senders: readonly Identity[];
  readonly clock: Clock;
  /** Whether a member has announced that it knows these messages. */
  supports(member: Identity): boolean;
  hasMember(member: Identity, committee: Committee): boolean;
  send(to: Identity, command: WitnessCommand): void;
  /** Takes a message that its sender kept from this node, as if it had sent it. */
  relay(command: TssCommand): void;
  /** Somebody is convicted. */
  onEquivocation(proof: Equivocation): void;
  /** The gate may have opened. */
  onChange(): void;
}

interface Testimony {
  stage: number;
  entries: Map<string, Uint8Array>;
}

interface Effort {
  answers: number;
  exhibits: number;
  examined: number;
}

/** One member's view of who was told what. */
export class Witness {
  readonly #host: WitnessHost;
  readonly #heard = new Map<string, Broadcast>();
  /** What others have shown; differs from {@link #heard} only on the way to a conviction. */
  readonly #shown = new Map<string, Broadcast>();
  readonly #testimonies = new Map<Identity, Testimony>();
  /** Members that have spoken: they know these messages, whatever was announced. */
  readonly #known = new Set<Identity>();
  readonly #efforts = new Map<Identity, Effort>();
  /** What members say that they were asked for; what each said first stands. */
  readonly #requests: Map<Identity, Uint8Array>;
  #stage: number = STAGE.underway;
  #expected: Set<Identity> | null = null;
  #cancel: (() => void) | null = null;
  #convicted = false;

  /** Nothing is heard or said yet. */
  constructor(host: WitnessHost) {
    this.#host = host;
    this.#requests = new Map([[host.self, host.request]]);
  }

  /** What members say that they were asked for, in hex, this node included. */
  get requests(): ReadonlyMap<Identity, string> {
    return new Map([...this.#requests].map(([member, digest]) => [member, toHex(digest)]));
  }

  /** Broadcasts heard and sent so far, in that order. */
  get broadcasts(): readonly Broadcast[] {
    return [...this.#heard.values()];
  }

  /** Members that take part as far as is known, without this node. */
  partners(): Identity[] {
    const { self, witnesses } = this.#host;
    return witnesses.filter((m) => m !== self && (this.#known.has(m) || this.#host.supports(m)));
  }

  /** A broadcast was heard from its sender, or sent. */
  note(broadcast: Broadcast): void {
    const { committee, type, command } = broadcast;
    if (!this.#host.comparison.broadcasts.has(type)) return;
    const slot = slotOf(committee, command.from, type);
    const first = this.#heard.get(slot);
    if (first !== undefined) {
      if (contradict(first, broadcast)) this.#convict(first, broadcast);
      return;
    }
    this.#heard.set(slot, broadcast);
    const shown = this.#shown.get(slot);
    if (shown !== undefined && contradict(shown, broadcast)) this.#convict(shown, broadcast);
    for (const [member, testimony] of this.#testimonies) this.#compare(member, slot, testimony);
  }

  /** Everything that is compared has been heard: tells the others, and expects the same of them. */
  compare(): void {
    if (this.#stage >= STAGE.compared) return;
    this.#stage = STAGE.compared;
    this.#expected = new Set(this.partners().filter((m) => this.#matters(m)));
    for (const member of this.#expected) this.#tell(member, false);
    this.#arm(0);
  }

  /** Whom the decisive step still waits for; empty as soon as it may be taken. */
  get missing(): Identity[] {
    if (this.#expected === null) return [];
    return [...this.#expected].filter((member) => {
      const testimony = this.#testimonies.get(member);
      return testimony?.stage !== STAGE.compared || this.#disputed(testimony);
    });
  }

  /** Whether a member says of broadcasts exactly what this node heard, as far as both heard them. */
  agrees(member: Identity): boolean {
    const testimony = this.#testimonies.get(member);
    return testimony !== undefined && testimony.stage > STAGE.underway &&
      !this.#disputed(testimony);
  }

  /** The run has failed here: tells all, and asks everybody for what they heard. */
  end(): void {
    this.#stage = STAGE.ended;
    for (const member of this.partners()) this.#tell(member, true);
  }

  /** A member's next message does not come: the others are asked to show what they have of it. */
  lacking(sender: Identity): void {
    const blank = { from: sender, role: 0, name: "", digest: new Uint8Array(32) };
    const entries = [blank, ...this.#entries((from) => from === sender)];
    for (const member of this.partners()) {
      if (member !== sender) this.#host.send(member, this.#command({ part: "want", entries }));
    }
  }

  /** Takes what a member says; `from` is authenticated. */
  hear(from: Identity, command: WitnessCommand): void {
    if (from === this.#host.self || !this.#host.witnesses.includes(from)) return;
    const fresh = !this.#known.has(from);
    this.#known.add(from);
    switch (command.part) {
      case "heard":
        this.#hearList(from, command, fresh);
        break;
      case "want":
        this.#show(from, command.entries);
        break;
      case "exhibit":
        for (const message of command.messages.slice(0, 1)) this.#examine(from, message);
        break;
    }
  }

  /** Stops repeating; still answers. */
  stop(): void {
    this.#cancel?.();
    this.#cancel = null;
  }

  #hearList(from: Identity, command: WitnessCommand, fresh: boolean): void {
    const entries = new Map<string, Uint8Array>();
    const { broadcasts } = this.#host.comparison;
    for (const { from: sender, role, name, digest } of command.entries) {
      if (name === REQUEST_ENTRY && sender === from && digest.length === 32) {
        if (!this.#requests.has(from)) this.#requests.set(from, digest);
        continue;
      }
      const committee = ROLES[role];
      if (committee === undefined || !broadcasts.has(name) || digest.length !== 32) continue;
      if (sender === from || !this.#host.hasMember(sender, committee)) continue;
      entries.set(slotOf(committee, sender, name), digest);
    }
    const known = this.#testimonies.get(from);
    if (known === undefined) {
      this.#testimonies.set(from, { stage: command.stage, entries });
    } else {
      // Who takes a word back has said both: what it said first stands.
      for (const [slot, digest] of entries) {
        if (!known.entries.has(slot)) known.entries.set(slot, digest);
      }
      known.stage = Math.max(known.stage, command.stage);
    }
    const testimony = this.#testimonies.get(from)!;
    for (const slot of testimony.entries.keys()) this.#compare(from, slot, testimony);
    const late = fresh && this.#stage >= STAGE.compared && !(this.#expected?.has(from) ?? false);
    if ((command.ask || late) && this.#effort(from).answers++ < MAX_WITNESS_ANSWERS) {
      this.#tell(from, false);
    }
    this.#host.onChange();
  }

  #compare(member: Identity, slot: string, { entries }: Testimony): void {
    const theirs = entries.get(slot);
    const ours = this.#heard.get(slot);
    if (theirs === undefined || ours === undefined || equalBytes(theirs, ours.digest)) return;
    // It does the same; whoever then holds both shows them to all.
    this.#exhibit(member, ours);
  }

  #exhibit(to: Identity, broadcast: Broadcast): void {
    if (this.#effort(to).exhibits++ >= MAX_EXHIBITS) return;
    const messages = [exhibitOf(broadcast.command)];
    this.#host.send(to, this.#command({ part: "exhibit", messages }));
  }

  #examine(from: Identity, message: WitnessCommand["messages"][number]): void {
    // A signature costs a millisecond: each member may cost a few.
    if (this.#effort(from).examined++ >= MAX_EXHIBITS) return;
    const { ceremonyId, kind, comparison } = this.#host;
    const shown = readExhibit(message, {
      ceremonyId,
      kind,
      broadcasts: comparison.broadcasts,
      hasMember: (member, committee) => this.#host.hasMember(member, committee),
    });
    if (shown === null) return;
    const slot = slotOf(shown.committee, shown.command.from, shown.type);
    for (const other of [this.#heard.get(slot), this.#shown.get(slot)]) {
      if (other !== undefined && contradict(other, shown)) this.#convict(other, shown);
    }
    if (this.#shown.has(slot)) return;
    this.#shown.set(slot, shown);
    if (!this.#heard.has(slot)) this.#host.relay(shown.command);
  }

  #convict(a: Broadcast, b: Broadcast): void {
    if (this.#convicted) return;
    this.#convicted = true;
    this.stop();
    const size = a.command.data.length + b.command.data.length;
    const most = Math.max(1, Math.floor(MAX_SPREAD_BYTES / size));
    // Each begins behind its own place, so that in a large committee all are told by somebody.
    const { self, witnesses } = this.#host;
    const own = witnesses.indexOf(self);
    const places = [...witnesses.slice(own + 1), ...witnesses.slice(0, Math.max(own, 0))];
    const partners = new Set(this.partners());
    for (const to of places.filter((member) => partners.has(member)).slice(0, most)) {
      for (const { command } of [a, b]) {
        this.#host.send(to, this.#command({ part: "exhibit", messages: [exhibitOf(command)] }));
      }
    }
    this.#host.onEquivocation(equivocation(a, b));
  }

  #show(to: Identity, entries: readonly WitnessEntry[]): void {
    const sender = entries[0]?.from;
    const has = new Set(entries.filter((e) => e.from === sender).map((e) => e.name));
    for (const broadcast of this.#heard.values()) {
      const { type, command } = broadcast;
      if (command.from === sender && !has.has(type)) this.#exhibit(to, broadcast);
    }
  }

  #tell(to: Identity, ask: boolean): void {
    const { self, request } = this.#host;
    const own = { from: self, role: 0, name: REQUEST_ENTRY, digest: request };
    const entries = [own, ...this.#entries((from) => from !== self && from !== to)];
    this.#host.send(to, this.#command({ part: "heard", stage: this.#stage, ask, entries }));
  }

  #entries(of: (sender: Identity) => boolean): WitnessEntry[] {
    return this.broadcasts.filter(({ command }) => of(command.from)).map((
      { committee, type, digest, command },
    ) => ({ from: command.from, role: ROLES.indexOf(committee), name: type, digest }));
  }

  /** Asks the missing again, with growing distances. */
  #arm(attempt: number): void {
    const wait = REPEAT_AFTER_MS[attempt];
    if (wait === undefined) return;
    this.#cancel = this.#host.clock.setTimer(wait, () => {
      this.#cancel = null;
      const missing = this.missing;
      for (const member of missing) this.#tell(member, true);
      if (missing.length > 0) this.#arm(attempt + 1);
    });
  }

  /** Between two members alone there is nobody who could tell them different things. */
  #matters(member: Identity): boolean {
    const { senders, hearers, self } = this.#host;
    return hearers.includes(member) &&
      senders.some((sender) => sender !== member && sender !== self);
  }

  #disputed({ entries }: Testimony): boolean {
    for (const [slot, digest] of entries) {
      const ours = this.#heard.get(slot);
      if (ours !== undefined && !equalBytes(ours.digest, digest)) return true;
    }
    return false;
  }

  #effort(member: Identity): Effort {
    let effort = this.#efforts.get(member);
    if (effort === undefined) {
      this.#efforts.set(member, effort = { answers: 0, exhibits: 0, examined: 0 });
    }
    return effort;
  }

  #command(fields: Partial<WitnessCommand>): WitnessCommand {
    return witnessCommand(this.#host.ceremonyId, fields);
  }
}

/** A command with the fields that its part needs; the others are empty. */
export function witnessCommand(
  ceremonyId: Uint8Array,
  fields: Partial<WitnessCommand>,
): WitnessCommand {
  return {
    type: "node-witness",
    ceremonyId,
    part: "",
    stage: 0,
    ask: false,
    entries: [],
    messages: [],
    kind: "",
    round: 0,
    reason: "",
    culprits: [],
    ...fields,
  };
}
