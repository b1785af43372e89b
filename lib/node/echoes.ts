/**
 * Sealed echoes among nodes of this implementation: each asks those it works with whether they are
 * there, and tells who answers it.
 *
 * An answered echo proves that sealed messages go both ways between two nodes, whatever lies
 * between them. The Go node has no such command. A question that reaches one by mistake is dropped
 * there with a log line, so nodes that keep silent are asked ever less.
 *
 * @module
 */

import type { RandomSource } from "../arith/random.ts";
import type { Identity } from "../crypto/identity.ts";
import { toHex } from "../encoding/bytes.ts";
import type { Clock } from "../mesh/clock.ts";
import type { Command, NodeContact, NodeEchoCommand } from "../mesh/command_types.ts";
import type { SessionView } from "../mesh/mesh.ts";
import { TokenBucket } from "../mesh/rate_limit.ts";
import type { Logger } from "../observe/logger.ts";
import { type Contact, ContactBook } from "./contacts.ts";

/**
 * Version of what nodes of this implementation agree on beyond the Go node; 2 added the comparing of
 * broadcasts (`node-witness`).
 */
export const ECHO_PROTOCOL = 2;

/** Version of `ceremony-standing` that this program asks and answers. */
export const STANDING_VERSION = 1;

/** How often partners and neighbours are asked, ms; two of these fit in {@link ECHO_FRESH}. */
export const ECHO_INTERVAL = 25_000;
/** An answer counts for this long, ms. */
export const ECHO_FRESH = 65_000;
/** News of a neighbour this young are not asked for again when somebody wants to know, ms. */
export const ECHO_RECENT = 10_000;
/** The same for a node without a session here, whose death nothing tells, ms. */
export const FAR_RECENT = 1_000;
/**
 * Wait for the answers when somebody is about to start a ceremony, ms; the silent are asked a second
 * time at half of it.
 */
export const PROBE_WAIT = 4_000;
/** Wait for third nodes before a question about them is answered, ms; below {@link PROBE_WAIT}. */
export const ABOUT_WAIT = 1_500;
/** An answer later than this is no news of now, ms. */
const ANSWER_LIFE = 15_000;
/** After so many unanswered questions a node is taken for one that does not know echoes. */
export const MUTE_AFTER = 3;
/** Such a node is asked again after this long, ms. */
const MUTE_RETRY = 300_000;
/** First echo on a new session, ms: after its first messages. */
const FIRST_ECHO = 500;
/** How often it is looked whether a partner has become known that was never asked, ms. */
export const FAR_CHECK = 2_000;
/** One that answered without having our answer to its own question is asked again so often. */
const FAR_CONFIRMATIONS = 3;
/** Such a one that stays silent is asked once more after this long, ms: it may not know us yet. */
const FAR_AGAIN = 5_000;
/** Nodes asked in one round. */
const MAX_ROUND = 256;
/** Nodes that one question may be about. */
const MAX_ABOUT = 256;
/** Connections told in one echo. */
const MAX_CONTACTS_TOLD = 768;
/** Questions of one node that are answered: per second, and at once. */
const ANSWER_RATE = 1;
const ANSWER_BURST = 20;
/** Askers whose rate is remembered. */
const MAX_ASKERS = 1_024;

/** What echoes need of their surroundings. */
export interface EchoesOptions {
  readonly self: Identity;
  readonly clock: Clock;
  readonly random: RandomSource;
  readonly log: Logger;
  readonly mesh: {
    sendSealed(to: Identity, command: Command): Promise<void>;
    sessions(): SessionView[];
    onSession(watcher: (peer: Identity, up: boolean) => void): () => void;
    /** Whether a sealed message can be made for the node. */
    knows(identity: Identity): boolean;
  };
  /** Name and version of this program. */
  readonly software: string;
  /** Sets of pre-parameters ready. */
  readonly preParams: () => number;
  /** Version of presigning that this node takes part in; 0 for none. */
  readonly presign: () => number;
  /** Those this node holds keys or arrangements with; asked regularly. */
  readonly partners: () => Promise<readonly Identity[]>;
  /** Whose questions about third nodes are worth messages of our own. */
  readonly trusted: (identity: Identity) => boolean;
  /** Told of every answer. Must not throw. */
  readonly onAnswer?: (peer: Identity, roundTripMs: number) => void;
}

interface Question {
  readonly to: Identity;
  readonly sentAt: number;
  /** Ends the wait for it. */
  readonly settle: (answered: boolean) => void;
  /** Disarms its expiry. */
  readonly keep: () => void;
}

/** Asks and answers. */
export class Echoes {
  readonly #o: EchoesOptions;
  readonly #book = new ContactBook();
  readonly #questions = new Map<string, Question>();
  readonly #askers = new Map<Identity, TokenBucket>();
  /** Further questions to partners that had no answer of ours when they answered. */
  readonly #confirmations = new Map<Identity, number>();
  #partners: readonly Identity[] = [];
  #cancelTick: (() => void) | null = null;
  #cancelFar: (() => void) | null = null;
  #unwatch: (() => void) | null = null;
  #stopped = false;

  /** Silent before {@link start}. */
  constructor(options: EchoesOptions) {
    this.#o = options;
  }

  /** Starts asking. */
  start(): void {
    this.#unwatch = this.#o.mesh.onSession((peer, up) => {
      if (up) {
        this.#o.clock.setTimer(FIRST_ECHO, () => this.#greet(peer));
        return;
      }
      this.#book.lost(peer);
      this.#confirmations.delete(peer);
      // It may still be there, by another way.
      if (this.kindOf(peer) === "transfunctioner") void this.#ask(peer, [], PROBE_WAIT);
    });
    void this.#round();
    this.#greetFar();
  }

  /** Asks no more; waiting probes settle. */
  stop(): void {
    this.#stopped = true;
    this.#cancelTick?.();
    this.#cancelFar?.();
    this.#unwatch?.();
    for (const { settle, keep } of this.#questions.values()) {
      keep();
      settle(false);
    }
    this.#questions.clear();
  }

  /** What is known of a node by its echoes. */
  contact(identity: Identity): Readonly<Contact> | undefined {
    return this.#book.get(identity);
  }

  /**
   * Asks all `nodes` that could answer, about each other, and waits until they did or the time is
   * over. A node that never answers any echo is not asked each time.
   */
  async probe(nodes: readonly Identity[]): Promise<void> {
    const now = this.#o.clock.now();
    const asked = nodes.filter((id) => id !== this.#o.self && !this.#mute(id, now));
    await Promise.all(asked.map(async (id) => {
      const about = nodes.filter((other) => other !== id);
      const answered = await this.#ask(id, about, PROBE_WAIT / 2);
      if (!answered) await this.#ask(id, about, PROBE_WAIT / 2);
    }));
  }

  /** Something that echoes tell has changed: tells those that would be told next anyway. */
  announce(): void {
    if (this.#stopped || this.#cancelTick === null) return;
    this.#cancelTick();
    void this.#round();
  }

  /** Takes an echo that `sender` signed. */
  hear(echo: NodeEchoCommand, sender: Identity): void {
    if (this.#stopped || sender === this.#o.self) return;
    const now = this.#o.clock.now();
    if (echo.answer) {
      const key = toHex(echo.nonce);
      const question = this.#questions.get(key);
      // Nobody else can know the nonce, but anybody can send an answer.
      if (question === undefined || question.to !== sender) return;
      this.#questions.delete(key);
      this.#book.answered(sender, echo, question.sentAt, now);
      this.#o.onAnswer?.(sender, now - question.sentAt);
      question.keep();
      // Whoever waits for this node waits for no more, whichever question it answers.
      for (const { to, settle } of [question, ...this.#questions.values()]) {
        if (to === sender) settle(true);
      }
      return;
    }
    if (!this.#mayAsk(sender)) return;
    this.#book.heard(sender, echo, now);
    void this.#answer(echo, sender);
  }

  async #answer(echo: NodeEchoCommand, sender: Identity): Promise<void> {
    const about = echo.about.slice(0, MAX_ABOUT).filter((id) => id !== sender);
    if (this.#o.trusted(sender)) {
      const now = this.#o.clock.now();
      const sessions = new Set(this.#o.mesh.sessions().map((s) => s.identity));
      await Promise.all(
        about.filter((id) => {
          if (id === this.#o.self || sessions.has(id) || this.#mute(id, now)) return false;
          const answeredAt = this.#book.get(id)?.answeredAt ?? -Infinity;
          return now - answeredAt > FAR_RECENT;
        }).map((id) => this.#ask(id, [], ABOUT_WAIT)),
      );
    }
    await this.#send(sender, echo.nonce, true, [], about);
  }

  /** Asks one node; resolves with whether it answered within `wait` ms. Never rejects. */
  async #ask(to: Identity, about: readonly Identity[], wait: number): Promise<boolean> {
    if (this.#stopped || !this.#o.mesh.knows(to)) return false;
    const { clock } = this.#o;
    const nonce = this.#o.random(32);
    const key = toHex(nonce);
    const sentAt = clock.now();
    this.#book.asked(to, sentAt);
    return await new Promise<boolean>((resolve) => {
      const cancel = clock.setTimer(wait, () => resolve(false));
      const settle = (answered: boolean) => {
        cancel();
        resolve(answered);
      };
      const keep = clock.setTimer(ANSWER_LIFE, () => this.#questions.delete(key));
      this.#questions.set(key, { to, sentAt, settle, keep });
      void this.#send(to, nonce, false, about, about).then((sent) => {
        if (!sent) settle(false);
      });
    });
  }

  async #send(
    to: Identity,
    nonce: Uint8Array,
    answer: boolean,
    about: readonly Identity[],
    alsoTell: readonly Identity[],
  ): Promise<boolean> {
    try {
      await this.#o.mesh.sendSealed(to, {
        type: "node-echo",
        nonce,
        answer,
        about: about.slice(0, MAX_ABOUT),
        software: this.#o.software,
        protocol: ECHO_PROTOCOL,
        now: BigInt(Math.floor(this.#o.clock.now())),
        preParams: this.#o.preParams(),
        presign: this.#o.presign(),
        standing: STANDING_VERSION,
        contacts: this.#contacts(alsoTell, to),
        more: new Map(),
      });
      return true;
    } catch (error) {
      this.#o.log.debug("echo not sent", {
        to,
        reason: error instanceof Error ? error.message : String(error),
      });
      return false;
    }
  }

  /** Our connections: who was asked about first, then partners, then all other sessions. */
  #contacts(first: readonly Identity[], to: Identity): NodeContact[] {
    const now = this.#o.clock.now();
    const sessions = new Map(this.#o.mesh.sessions().map((s) => [s.identity, s]));
    const nodes = new Set([to, ...first, ...this.#partners, ...sessions.keys()]);
    nodes.delete(this.#o.self);
    return [...nodes].slice(0, MAX_CONTACTS_TOLD).map((identity) => {
      const session = sessions.get(identity);
      const contact = this.#book.get(identity);
      const heardAt = Math.max(
        session?.lastPong ?? -Infinity,
        contact === undefined || isSilent(contact, now)
          ? -Infinity
          : contact.answeredAt ?? -Infinity,
      );
      const roundTrip = session?.roundTripMs ?? contact?.roundTripMs ?? -1;
      return {
        identity,
        kind: this.kindOf(identity, session),
        session: session !== undefined,
        known: session !== undefined || this.#o.mesh.knows(identity),
        age: heardAt === -Infinity ? -1n : BigInt(Math.max(0, Math.floor(now - heardAt))),
        roundTrip: BigInt(Math.round(roundTrip)),
      };
    });
  }

  /** `transfunctioner`, `go`, or empty, as this node itself knows. */
  kindOf(identity: Identity, session?: SessionView): "transfunctioner" | "go" | "" {
    if (session !== undefined) return session.ours ? "transfunctioner" : "go";
    const told = this.#book.get(identity)?.told ?? null;
    return told === null ? "" : "transfunctioner";
  }

  /** Whether asking is a waste: a Go node, or one that never answers. */
  #mute(identity: Identity, now: number): boolean {
    const session = this.#o.mesh.sessions().find((s) => s.identity === identity);
    if (session !== undefined && !session.ours) return true;
    const contact = this.#book.get(identity);
    if (contact === undefined || contact.unanswered < MUTE_AFTER) return false;
    // One that spoke once is gone, not mute: it may be back any moment.
    return contact.told === null && now - contact.askedAt! < MUTE_RETRY;
  }

  #greet(peer: Identity): void {
    const ours = this.#o.mesh.sessions().some((s) => s.identity === peer && s.ours);
    if (ours) void this.#ask(peer, [], PROBE_WAIT);
  }

  /**
   * Asks partners as soon as they are known, or have asked us, and once more: a first answer should
   * not wait for a round, nor the news that ours arrived. A handful of questions at the most; the
   * rounds do the rest.
   */
  #greetFar(): void {
    if (this.#stopped) return;
    this.#cancelFar = this.#o.clock.setTimer(FAR_CHECK, () => this.#greetFar());
    const now = this.#o.clock.now();
    const due = this.#partners.filter((id) => {
      if (id === this.#o.self || !this.#o.mesh.knows(id)) return false;
      const contact = this.#book.get(id);
      const askedAt = contact?.askedAt ?? null;
      if (contact === undefined || askedAt === null) return true;
      if (contact.answeredAt === null) {
        return contact.unanswered === 1 && now - askedAt >= FAR_AGAIN;
      }
      const asked = this.#confirmations.get(id) ?? 0;
      const ours = contact.told?.contacts.get(this.#o.self)?.age ?? -1n;
      if (ours >= 0n || asked >= FAR_CONFIRMATIONS || contact.unanswered > 0) return false;
      this.#confirmations.set(id, asked + 1);
      return true;
    });
    for (const id of due.slice(0, MAX_ROUND)) {
      if (!this.#mute(id, now)) void this.#ask(id, [], PROBE_WAIT);
    }
  }

  async #round(): Promise<void> {
    if (this.#stopped) return;
    const jitter = this.#o.random(1)[0]! / 256;
    this.#cancelTick = this.#o.clock.setTimer(
      ECHO_INTERVAL * (0.9 + 0.2 * jitter),
      () => void this.#round(),
    );
    try {
      this.#partners = await this.#o.partners();
    } catch (error) {
      this.#o.log.warn("partners unknown", {
        reason: error instanceof Error ? error.message : String(error),
      });
    }
    const now = this.#o.clock.now();
    const neighbours = this.#o.mesh.sessions().filter((s) => s.ours).map((s) => s.identity);
    const nodes = new Set([...this.#partners, ...neighbours]);
    nodes.delete(this.#o.self);
    const asked = [...nodes].filter((id) => !this.#mute(id, now)).slice(0, MAX_ROUND);
    for (const id of asked) void this.#ask(id, [], PROBE_WAIT);
  }

  #mayAsk(sender: Identity): boolean {
    let bucket = this.#askers.get(sender);
    if (bucket === undefined) {
      bucket = new TokenBucket(this.#o.clock, ANSWER_RATE, ANSWER_BURST);
      if (this.#askers.size >= MAX_ASKERS) this.#askers.delete(this.#askers.keys().next().value!);
      this.#askers.set(sender, bucket);
    }
    return bucket.take();
  }
}

/**
 * Whether a node left our last question unanswered, though it had time.
 *
 * @param heardAt when its session last brought anything, ms: a node that talks is slow, not gone.
 */
export function isSilent(contact: Readonly<Contact>, now: number, heardAt = -Infinity): boolean {
  return contact.unanswered > 0 && now - contact.askedAt! >= ABOUT_WAIT &&
    heardAt <= contact.askedAt!;
}
