/**
 * What the commands show of a running ceremony.
 *
 * @module
 */

import { bar, duration, printTable, Progress } from "./output.ts";
import type { Terminal } from "./terminal.ts";

/** One progress event of `keygen`, `sign` and `reshare`. */
export interface CeremonyEvent {
  readonly ceremony_id: string;
  readonly state: string;
  readonly round?: number;
  readonly rounds?: number;
  readonly step?: string;
  readonly waiting_for?: readonly string[];
  /** With the state `retrying`: why, and who is asked next. */
  readonly reason?: string;
  readonly committee?: readonly string[];
}

/** How a ceremony stands with one member. */
export interface MemberRow {
  readonly identity: string;
  readonly self?: boolean;
  readonly answered: boolean;
  /** Why it has not answered. */
  readonly reason?: string;
  readonly state?: string;
  readonly round?: number;
  readonly rounds?: number;
  readonly since_ms?: number;
  readonly waiting_for?: readonly string[];
  readonly code?: string;
  readonly culprits?: readonly string[];
}

/** What `ceremonies show ID --members` adds. */
export interface MembersAnswer {
  readonly members: readonly MemberRow[];
  readonly held_up_by: readonly { readonly identity: string; readonly reason: string }[];
}

/** An identity short enough for a line of text. */
export function shortId(identity: string): string {
  return identity.slice(0, 8);
}

/** States whose words need more of them. */
const STATE_WORDS: Readonly<Record<string, string>> = {
  waiting: "waiting for approval",
  confirming: "confirming its share",
  lost: "restarted, part lost",
  unknown: "unknown there",
};

/** Prints how a ceremony stands with each member, and who holds it up. */
export async function printMembers(
  terminal: Terminal,
  members: readonly MemberRow[],
  heldUpBy: MembersAnswer["held_up_by"],
): Promise<void> {
  terminal.out("\n");
  await printTable(
    terminal,
    ["member", "state", "round", "since", "waiting for", "failure"],
    members.map((m) => [
      m.self === true ? `${shortId(m.identity)} (this node)` : shortId(m.identity),
      m.answered ? STATE_WORDS[m.state!] ?? m.state! : m.reason!,
      m.round === undefined ? "-" : `${m.round}${m.rounds === undefined ? "" : ` of ${m.rounds}`}`,
      m.since_ms === undefined ? "-" : duration(m.since_ms),
      m.waiting_for?.map(shortId).join(" ") ?? "-",
      m.code === undefined ? "-" : [m.code, ...(m.culprits ?? []).map(shortId)].join(" "),
    ]),
  );
  for (const { identity, reason } of heldUpBy) {
    terminal.out(`held up by ${shortId(identity)}: ${reason}\n`);
  }
}

/**
 * How long a round takes and how long the rest may: `, 0.8 s a round, about 4 s left`. Nothing
 * while no round is done.
 *
 * @param elapsedMs since the person asked.
 */
export function paceOf(
  { round, rounds }: Pick<CeremonyEvent, "round" | "rounds">,
  elapsedMs: number,
): string {
  if (round === undefined || rounds === undefined || round < 2 || round > rounds) return "";
  const each = elapsedMs / (round - 1);
  const left = Math.ceil(each * (rounds - round + 1) / 1000);
  return `, ${(each / 1000).toFixed(1)} s a round, about ${left} s left`;
}

/** Draws ceremony events as one changing line on an interactive standard error. */
export class CeremonyProgress {
  readonly #progress: Progress;
  readonly #begun = performance.now();
  readonly #kind: string;
  readonly #terminal: Terminal;
  #last: CeremonyEvent | undefined;
  #note = "asking the daemon";
  readonly #timer: ReturnType<typeof setInterval> | undefined;

  /** `kind` is what the person asked for: `key generation`, `signing`. */
  constructor(terminal: Terminal, kind: string) {
    this.#kind = kind;
    this.#terminal = terminal;
    this.#progress = new Progress(terminal);
    if (terminal.interactive) this.#timer = setInterval(() => this.#draw(), 250);
  }

  /** Takes one event from the daemon. */
  show(event: CeremonyEvent): void {
    if (event.state === "retrying") {
      // Also where nobody watches: whoever reads the log of a script wants to know.
      this.#progress.clear();
      const next = (event.committee ?? []).map(shortId).join(", ");
      this.#terminal.err(
        `${this.#kind} failed: ${event.reason ?? "no reason given"}; trying again with ${next}\n`,
      );
    }
    this.#last = event;
    this.#draw();
  }

  /** Shows what the ceremony waits for before it can begin. */
  note(text: string): void {
    this.#last = undefined;
    this.#note = text;
    this.#draw();
  }

  #draw(): void {
    const elapsed = performance.now() - this.#begun;
    const seconds = (elapsed / 1000).toFixed(1);
    const e = this.#last;
    if (e === undefined) {
      return this.#progress.show(`${this.#kind}: ${this.#note} (${seconds} s)`);
    }
    const round = e.round === undefined
      ? ""
      : ` round ${e.round}${e.rounds === undefined ? "" : ` of ${e.rounds}`}`;
    const silent = e.waiting_for ?? [];
    const waiting = silent.length === 0 ? "" : `, waiting for ${silent.map(shortId).join(" ")}`;
    const pace = paceOf(e, elapsed);
    const step = e.step === undefined || e.step === "" ? "" : `, ${e.step}`;
    const drawn = e.round === undefined || e.rounds === undefined
      ? ""
      : ` ${bar(e.round - 1, e.rounds)}`;
    this.#progress.show(
      `${this.#kind}:${drawn} ${e.state}${round}${step}${waiting} (${seconds} s${pace})`,
    );
  }

  /** Takes the line away. */
  done(): void {
    if (this.#timer !== undefined) clearInterval(this.#timer);
    this.#progress.clear();
  }
}
