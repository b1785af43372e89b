/**
 * Sends a ceremony's messages again until they are known to have arrived.
 *
 * The wire has no acknowledgements, and Go nodes drop what exceeds their rates or comes more than
 * 3.9 s before they know of the ceremony. Progress tells what arrived: a member that owes us its
 * next message may lack one of ours, and one that repeats itself certainly lacks something. Both
 * get our latest messages again, with growing distances and a bound. Repeats do no harm: the first
 * message per sender and type counts everywhere.
 *
 * A wave is what is sent between two waits. A member can lag at most two waits behind us (a Go node
 * sends two signing rounds without waiting), and one wait once we are done.
 *
 * @module
 */

import type { Identity } from "../crypto/identity.ts";
import type { Clock } from "../mesh/clock.ts";
import type { TssCommand } from "../mesh/command_types.ts";
import { ANSWER_GAP_MS, MAX_ANSWERS, REPEAT_AFTER_MS } from "./limits.ts";

/** What repeating needs of the node. */
export interface RepeatsHost {
  /** Time for the distances. */
  readonly clock: Clock;
  /** Carries a command; `repeat` counts from 1 for what was sent before, 0 is the first time. */
  send(to: Identity, command: TssCommand, repeat: number): void;
}

interface Sent {
  readonly wave: number;
  readonly command: TssCommand;
}

interface Member {
  sent: Sent[];
  /** When anything was last sent to it. */
  at: number;
  /** Repeats since the last progress. */
  repeats: number;
  /** Answers to its repeats since the last progress. */
  answers: number;
  cancel: (() => void) | null;
}

/** Waves that may be repeated: the latest and two before it. */
const WAVES = 3;

/** What one ceremony sent, and whom it waits for. */
export class Repeats {
  readonly #host: RepeatsHost;
  readonly #members = new Map<Identity, Member>();
  #wave = 0;
  #waited = false;
  #awaited: ReadonlySet<Identity> = new Set();
  #over = false;

  /** Nothing is sent yet. */
  constructor(host: RepeatsHost) {
    this.#host = host;
  }

  /** Sends a message for the first time. */
  say(to: Identity, command: TssCommand): void {
    if (this.#waited) {
      this.#wave++;
      this.#waited = false;
    }
    const member = this.#member(to);
    member.sent = member.sent.filter((sent) => sent.wave > this.#wave - WAVES);
    // A name in both committees of a resharing gets some messages twice; once is enough here.
    if (!member.sent.some((sent) => sent.command === command)) {
      member.sent.push({ wave: this.#wave, command });
    }
    member.at = this.#host.clock.now();
    this.#host.send(to, command, 0);
  }

  /**
   * Takes whom the run waits for now.
   *
   * @param progress whether it moved on: then the distances begin anew.
   */
  wait(awaited: readonly Identity[], progress: boolean): void {
    if (this.#over) return;
    if (awaited.length > 0) this.#waited = true;
    this.#awaited = new Set(awaited);
    for (const [identity, member] of this.#members) {
      if (progress) {
        member.repeats = 0;
        member.answers = 0;
      }
      const due = this.#awaited.has(identity);
      if (due && (progress || member.cancel === null)) this.#arm(identity, member);
      if (!due) disarm(member);
    }
  }

  /** A member can be reached again: what it may lack goes out at once. */
  reachable(identity: Identity): void {
    const member = this.#members.get(identity);
    if (member === undefined || this.#over || !this.#awaited.has(identity)) return;
    if (this.#host.clock.now() - member.at < ANSWER_GAP_MS) return;
    this.#repeat(identity, member);
  }

  /** A member repeated itself, so it lacks something: it gets an answer, not too often. */
  lacking(identity: Identity): void {
    const member = this.#members.get(identity);
    if (member === undefined || member.answers >= MAX_ANSWERS) return;
    if (this.#host.clock.now() - member.at < ANSWER_GAP_MS) return;
    member.answers++;
    this.#resend(identity, member, this.#over ? 2 : WAVES, member.answers);
  }

  /** The run is over: nothing is repeated any more but in answer, from the last waves. */
  end(): void {
    this.#over = true;
    this.#awaited = new Set();
    for (const member of this.#members.values()) {
      disarm(member);
      member.answers = 0;
      member.sent = member.sent.filter((sent) => sent.wave > this.#wave - 2);
    }
  }

  #member(identity: Identity): Member {
    let member = this.#members.get(identity);
    if (member === undefined) {
      member = { sent: [], at: 0, repeats: 0, answers: 0, cancel: null };
      this.#members.set(identity, member);
    }
    return member;
  }

  #arm(identity: Identity, member: Member): void {
    disarm(member);
    const wait = REPEAT_AFTER_MS[member.repeats];
    if (wait === undefined) return;
    member.cancel = this.#host.clock.setTimer(wait, () => {
      member.cancel = null;
      this.#repeat(identity, member);
    });
  }

  #repeat(identity: Identity, member: Member): void {
    if (member.repeats >= REPEAT_AFTER_MS.length) return;
    member.repeats++;
    // The oldest wave is rarely the missing one, and the largest: not at the first attempt.
    this.#resend(identity, member, member.repeats === 1 ? 2 : WAVES, member.repeats);
    this.#arm(identity, member);
  }

  #resend(identity: Identity, member: Member, waves: number, repeat: number): void {
    member.at = this.#host.clock.now();
    for (const { wave, command } of member.sent) {
      if (wave > this.#wave - waves) this.#host.send(identity, command, repeat);
    }
  }
}

function disarm(member: Member): void {
  member.cancel?.();
  member.cancel = null;
}
