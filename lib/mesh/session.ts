/**
 * One authenticated connection: its read loop, its outbox, its pings, its counters. What a frame
 * means is decided elsewhere; what happens here never touches another session.
 *
 * @module
 */

import type { Identity } from "../crypto/identity.ts";
import type { Clock } from "./clock.ts";
import {
  DRAIN_LIFE,
  FIRST_PONG_TIMEOUT,
  GO_SEND_BURST,
  GO_SEND_RATE,
  PING_INTERVAL,
  PIPELINE_BYTES,
  PONG_TIMEOUT,
  READ_TURN,
} from "./limits.ts";
import { type Lane, Outbox, type Waiting } from "./outbox.ts";
import { TokenBucket } from "./rate_limit.ts";

/**
 * Key in `hello.options` by which nodes of this implementation know each other; its value is the
 * version of what they agree on beyond the Go node. Go ignores it (section 21.2).
 */
export const OURS_OPTION = "transfunctioner";

/** The encrypted connection below a session. */
export interface FrameLink {
  /**
   * Writes one frame; rejects when it did not go out whole. No other is written then, and the
   * session ends as soon as everything that has arrived is read.
   */
  send(cleartext: Uint8Array): Promise<void>;
  /** Reads one frame; rejects at the end, on a deadline, and on anything that does not open. */
  receive(): Promise<Uint8Array>;
  /** Closes the connection. */
  close(): void;
}

/**
 * Where a session stands. `standby`: a second connection to a peer whose first one still lives;
 * `primary`: the one in use; `draining`: replaced, still read for a moment; `ended`: closed.
 */
export type SessionState = "standby" | "primary" | "draining" | "ended";

/** What is known of a session from its handshake. */
export interface SessionFacts {
  /** Who is at the other end, authenticated. */
  readonly peer: Identity;
  /** Its X25519 key from the handshake, or `null` if it showed none. */
  readonly nacl: Uint8Array | null;
  /** Its `hello.options`. */
  readonly options: ReadonlyMap<string, string>;
  /** The address that we dialled, or `null` if the peer dialled us. */
  readonly dialled: string | null;
  /** The address of the other end of the connection. */
  readonly remote: { readonly host: string; readonly port: number };
}

/** What a session tells its owner. No hook may throw. */
export interface SessionHooks {
  /** Returns the cleartext of a `ping` to send. */
  ping(): Uint8Array;
  /**
   * Handles one frame and returns for how many ms reading should pause, usually 0. May end the
   * session.
   */
  frame(session: Session, cleartext: Uint8Array): number;
  /** Called once, when the session has ended for `reason`. */
  ended(session: Session, reason: string): void;
}

/** Running totals of a session. */
export interface SessionCounters {
  /** Frames received. */
  framesIn: number;
  /** Frames sent. */
  framesOut: number;
  /** Bytes of cleartext received. */
  bytesIn: number;
  /** Bytes of cleartext sent. */
  bytesOut: number;
  /** Messages dropped by this session's rate limit. */
  dropped: number;
}

/** One connection to one authenticated peer. */
export class Session {
  /** What the handshake told. */
  readonly facts: SessionFacts;
  /** When the handshake was done, ms. */
  readonly since: number;
  /** Running totals. */
  readonly counters: SessionCounters = {
    framesIn: 0,
    framesOut: 0,
    bytesIn: 0,
    bytesOut: 0,
    dropped: 0,
  };
  /** Time of the last inbound frame, ms; `since` before the first one. */
  lastFrame: number;
  /** Time of the last answer to our ping, ms, or `null`. */
  lastPong: number | null = null;
  /** Time of the last ping the peer sent us, ms, or `null`. */
  lastPinged: number | null = null;
  /** Round trip of the last answered ping, ms, or `null`. */
  roundTrip: number | null = null;

  readonly #clock: Clock;
  readonly #link: FrameLink;
  readonly #hooks: SessionHooks;
  readonly #outbox: Outbox;
  #state: SessionState = "standby";
  #pingSent: number | null = null;
  #cancelPong: (() => void) | null = null;
  #cancelPing: (() => void) | null = null;
  #cancelDrain: (() => void) | null = null;
  #wake: (() => void) | null = null;
  #writeFault: string | null = null;

  /** Takes over a link whose handshake is done. Nothing happens before {@link start}. */
  constructor(facts: SessionFacts, link: FrameLink, clock: Clock, hooks: SessionHooks) {
    this.facts = facts;
    this.since = clock.now();
    this.lastFrame = this.since;
    this.#clock = clock;
    this.#link = link;
    this.#hooks = hooks;
    const pace = this.ours ? null : new TokenBucket(clock, GO_SEND_RATE, GO_SEND_BURST);
    this.#outbox = new Outbox(
      async (bytes) => {
        const wait = pace?.debit() ?? 0;
        if (wait > 0) await new Promise<void>((resolve) => clock.setTimer(wait, resolve));
        await link.send(bytes);
        this.counters.framesOut++;
        this.counters.bytesOut += bytes.length;
      },
      (error) => this.#writeFailed(`write failed: ${messageOf(error)}`),
      undefined,
      // A paced peer gets one frame at a time, in order.
      pace === null ? PIPELINE_BYTES : 0,
    );
  }

  /** The peer's name. */
  get peer(): Identity {
    return this.facts.peer;
  }

  /** Where the session stands. */
  get state(): SessionState {
    return this.#state;
  }

  /** Whether the peer runs this implementation. */
  get ours(): boolean {
    return this.facts.options.has(OURS_OPTION);
  }

  /** Number of messages waiting to be written. */
  get queued(): number {
    return this.#outbox.waiting;
  }

  /** Starts reading. */
  start(): void {
    void this.#read();
  }

  /** Makes this the connection in use: sends `first`, then a ping, and keeps pinging. */
  promote(first: readonly Uint8Array[]): void {
    if (this.#state !== "standby") return;
    this.#state = "primary";
    for (const bytes of first) void this.#outbox.push("control", bytes);
    this.#ping(FIRST_PONG_TIMEOUT);
    this.#schedulePing();
  }

  /** Sends a ping at once; no frame at all within `timeout` ms ends the session. */
  probe(timeout: number): void {
    if (this.#state !== "primary") return;
    const seen = this.counters.framesIn;
    if (this.#cancelPong === null) this.#ping(PONG_TIMEOUT);
    else void this.#outbox.push("control", this.#hooks.ping());
    this.#clock.setTimer(timeout, () => {
      if (this.counters.framesIn === seen) this.end(`no frame within ${timeout} ms of a probe`);
    });
  }

  /** Whether a ping went unanswered for `ms` ms with no other frame since: the peer is likely gone. */
  silentFor(ms: number): boolean {
    return this.#pingSent !== null && this.lastFrame < this.#pingSent &&
      this.#clock.now() - this.#pingSent > ms;
  }

  /**
   * Queues a frame; resolves with whether it was written.
   *
   * @param source who a relayed frame came from: sources take turns.
   */
  send(lane: Lane, cleartext: Uint8Array, source = ""): Promise<boolean> {
    if (this.#state === "ended" || this.#state === "draining") return Promise.resolve(false);
    return this.#outbox.push(lane, cleartext, source);
  }

  /** Queues messages taken from a replaced session. */
  adopt(messages: readonly Waiting[]): void {
    for (const message of messages) this.#outbox.put(message);
  }

  /** Notes an answer to our ping. */
  ponged(): void {
    const now = this.#clock.now();
    this.lastPong = now;
    if (this.#pingSent !== null) this.roundTrip = now - this.#pingSent;
    this.#pingSent = null;
    this.#cancelPong?.();
    this.#cancelPong = null;
  }

  /**
   * Steps back for another connection to the same peer: stops writing, returns what was not sent,
   * and reads on for `ms` ms so that nothing already on its way is lost.
   */
  retire(ms: number): Waiting[] {
    if (this.#state === "ended" || this.#state === "draining") return [];
    this.#state = "draining";
    this.#stopTimers();
    this.#cancelDrain = this.#clock.setTimer(ms, () => this.end("replaced by another connection"));
    return this.#outbox.drain();
  }

  /** Closes the connection; only the first reason counts. */
  end(reason: string): void {
    if (this.#state === "ended") return;
    this.#state = "ended";
    this.#stopTimers();
    this.#cancelDrain?.();
    this.#wake?.();
    this.#outbox.close();
    this.#link.close();
    this.#hooks.ended(this, reason);
  }

  /**
   * Reads on for a moment after the peer hung up: a short-lived client (the Go service's `hemictl`)
   * sends its requests and closes at once, so our first messages fail before its own are read.
   */
  #writeFailed(reason: string): void {
    if (this.#state === "ended") return;
    this.#writeFault = reason;
    this.#stopTimers();
    this.#cancelDrain ??= this.#clock.setTimer(DRAIN_LIFE, () => this.end(reason));
  }

  #stopTimers(): void {
    this.#cancelPong?.();
    this.#cancelPing?.();
    this.#cancelPong = null;
    this.#cancelPing = null;
  }

  #schedulePing(): void {
    this.#cancelPing = this.#clock.setTimer(PING_INTERVAL, () => {
      this.#ping(PONG_TIMEOUT);
      this.#schedulePing();
    });
  }

  #ping(timeout: number): void {
    this.#cancelPong?.();
    this.#pingSent = this.#clock.now();
    void this.#outbox.push("control", this.#hooks.ping());
    this.#cancelPong = this.#clock.setTimer(
      timeout,
      () => this.end(`ping not answered within ${timeout} ms`),
    );
  }

  async #read(): Promise<void> {
    let busy = 0;
    try {
      for (;;) {
        const cleartext = await this.#link.receive();
        if (this.#state === "ended") return;
        this.lastFrame = this.#clock.now();
        this.counters.framesIn++;
        this.counters.bytesIn += cleartext.length;
        const pause = this.#hooks.frame(this, cleartext);
        // Bytes that have already arrived are read without leaving this thread's turn, so a peer
        // that fills the socket faster than we read would keep everybody else waiting.
        busy += this.#clock.now() - this.lastFrame;
        if (pause > 0 || busy >= READ_TURN) {
          await this.#pause(pause);
          busy = 0;
        }
        if (this.#isEnded()) return;
      }
    } catch (error) {
      this.end(this.#writeFault ?? messageOf(error));
    }
  }

  #isEnded(): boolean {
    return this.#state === "ended";
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#clock.setTimer(ms, resolve);
      this.#wake = () => {
        cancel();
        resolve();
      };
    });
  }
}

/** The text of anything thrown, with its cause. */
export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  // The system's number says nothing that its words do not.
  const message = error.message.replace(/ \(os error \d+\)/, "");
  return error.cause === undefined ? message : `${message}: ${messageOf(error.cause)}`;
}
