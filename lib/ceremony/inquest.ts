/**
 * What follows a failed run: members of this implementation tell each other what they found and
 * what they had heard, then each gives the verdict.
 *
 * @module
 */

import type { Identity } from "../crypto/identity.ts";
import type { Clock } from "../mesh/clock.ts";
import type { WitnessCommand } from "../mesh/command_types.ts";
import { type Blame, deliberate, type Finding, FINDING_KINDS, type FindingKind } from "./blame.ts";
import type { Equivocation } from "./evidence.ts";
import { INQUEST_MS } from "./limits.ts";
import { type Witness, witnessCommand } from "./witness.ts";

/** Longest reason taken from another node, in characters. */
const MAX_REASON = 300;

/** What a blame that rests on one's own view of the broadcasts ends with; see `tss/verdicts.ts`. */
const UNPROVEN = ", or the broadcasts differ (blame not proven)";

/** What an inquest needs of the run. */
export interface InquestHost {
  readonly self: Identity;
  readonly ceremonyId: Uint8Array;
  /** See `Trial.liars`. */
  readonly liars: number;
  /** Whether this node asked for the ceremony itself. */
  readonly asked: boolean;
  readonly members: readonly Identity[];
  readonly clock: Clock;
  readonly witness: Witness;
  send(to: Identity, command: WitnessCommand): void;
  /** The verdict, once. */
  onVerdict(blame: Blame, proof: Equivocation | null): void;
}

/** Findings of one ceremony's members, and the verdict. */
export class Inquest {
  readonly #host: InquestHost;
  readonly #findings = new Map<Identity, Finding>();
  #own: Finding | null = null;
  #cancel: (() => void) | null = null;
  #over = false;

  /** Collects findings from now on. */
  constructor(host: InquestHost) {
    this.#host = host;
  }

  /** Whether the own run has failed. */
  get begun(): boolean {
    return this.#own !== null;
  }

  /** What a member found, if it said so. */
  findingOf(member: Identity): Finding | undefined {
    return this.#findings.get(member);
  }

  /** What everybody else found so far. */
  get findings(): ReadonlyMap<Identity, Finding> {
    return this.#findings;
  }

  /** The own run has failed: tells the others, hears them, then gives the verdict. */
  begin(own: Finding): void {
    if (this.#own !== null || this.#over) return;
    this.#own = own;
    const partners = this.#host.witness.partners();
    if (partners.length === 0) return this.#decide(null);
    this.#host.witness.end();
    for (const member of partners) this.#host.send(member, this.#command(own));
    this.#cancel = this.#host.clock.setTimer(INQUEST_MS, () => this.#decide(null));
    this.check();
  }

  /** The own run is complete: who asks is told. */
  tellComplete(to: Identity): void {
    this.#host.send(
      to,
      this.#command({ kind: "complete", round: 0, reason: "complete", culprits: [] }),
    );
  }

  /** Takes what a member found; the first word of each counts. Returns whether it is one. */
  hear(from: Identity, command: WitnessCommand): boolean {
    if (!FINDING_KINDS.has(command.kind) || this.#findings.has(from)) return false;
    const members = new Set(this.#host.members);
    this.#findings.set(from, {
      kind: command.kind as FindingKind,
      round: command.round,
      // deno-lint-ignore no-control-regex
      reason: command.reason.replace(/[\u0000-\u001f\u007f-\u009f]/g, "?").slice(0, MAX_REASON),
      culprits: [...new Set(command.culprits)].filter((m) => members.has(m)),
    });
    return true;
  }

  /** Gives the verdict if nothing more is to come. */
  check(): void {
    if (this.#own === null || this.#over) return;
    const { witness } = this.#host;
    const silent = new Set(
      this.#own.kind === "late" || this.#own.kind === "offline" ? this.#own.culprits : [],
    );
    const open = witness.partners().filter((member) => {
      if (silent.has(member) && !this.#findings.has(member)) return false;
      if (!this.#findings.has(member)) return true;
      return this.#findings.get(member)!.kind !== "complete" && !witness.agrees(member);
    });
    if (open.length === 0) this.#decide(null);
  }

  /** Somebody is convicted: there is nothing left to ask. */
  convict(proof: Equivocation, round: number): void {
    this.#own ??= { kind: "unknown", round, reason: "", culprits: [] };
    this.#decide(proof);
  }

  /** Ends it without a verdict. */
  stop(): void {
    this.#over = true;
    this.#cancel?.();
    this.#cancel = null;
  }

  #decide(proof: Equivocation | null): void {
    if (this.#over) return;
    this.stop();
    const { self, liars, asked, witness } = this.#host;
    const own = this.#proven(this.#own!);
    // Whoever asked knows what it asked for.
    const requests = asked ? new Map<Identity, string>() : witness.requests;
    const trial = { self, own, others: this.#findings, proof, liars, requests };
    this.#host.onVerdict(deliberate(trial), proof);
  }

  /**
   * A blame that rests on what this node heard in broadcasts stands if the blamed one says that it
   * heard the same; else it cannot be told whether it or a third one is at fault.
   */
  #proven(own: Finding): Finding {
    if (own.kind !== "invalid" || !own.reason.includes(UNPROVEN)) return own;
    if (own.culprits.every((member) => this.#host.witness.agrees(member))) {
      return { ...own, reason: own.reason.replaceAll(UNPROVEN, "") };
    }
    return { ...own, kind: "unknown" };
  }

  #command({ kind, round, reason, culprits }: Finding): WitnessCommand {
    return witnessCommand(this.#host.ceremonyId, {
      part: "finding",
      kind,
      round,
      reason: reason.slice(0, MAX_REASON),
      culprits,
    });
  }
}
