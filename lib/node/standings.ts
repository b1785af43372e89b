/**
 * Asks the members of a ceremony how it stands with them, and tells those whom it concerns how it
 * stands here.
 *
 * Question and answer are sealed and go only to nodes that announced in their echoes that they know
 * them. Whoever is neither a member of a ceremony nor its requester gets the same answer as about
 * one that does not exist.
 *
 * @module
 */

import type { RandomSource } from "../arith/random.ts";
import type { Identity } from "../crypto/identity.ts";
import { fromHex, toHex } from "../encoding/bytes.ts";
import type { Clock } from "../mesh/clock.ts";
import type { Command, StandingCommand, StandingResponseCommand } from "../mesh/command_types.ts";
import type { Incoming } from "../mesh/mesh.ts";
import { TokenBucket } from "../mesh/rate_limit.ts";
import type { Logger } from "../observe/logger.ts";
import { readStanding, type Standing, standingResponse, UNKNOWN } from "./standing.ts";

/** How long an answer is awaited, ms; a silent node is asked once more at half of it. */
export const STANDING_WAIT = 2_000;
/** Questions of one member that are answered: per second, and at once. */
const MEMBER_RATE = 1;
const MEMBER_BURST = 10;
/** The same for all together who ask about what does not concern them. */
const STRANGERS_RATE = 5;
const STRANGERS_BURST = 20;
/** Members whose rate is remembered. */
const MAX_ASKERS = 1_024;
/** Own questions that may wait for answers at once: four ceremonies of the largest size. */
const MAX_QUESTIONS = 256;

/** A ceremony as it is told to others. */
export interface KnownCeremony {
  /** Who may hear of it: members and requester. */
  readonly audience: readonly Identity[];
  readonly standing: Standing;
}

/** What can be said of a node before it is asked. */
export type Answering =
  /** It announced that it answers. */
  | "yes"
  | "go"
  /** It runs this program and did not announce it. */
  | "older"
  /** It has answered no echo lately, so that nothing else may be sent to it. */
  | "unknown";

/** What one member said, or why there is nothing from it. */
export type MemberStanding =
  | { readonly standing: Standing }
  | { readonly silent: string };

/** What asking and answering need of their surroundings. */
export interface StandingsOptions {
  readonly self: Identity;
  readonly clock: Clock;
  readonly random: RandomSource;
  readonly log: Logger;
  /** Seals a command to a node. */
  readonly sendSealed: (to: Identity, command: Command) => Promise<void>;
  readonly answering: (node: Identity) => Answering;
  /** Sends echoes to nodes of which nothing is known; resolves when they answered or time is over. */
  readonly probe: (nodes: readonly Identity[]) => Promise<void>;
  /** A ceremony of this node by its id, 64 hex digits. */
  readonly find: (id: string) => KnownCeremony | undefined;
}

const STOPPED: MemberStanding = { silent: "this node is going down" };

interface Question {
  readonly to: Identity;
  readonly id: string;
  readonly members: readonly Identity[];
  readonly settle: (answer: MemberStanding) => void;
}

/** The questions and answers of one node. */
export class Standings {
  readonly #o: StandingsOptions;
  readonly #questions = new Map<string, Question>();
  readonly #askers = new Map<Identity, TokenBucket>();
  readonly #strangers: TokenBucket;
  #stopped = false;

  /** Asks nobody yet. */
  constructor(options: StandingsOptions) {
    this.#o = options;
    this.#strangers = new TokenBucket(options.clock, STRANGERS_RATE, STRANGERS_BURST);
  }

  /**
   * Asks the members of ceremony `id` but this node, all at once. Takes {@link STANDING_WAIT} at the
   * most, or twice that if some have to be found out about first. Never rejects.
   *
   * @returns what each said, in the order of `members`.
   */
  async ask(
    id: string,
    members: readonly Identity[],
  ): Promise<Map<Identity, MemberStanding>> {
    const others = members.filter((m) => m !== this.#o.self);
    await this.#meet(others.filter((m) => this.#o.answering(m) === "unknown"));
    const answers = await Promise.all(
      others.map(async (m) => [m, await this.#askOne(id, members, m)] as const),
    );
    return new Map(answers);
  }

  /** Asks and answers no more; who waits for an answer is told so. */
  stop(): void {
    this.#stopped = true;
    for (const { settle } of [...this.#questions.values()]) settle(STOPPED);
  }

  /** Takes a command of the mesh if it is one of these; returns whether it was. */
  hear({ command, via, sender }: Incoming): boolean {
    if (command.type !== "ceremony-standing" && command.type !== "ceremony-standing-response") {
      return false;
    }
    const { self } = this.#o;
    if (this.#stopped || via !== "sealed" || sender === null || sender === self) return true;
    if (command.type === "ceremony-standing") this.#answer(command, sender);
    else this.#take(command, sender);
    return true;
  }

  async #meet(strangers: readonly Identity[]): Promise<void> {
    if (strangers.length === 0) return;
    let cancel = () => {};
    const over = new Promise<void>((resolve) => {
      cancel = this.#o.clock.setTimer(STANDING_WAIT, resolve);
    });
    await Promise.race([this.#o.probe(strangers), over]);
    cancel();
  }

  async #askOne(
    id: string,
    members: readonly Identity[],
    to: Identity,
  ): Promise<MemberStanding> {
    if (this.#stopped) return STOPPED;
    switch (this.#o.answering(to)) {
      case "go":
        return { silent: "Go node: cannot be asked" };
      case "older":
        return { silent: "its version cannot be asked" };
      case "unknown":
        return { silent: "answers no echo: away, or a Go node" };
    }
    if (this.#questions.size >= MAX_QUESTIONS) return { silent: "too many questions at once" };
    const { clock, random } = this.#o;
    const nonce = random(32);
    const key = toHex(nonce);
    return await new Promise((resolve) => {
      const timers = [
        clock.setTimer(STANDING_WAIT / 2, () => void this.#send(to, nonce, id)),
        clock.setTimer(
          STANDING_WAIT,
          () => settle({ silent: `no answer in ${STANDING_WAIT / 1000} s` }),
        ),
      ];
      const settle = (answer: MemberStanding) => {
        for (const cancel of timers) cancel();
        this.#questions.delete(key);
        resolve(answer);
      };
      this.#questions.set(key, { to, id, members, settle });
      void this.#send(to, nonce, id).then((sent) => {
        if (!sent) settle({ silent: "no way to reach it" });
      });
    });
  }

  #take(response: StandingResponseCommand, sender: Identity): void {
    const question = this.#questions.get(toHex(response.nonce));
    // Nobody else can know the nonce, but anybody can send an answer.
    if (question === undefined || question.to !== sender) return;
    if (question.id !== toHex(response.ceremonyId)) return;
    try {
      question.settle({ standing: readStanding(response, question.members) });
    } catch (error) {
      this.#o.log.debug("an answer about a ceremony makes no sense", {
        ceremony: question.id,
        from: sender,
        reason: error instanceof Error ? error.message : String(error),
      });
      question.settle({ silent: "its answer makes no sense" });
    }
  }

  #answer({ nonce, ceremonyId }: StandingCommand, sender: Identity): void {
    const known = this.#o.find(toHex(ceremonyId));
    const concerned = known?.audience.includes(sender) === true;
    // Identities cost nothing, so strangers share one allowance and never use up a member's.
    if (!(concerned ? this.#allowance(sender) : this.#strangers).take()) return;
    const standing = concerned ? known.standing : UNKNOWN;
    void this.#deliver(sender, standingResponse(nonce, ceremonyId, standing));
  }

  #allowance(sender: Identity): TokenBucket {
    let bucket = this.#askers.get(sender);
    if (bucket === undefined) {
      bucket = new TokenBucket(this.#o.clock, MEMBER_RATE, MEMBER_BURST);
      if (this.#askers.size >= MAX_ASKERS) this.#askers.delete(this.#askers.keys().next().value!);
      this.#askers.set(sender, bucket);
    }
    return bucket;
  }

  #send(to: Identity, nonce: Uint8Array, id: string): Promise<boolean> {
    return this.#deliver(to, { type: "ceremony-standing", nonce, ceremonyId: fromHex(id) });
  }

  async #deliver(
    to: Identity,
    command: StandingCommand | StandingResponseCommand,
  ): Promise<boolean> {
    try {
      await this.#o.sendSealed(to, command);
      return true;
    } catch (error) {
      this.#o.log.debug("a word about a ceremony's standing could not be sent", {
        to,
        ceremony: toHex(command.ceremonyId),
        reason: error instanceof Error ? error.message : String(error),
      });
      return false;
    }
  }
}
