/**
 * One end of an admin connection: reads, a bounded outbox, and pings both ways, so that neither
 * end's 37 s read deadline cuts off a long key generation.
 *
 * @module
 */

import type { Identity } from "../crypto/identity.ts";
import { type AdminMessage, decodeAdminMessage } from "./admin_protocol.ts";
import type { Clock } from "./clock.ts";
import type { Command } from "./commands.ts";
import { encodeOneHop } from "./envelope.ts";
import { ADMIN_PING_INTERVAL, ADMIN_QUEUE_BYTES, QUEUE_CONTROL } from "./limits.ts";
import { Outbox } from "./outbox.ts";
import { type FrameLink, messageOf } from "./session.ts";

/** Answers that may wait for one admin client. */
const QUEUE_ANSWERS = 4_096;

/** What a link tells its owner. */
export interface AdminLinkHooks {
  /** Takes a message; returns for how many ms not to read on. A throw ends the link. */
  message(message: AdminMessage, size: number): number;
  /** Called once, when the link has ended. */
  ended(reason: string): void;
}

/** One end of an admin connection. */
export class AdminLink {
  readonly #link: FrameLink;
  readonly #clock: Clock;
  readonly #self: Identity;
  readonly #hooks: AdminLinkHooks;
  readonly #outbox: Outbox;
  #cancelPing: (() => void) | null = null;
  #wake: (() => void) | null = null;
  #ended = false;

  /** Takes over a connection whose handshake is done. */
  constructor(link: FrameLink, clock: Clock, self: Identity, hooks: AdminLinkHooks) {
    this.#link = link;
    this.#clock = clock;
    this.#self = self;
    this.#hooks = hooks;
    this.#outbox = new Outbox(
      (bytes) => link.send(bytes),
      (error) => this.end(`write failed: ${messageOf(error)}`),
      {
        control: { bytes: ADMIN_QUEUE_BYTES, messages: QUEUE_CONTROL },
        own: { bytes: ADMIN_QUEUE_BYTES, messages: QUEUE_ANSWERS },
        relay: { bytes: 0, messages: 0 },
      },
    );
  }

  /** Starts reading and pinging. */
  start(): void {
    this.#schedulePing();
    void this.#read();
  }

  /** Queues a cleartext; `false` at once if too much waits already. */
  send(cleartext: Uint8Array): Promise<boolean> {
    return this.#outbox.push("own", cleartext);
  }

  /** Queues a command of the mesh. */
  sendCommand(command: Command): Promise<boolean> {
    return this.send(encodeOneHop(command, this.#self));
  }

  /** Closes the connection; only the first reason counts. */
  end(reason: string): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#cancelPing?.();
    this.#wake?.();
    this.#outbox.close();
    this.#link.close();
    this.#hooks.ended(reason);
  }

  #seconds(): bigint {
    return BigInt(Math.floor(this.#clock.now() / 1000));
  }

  #control(command: Command): void {
    void this.#outbox.push("control", encodeOneHop(command, this.#self));
  }

  #schedulePing(): void {
    this.#cancelPing = this.#clock.setTimer(ADMIN_PING_INTERVAL, () => {
      this.#control({ type: "ping", originTimestamp: this.#seconds() });
      this.#schedulePing();
    });
  }

  async #read(): Promise<void> {
    try {
      while (!this.#ended) {
        const cleartext = await this.#link.receive();
        const message = decodeAdminMessage(cleartext);
        const pause = this.#take(message, cleartext.length);
        if (pause > 0) await this.#pause(pause);
      }
    } catch (error) {
      this.end(messageOf(error));
    }
  }

  #take(message: AdminMessage, size: number): number {
    if (message.kind !== "command") return this.#hooks.message(message, size);
    const { command } = message;
    if (command.type === "ping-response") return 0;
    if (command.type !== "ping") return this.#hooks.message(message, size);
    this.#control({
      type: "ping-response",
      originTimestamp: command.originTimestamp,
      peerTimestamp: this.#seconds(),
    });
    // A flood of pings costs the client its own time.
    return 10;
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
