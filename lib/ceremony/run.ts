/**
 * Drives one ceremony on the network thread: starts its worker, carries messages both ways,
 * watches the deadlines, judges the result, and makes sure it ends exactly once.
 *
 * @module
 */

import type { Identity } from "../crypto/identity.ts";
import type { TssCommand, WitnessCommand } from "../mesh/command_types.ts";
import type { Committee } from "../tss/errors.ts";
import { VERSION } from "../version.ts";
import { Ceremony } from "./ceremony.ts";
import { Deadlines, type Limit } from "./deadlines.ts";
import { flagsOf } from "./flags.ts";
import { Heard } from "./heard.ts";
import { shortName } from "./inbox.ts";
import { judge } from "./judge.ts";
import { MAX_ROUND_MESSAGE_BYTES } from "./limits.ts";
import type { FromWorker, Role } from "./protocol.ts";
import { Recorder } from "./recorder.ts";
import { Repeats } from "./repeats.ts";
import { committeesOf, type Hearing, jobOf, type RunHost } from "./run_host.ts";
import type { CeremonySpec, NewShare } from "./spec.ts";
import { Tribunal } from "./tribunal.ts";
import type { Failure, Outcome } from "./verdict.ts";
import type { WorkerHandle } from "./worker_host.ts";

/** One running ceremony. */
export class CeremonyRun {
  /** What the rest of the node sees. */
  readonly ceremony: Ceremony;
  readonly #spec: CeremonySpec;
  readonly #host: RunHost;
  readonly #seats: ReadonlyMap<Committee, readonly Identity[]>;
  readonly #heard: Heard;
  readonly #repeats: Repeats;
  readonly #tribunal: Tribunal;
  readonly #recorder: Recorder;
  #worker: WorkerHandle | null = null;
  #deadlines: Deadlines;
  #storing = false;
  // The latest report of the worker, by role: one identity may be awaited in both.
  #waitingFor: readonly Role[] = [];
  /** Members that wait for their operators. */
  readonly #held = new Set<Identity>();
  /** Members that will say nothing more, and why. */
  readonly #lost = new Map<Identity, string>();

  /** Starts the worker; the spec is checked already. */
  constructor(spec: CeremonySpec, host: RunHost) {
    this.#spec = spec;
    this.#host = host;
    this.#seats = committeesOf(spec);
    this.#heard = new Heard(host.clock, host.limits);
    this.#repeats = new Repeats({
      clock: host.clock,
      send: (to, command, repeat) => this.#carry(to, command, repeat),
    });
    this.ceremony = new Ceremony(
      spec,
      host.clock.now(),
      {
        onAbort: (reason) => this.#end({ state: "aborted", reason }),
        onLost: (member, why) => this.#lose(member, why),
        onHold: (member) => void this.#held.add(member),
        onRefusal: (member, reason) => {
          if (!this.#tribunal.explained(member)) this.#end({ state: "aborted", reason });
        },
        onListenerError: (error) => host.log.error("ceremony listener failed", { error }),
      },
    );
    this.#recorder = new Recorder(spec, host.self, host.clock.now(), this.#records);
    this.#tribunal = new Tribunal(spec, {
      self: host.self,
      clock: host.clock,
      supports: (member) => host.supports(member),
      online: (member) => host.online(member),
      hasMember: (member, committee) => this.hasMember(member, committee),
      send: (to, command) => host.sendWitness(to, command),
      relay: (command, committee) => {
        if (this.ceremony.state === "running") this.hear(committee, command, () => true);
      },
      round: () => this.ceremony.round,
      waitingFor: () => identitiesOf(this.#waitingFor),
      halt: () => {
        this.#halt();
        const { round } = this.ceremony;
        this.ceremony.move({ round, step: "asking the others why it failed", waitingFor: [] });
      },
      conclude: (failure) => this.#end({ state: "failed", ...failure }),
    });
    this.#deadlines = new Deadlines(
      host.clock,
      {
        roundMs: spec.roundTimeoutMs ?? host.limits.roundTimeoutMs,
        ceremonyMs: spec.ceremonyTimeoutMs ?? host.limits.ceremonyTimeoutMs,
      },
      (limit) => this.#expire(limit),
      () => this.#isHeld(),
    );
    this.#launch();
  }

  /** Presignings and signings from presignatures leave no transcript: only nine rounds are audited. */
  get #records(): boolean {
    const { kind } = this.#spec;
    const presigned = this.#spec.kind === "sign" && this.#spec.presigned !== undefined;
    return this.#host.record && kind !== "presign" && !presigned;
  }

  /** Tells whether `sender` is a member of `committee`. */
  hasMember(sender: Identity, committee: Committee): boolean {
    return this.#seats.get(committee)?.includes(sender) ?? false;
  }

  /**
   * Takes a message of a member that speaks in a role it has.
   *
   * @param verified checks its signature; only asked for what was not heard before.
   */
  hear(committee: Committee, command: TssCommand, verified: () => boolean): Hearing | "forged" {
    const { from: sender, data } = command;
    const novelty = this.#heard.judge(sender, committee, data);
    if (novelty === "quota") return "quota";
    if (novelty !== "fresh") {
      if (novelty === "repeat") this.#repeats.lacking(sender);
      return "repeat";
    }
    if (!verified()) return "forged";
    this.#heard.note(sender, committee, data);
    this.#held.delete(sender);
    this.#recorder.add(command);
    this.#tribunal.passed(committee, command);
    this.#worker?.post({ do: "hear", from: { committee, identity: sender }, data });
    return "delivered";
  }

  /** Takes what a member says of the ceremony besides the protocol; `from` is authenticated. */
  witness(from: Identity, command: WitnessCommand): void {
    this.#tribunal.hear(from, command);
    this.#showHold();
  }

  /** A member can be reached again. */
  reachable(member: Identity): void {
    this.#repeats.reachable(member);
  }

  /** A member still sends messages of this ceremony, which has ended here. */
  lacking(member: Identity): void {
    this.#repeats.lacking(member);
  }

  #launch(): void {
    try {
      this.#worker = this.#host.workers({
        onMessage: (message) => this.#take(message),
        onCrash: (reason) => this.#fail({ ...internal(reason), round: this.ceremony.round }),
      });
      const storeKey = this.#host.storeKey();
      const job = jobOf(this.#spec, this.#host.self, this.#records);
      // Given away, not copied: the network thread keeps no second copy of the key.
      this.#worker.post({ do: "run", job, storeKey }, [storeKey.buffer]);
    } catch (error) {
      this.#host.log.error("worker did not start", { error });
      this.#fail(internal("the worker did not start"));
    }
  }

  #take(message: FromWorker): void {
    if (this.ceremony.state !== "running") return;
    switch (message.did) {
      case "load":
        if (message.version !== VERSION) {
          this.#fail(internal("the worker bundle is of another version: run `deno task build`"));
          return;
        }
        this.ceremony.move({ round: 1, step: "starting", waitingFor: [] });
        break;
      case "say":
        this.#say(message);
        break;
      case "move": {
        const moved = message.round !== this.ceremony.round || message.step !== this.ceremony.step;
        if (moved) this.#deadlines.step();
        this.#waitingFor = message.waitingFor;
        const waitingFor = identitiesOf(this.#waitingFor);
        this.#repeats.wait(waitingFor, moved);
        this.ceremony.move({ round: message.round, step: message.step, waitingFor });
        this.#checkLost();
        this.#tribunal.moved();
        this.#showHold();
        break;
      }
      case "publish":
        this.#recorder.publish(message.text);
        break;
      case "note":
      case "conflict": {
        const { from: { committee, identity }, type, digest } = message;
        if (message.did === "conflict") this.#contradict(identity, shortName(type));
        this.#tribunal.noted(committee, identity, type, digest);
        break;
      }
      case "store":
        this.#tribunal.step("store", () => this.#store(message.share));
        this.#showHold();
        break;
      case "finish": {
        const verdict = judge(this.#spec, this.#host.self, message.result);
        if (!("result" in verdict)) this.#fail({ ...verdict, round: this.ceremony.round });
        else {
          this.#tribunal.step(
            "finish",
            () => this.#end({ state: "complete", result: verdict.result }),
          );
          this.#showHold();
        }
        break;
      }
      case "fail":
        this.#fail(message);
        break;
      default:
        this.#fail(internal("the worker said something that no ceremony worker says"));
    }
  }

  #say({ as, to, broadcast, type, data }: Extract<FromWorker, { did: "say" }>): void {
    const known = this.#seats.get(as)?.includes(this.#host.self) &&
      to.every((role) =>
        role.identity !== this.#host.self &&
        this.#seats.get(role.committee)?.includes(role.identity)
      );
    if (!known || data.length > MAX_ROUND_MESSAGE_BYTES) {
      this.#fail(internal("the worker sent a message that is not in order"));
      return;
    }
    const committees = to.map((role) => role.committee);
    const command = this.#host.sign(flagsOf(this.#spec.kind, as, committees, broadcast), data);
    this.#tribunal.step(type, () => {
      // As a Go node does: one command per name, even if a name stands in both committees.
      for (const role of to) this.#repeats.say(role.identity, command);
      this.#recorder.add(command);
      this.#tribunal.said(as, type, command);
    });
    this.#showHold();
  }

  /** Shows that a step is held until the others have told what they heard. */
  #showHold(): void {
    const held = this.#tribunal.held;
    if (held === null) return;
    const { round } = this.ceremony;
    this.ceremony.move({ round, step: "comparing what everybody was told", waitingFor: held });
  }

  #carry(to: Identity, command: TssCommand, repeat: number): void {
    if (repeat > 0) {
      this.#host.log.debug("round message repeated", { to, repeat });
      if (repeat === 2) this.#tribunal.lacking(to);
    }
    try {
      this.#host.send(to, command, repeat);
    } catch (error) {
      // Lost like any message: it is repeated while anybody waits for it.
      this.#host.log.error("round message not sent", { to, error });
    }
  }

  #contradict(member: Identity, type: string): void {
    if (!this.ceremony.contradict({ member, type })) return;
    this.#host.log.warn("member sent two different messages for one slot", { member, type });
  }

  #store(share: NewShare): void {
    if (this.#spec.kind !== "reshare" || this.#storing) {
      this.#fail(internal("the worker stored a share out of turn"));
      return;
    }
    const wrong = judge(this.#spec, this.#host.self, { kind: "reshare", share });
    if (!("result" in wrong)) {
      this.#fail({ ...wrong, round: this.ceremony.round });
      return;
    }
    this.#storing = true;
    const store = this.#spec.onNewShare ?? (() => Promise.resolve());
    Promise.resolve().then(() => store(share)).then(
      () => this.#worker?.post({ do: "stored", ok: true }),
      (error) => {
        this.#host.log.error("new share could not be stored", { error });
        this.#worker?.post({ do: "stored", ok: false });
      },
    );
  }

  #lose(member: Identity, why: string): void {
    if (!this.#lost.has(member)) this.#lost.set(member, why);
    this.#checkLost();
  }

  /** Whether all that is missing are operators' decisions. */
  #isHeld(): boolean {
    const awaited = identitiesOf(this.#waitingFor);
    return awaited.length > 0 && awaited.every((member) => this.#held.has(member));
  }

  /** Ends the run if it waits for somebody who is known to say nothing more. */
  #checkLost(): void {
    const awaited = this.#tribunal.held ?? identitiesOf(this.#waitingFor);
    const gone = awaited.filter((member) => this.#lost.has(member));
    if (gone.length === 0) return;
    const { round } = this.ceremony;
    this.#fail({
      code: "TF-OFFLINE",
      reason: gone.map((m) => `${m} ${this.#lost.get(m)!}`).join("; ") +
        `; round ${round} waits for it`,
      round,
      culprits: gone,
    });
  }

  #expire(limit: Limit): void {
    const { round, step } = this.ceremony;
    const silent = this.#tribunal.held ?? identitiesOf(this.#waitingFor);
    const what = silent.length === 0 ? `, at step "${step}"` : ` ${step} from ${silent.join(", ")}`;
    this.#fail({
      code: "TF-TIMEOUT",
      reason: limit === "round"
        ? `timed out in round ${round}${what}`
        : `the whole ceremony timed out, in round ${round}${what}`,
      round,
      culprits: silent,
    });
  }

  #fail({ code, reason, round, culprits }: Failure): void {
    this.#tribunal.fail({ code, reason, round, culprits });
  }

  /** Nothing of the protocol leaves or counts any more. */
  #halt(): void {
    this.#deadlines.stop();
    this.#worker?.terminate();
    this.#worker = null;
    this.#repeats.end();
  }

  #end(outcome: Outcome): void {
    if (this.ceremony.state !== "running") return;
    this.#halt();
    this.#heard.clear();
    this.#tribunal.stop(outcome.state === "complete" ? "complete" : "failed");
    this.#waitingFor = [];
    const transcript = this.#recorder.finish(outcome, (digest) => this.#host.seal(digest));
    if (transcript !== null) this.#host.onTranscript(transcript);
    this.ceremony.finish(outcome, this.#host.clock.now());
    this.#host.onEnd();
  }
}

function identitiesOf(roles: readonly Role[]): Identity[] {
  return [...new Set(roles.map((role) => role.identity))];
}

function internal(reason: string): Failure {
  return { code: "TF-INTERNAL", reason, round: 0, culprits: [] };
}
