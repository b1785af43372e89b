/**
 * Everything about one ceremony's good faith: keeps the signed broadcasts, holds the decisive step
 * until the members heard the same, and finds a verdict when the run fails.
 *
 * @module
 */

import { sha256 } from "@noble/hashes/sha2.js";
import type { Identity } from "../crypto/identity.ts";
import { toHex } from "../encoding/bytes.ts";
import type { Clock } from "../mesh/clock.ts";
import type { TssCommand, WitnessCommand } from "../mesh/command_types.ts";
import type { Committee } from "../tss/errors.ts";
import type { Blame, Finding } from "./blame.ts";
import { type Comparison, comparisonOf } from "./broadcasts.ts";
import type { Broadcast, Equivocation } from "./evidence.ts";
import { roleOf } from "./flags.ts";
import { Inquest } from "./inquest.ts";
import { requestDigest } from "./request_digest.ts";
import { type CeremonySpec, membersOf, mostLiars } from "./spec.ts";
import type { Failure, FailureCode } from "./verdict.ts";
import { Witness } from "./witness.ts";

/** What a tribunal needs of the run. */
export interface TribunalHost {
  readonly self: Identity;
  readonly clock: Clock;
  /** Whether a member has announced that it knows `node-witness`. */
  supports(member: Identity): boolean;
  /** Whether a member can be reached now, as far as is known. */
  online(member: Identity): boolean;
  hasMember(member: Identity, committee: Committee): boolean;
  send(to: Identity, command: WitnessCommand): void;
  /** Takes a member's signed message from another member's hands. */
  relay(command: TssCommand, committee: Committee): void;
  /** Round that the run is in. */
  round(): number;
  /** Members that the worker waits for. */
  waitingFor(): readonly Identity[];
  /** The protocol is over: nothing more is sent or repeated. */
  halt(): void;
  /** The verdict; the run ends. */
  conclude(failure: Failure): void;
}

/** Codes of failures that other members may know more about. */
const SHARED_CODES: ReadonlySet<string> = new Set(["TF-PROTOCOL", "TF-TIMEOUT", "TF-OFFLINE"]);

/** One per run. */
export class Tribunal {
  readonly #host: TribunalHost;
  readonly #comparison: Comparison;
  readonly #members: readonly Identity[];
  readonly #witness: Witness;
  readonly #inquest: Inquest;
  /** Messages that the worker has not looked at yet, by digest and sender. */
  readonly #passed = new Map<string, TssCommand>();
  #held: (() => void) | null = null;
  #failure: Failure | null = null;
  #over: "no" | "complete" | "failed" = "no";

  /** Nothing is heard yet. */
  constructor(spec: CeremonySpec, host: TribunalHost) {
    this.#host = host;
    this.#comparison = comparisonOf(spec.curve, spec.kind);
    this.#members = membersOf(spec);
    const { self, clock } = host;
    const send = (to: Identity, command: WitnessCommand) => host.send(to, command);
    const reshare = spec.kind === "reshare";
    this.#witness = new Witness({
      self,
      clock,
      send,
      ceremonyId: spec.id,
      kind: spec.kind,
      comparison: this.#comparison,
      request: requestDigest(spec),
      witnesses: this.#members,
      hearers: reshare ? spec.newCommittee : spec.committee,
      senders: this.#members,
      supports: (member) => host.supports(member),
      hasMember: (member, committee) => host.hasMember(member, committee),
      relay: (command) => host.relay(command, roleOf(spec.kind, command.flags)),
      onEquivocation: (proof) => this.#convict(proof),
      onChange: () => this.#changed(),
    });
    this.#inquest = new Inquest({
      self,
      clock,
      send,
      ceremonyId: spec.id,
      members: this.#members,
      liars: mostLiars(spec),
      asked: spec.asked === true,
      witness: this.#witness,
      onVerdict: (blame, proof) => this.#verdict(blame, proof),
    });
  }

  /** The broadcasts heard and sent, signed. */
  get broadcasts(): readonly Broadcast[] {
    return this.#witness.broadcasts;
  }

  /** Whom the held step waits for; `null` while nothing is held. */
  get held(): readonly Identity[] | null {
    return this.#held === null ? null : this.#witness.missing;
  }

  /** Whether a member has said why it gave up, so that its mere refusal tells nothing new. */
  explained(member: Identity): boolean {
    return this.#inquest.findingOf(member) !== undefined;
  }

  /** A message was given to the worker. */
  passed(committee: Committee, command: TssCommand): void {
    this.#passed.set(passKey(committee, command.from, sha256(command.data)), command);
  }

  /** The worker took a message, or refused it as a second one for its slot. */
  noted(committee: Committee, from: Identity, type: string, digest: Uint8Array): void {
    const key = passKey(committee, from, digest);
    const command = this.#passed.get(key);
    this.#passed.delete(key);
    if (command !== undefined) this.#witness.note({ committee, type, digest, command });
    if (this.#passed.size === 0) this.moved();
  }

  /** This node sends a message. */
  said(committee: Committee, type: string, command: TssCommand): void {
    this.#witness.note({ committee, type, digest: sha256(command.data), command });
  }

  /** Takes a step, the decisive one only when all that compare have heard the same. */
  step(name: string, take: () => void): void {
    if (name === this.#comparison.cue) this.#witness.compare();
    if (name !== this.#comparison.gate || this.#witness.missing.length === 0) {
      take();
    } else {
      this.#held = take;
      this.moved();
    }
  }

  /** The worker waits for other members, or not, than before. */
  moved(): void {
    // While the worker has not looked at everything, what it waits for may be there already.
    if (this.#over !== "no" || this.#inquest.begun || this.#passed.size > 0) return;
    const awaited = new Set([...this.#host.waitingFor(), ...(this.held ?? [])]);
    for (const [member, finding] of this.#inquest.findings) {
      const { kind, culprits, round, reason } = finding;
      if (kind === "complete") continue;
      const silence = kind === "late" || kind === "offline";
      if (!awaited.has(member) && !(silence && culprits.some((c) => awaited.has(c)))) continue;
      // What it waited for, this node may have: both must be known to find who kept what from whom.
      this.fail({
        code: silence ? "TF-TIMEOUT" : "TF-PROTOCOL",
        reason: `${member} gave up in round ${round}: ${reason}`,
        round: this.#host.round(),
        culprits: silence ? [...awaited] : [],
      }, silence ? undefined : "gave-up");
      return;
    }
  }

  /** The run has failed, for a reason that others may know more about or not. */
  fail(failure: Failure, kind?: Finding["kind"]): void {
    if (this.#failure !== null || this.#over !== "no") return;
    this.#failure = failure;
    if (!SHARED_CODES.has(failure.code)) {
      this.stop("failed");
      this.#host.conclude(failure);
      return;
    }
    this.#held = null;
    this.#host.halt();
    const { round, reason, culprits } = failure;
    this.#inquest.begin({ kind: kind ?? this.#kindOf(failure), round, reason, culprits });
  }

  /** Takes what an authenticated node says. */
  hear(from: Identity, command: WitnessCommand): void {
    if (from === this.#host.self || !this.#members.includes(from)) return;
    if (this.#over === "failed") return;
    if (command.part !== "finding") this.#witness.hear(from, command);
    else if (this.#inquest.hear(from, command)) {
      if (this.#over === "complete") this.#inquest.tellComplete(from);
      else if (!this.#inquest.begun) this.moved();
    }
    this.#inquest.check();
  }

  /** A broadcast of `member` does not come. */
  lacking(member: Identity): void {
    if (this.#over === "no" && !this.#inquest.begun) this.#witness.lacking(member);
  }

  /** The run has ended; a complete one still answers. */
  stop(how: "complete" | "failed"): void {
    if (this.#over === "no" && how === "complete") {
      for (const member of this.#inquest.findings.keys()) this.#inquest.tellComplete(member);
    }
    this.#over = how;
    this.#held = null;
    this.#passed.clear();
    this.#witness.stop();
    this.#inquest.stop();
  }

  #changed(): void {
    if (this.#held === null || this.#witness.missing.length > 0) return;
    const take = this.#held;
    this.#held = null;
    take();
  }

  #convict(proof: Equivocation): void {
    if (this.#over !== "no") return;
    this.#held = null;
    this.#host.halt();
    this.#inquest.convict(proof, this.#host.round());
  }

  #kindOf({ code, culprits }: Failure): Finding["kind"] {
    if (culprits.length === 0) return "unknown";
    if (code === "TF-OFFLINE") return "offline";
    if (code !== "TF-TIMEOUT") return "invalid";
    return culprits.every((member) => !this.#host.online(member)) ? "offline" : "late";
  }

  #verdict(blame: Blame, proof: Equivocation | null): void {
    const { kind, round, reason, culprits } = blame;
    this.stop("failed");
    this.#host.conclude({
      code: codeOf(kind, this.#failure?.code),
      reason,
      round,
      culprits,
      blame,
      ...(proof === null ? {} : { proof }),
    });
  }
}

/** The code of a verdict: that of the own failure, unless others have shown what is behind it. */
function codeOf(kind: Blame["kind"], own: FailureCode | undefined): FailureCode {
  if (kind === "equivocating" || kind === "invalid") return "TF-PROTOCOL";
  if (kind === "late" || kind === "offline") return own === "TF-OFFLINE" ? own : "TF-TIMEOUT";
  return own ?? "TF-PROTOCOL";
}

function passKey(committee: Committee, from: Identity, digest: Uint8Array): string {
  return `${committee}/${from}/${toHex(digest)}`;
}
