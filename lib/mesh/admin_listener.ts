/**
 * The port of the operator's tools: loopback only, and only keys on a list.
 *
 * A Go node takes any key from a loopback address, on its peer port too (specification: mesh
 * weakness 27). Here a tool proves a key that the operator listed, before anything is read.
 *
 * @module
 */

import type { RandomSource } from "../arith/random.ts";
import type { Identity, NodeIdentity } from "../crypto/identity.ts";
import { toHex } from "../encoding/bytes.ts";
import type { Json, JsonInput } from "../encoding/json.ts";
import type { Logger } from "../observe/logger.ts";
import { Acceptor, isLoopback } from "./acceptor.ts";
import { AdminLink } from "./admin_link.ts";
import {
  AdminError,
  type AdminFailure,
  type AdminMessage,
  type AdminRequest,
  encodeAdminFailure,
  encodeAdminResult,
} from "./admin_protocol.ts";
import type { Clock } from "./clock.ts";
import type { Command } from "./commands.ts";
import { handshake } from "./handshake.ts";
import {
  ADMIN_BURST,
  ADMIN_CONNECTIONS,
  ADMIN_OUTSTANDING,
  ADMIN_RATE,
  ADMIN_REQUEST_BYTES,
} from "./limits.ts";
import type { Connection, Listener, Net } from "./net.ts";
import { quietLogger } from "./quiet_logger.ts";
import { TokenBucket } from "./rate_limit.ts";
import { messageOf } from "./session.ts";
import { MAX_CLEARTEXT_BYTES, Transport } from "./transport.ts";

/** One request, as its handler sees it. */
export interface AdminCall {
  /** The key that the client proved. */
  readonly client: Identity;
  /** Names the request in the log, 8 hex digits; made here, not by the client. */
  readonly request: string;
  /** What is asked. */
  readonly method: string;
  /** The request's parameters. */
  readonly params: Json;
  /** Tells the client something on the way. */
  event(value: JsonInput): void;
  /** Aborted when the client is gone. */
  readonly signal: AbortSignal;
}

/** Who answers. */
export interface AdminHandler {
  /** Answers a request; a throw becomes the failure, an {@link AdminError} with its code. */
  call(call: AdminCall): Promise<JsonInput | Json>;
  /**
   * Answers a command of the mesh, such as `peer-list-admin`; resolves with `null` for what has no
   * answer. A throw is logged.
   */
  command?(command: Command, client: Identity): Promise<Command | null>;
}

/** How an admin listener is set up. */
export interface AdminListenerOptions {
  /** The node's key: clients may check that they reached the right node. */
  readonly identity: NodeIdentity;
  /** Reaches the network. */
  readonly net: Net;
  /** Time and timers. */
  readonly clock: Clock;
  /** Draws keys, nonces and jitter. */
  readonly random: RandomSource;
  /** Takes the log lines. */
  readonly log: Logger;
  /** A loopback address. */
  readonly listen: { readonly host: string; readonly port: number };
  /** Whether this key may administer the node. */
  readonly allowed: (client: Identity) => boolean;
  /** Answers the requests. */
  readonly handler: AdminHandler;
}

/** The admin port of a node. */
export class AdminListener {
  readonly #o: AdminListenerOptions;
  readonly #clients = new Set<AdminSession>();
  #listener: Listener | null = null;
  #acceptor: Acceptor | null = null;

  /**
   * Prepares the port; {@link start} binds it.
   *
   * @throws {RangeError} if the address is not a loopback one.
   */
  constructor(options: AdminListenerOptions) {
    const { host } = options.listen;
    if (host !== "localhost" && !isLoopback(host)) {
      throw new RangeError(
        `Cannot listen for admin clients on ${host}: use a loopback address such as 127.0.0.1`,
      );
    }
    this.#o = { ...options, log: quietLogger(options.log, options.clock) };
  }

  /** Where the port is bound, or `null`. */
  get address(): { readonly host: string; readonly port: number } | null {
    return this.#listener?.address ?? null;
  }

  /** Number of admin clients connected. */
  get clients(): number {
    return this.#clients.size;
  }

  /**
   * Binds the port and accepts clients.
   *
   * @throws {Error} if the address cannot be bound.
   */
  async start(): Promise<void> {
    const { net, listen, clock, log } = this.#o;
    this.#listener = await net.listen(listen.host, listen.port);
    this.#acceptor = new Acceptor({
      listener: this.#listener,
      clock,
      log,
      refuse: (remote) => this.#refuse(remote),
      handshake: (connection) => this.#accept(connection),
    });
    void this.#acceptor.run();
  }

  /** Closes the port and all connections. */
  stop(): void {
    this.#acceptor?.stop();
    for (const client of [...this.#clients]) client.end("the node stops");
  }

  #refuse(remote: Connection["remote"]): string | null {
    if (!isLoopback(remote.host)) {
      this.#o.log.warn("admin connection refused: not from this machine", { remote: remote.host });
      return "not from this machine";
    }
    if (this.#clients.size < ADMIN_CONNECTIONS) return null;
    this.#o.log.warn("admin connection refused: too many are open", { open: this.#clients.size });
    return "too many admin connections";
  }

  async #accept(connection: Connection): Promise<void> {
    const { clock, random, identity, log } = this.#o;
    const transport = await Transport.accept(connection, { clock, random });
    const { peer } = await handshake(transport, identity, { random });
    if (!this.#o.allowed(peer)) {
      log.warn("admin connection refused: the key is not on the list", { client: peer });
      transport.close();
      return;
    }
    if (this.#clients.size >= ADMIN_CONNECTIONS) {
      transport.close();
      return;
    }
    const client = new AdminSession(peer, transport, this.#o, () => this.#clients.delete(client));
    this.#clients.add(client);
    log.debug("admin client connected", { client: peer });
    client.start();
  }
}

/** One connected client. */
class AdminSession {
  readonly #o: AdminListenerOptions;
  readonly #client: Identity;
  readonly #link: AdminLink;
  readonly #bucket: TokenBucket;
  readonly #running = new Map<string, AbortController>();

  constructor(
    client: Identity,
    transport: Transport,
    options: AdminListenerOptions,
    gone: () => void,
  ) {
    this.#o = options;
    this.#client = client;
    this.#bucket = new TokenBucket(options.clock, ADMIN_RATE, ADMIN_BURST);
    this.#link = new AdminLink(transport, options.clock, options.identity.identity, {
      message: (message, size) => this.#message(message, size),
      ended: (reason) => {
        gone();
        options.log.debug("admin client gone", { client, reason });
        for (const abort of this.#running.values()) abort.abort(new Error(reason));
      },
    });
  }

  start(): void {
    this.#link.start();
  }

  end(reason: string): void {
    this.#link.end(reason);
  }

  #message(message: AdminMessage, size: number): number {
    if (message.kind === "request") this.#request(message, size);
    else if (message.kind === "command") void this.#command(message.command);
    return this.#bucket.debit();
  }

  #request(request: AdminRequest, size: number): void {
    const { id } = request;
    if (size > ADMIN_REQUEST_BYTES) {
      this.#fail(id, {
        code: "TF-ADMIN-SIZE",
        message: `Cannot take request: it is larger than ${ADMIN_REQUEST_BYTES} bytes`,
        hint: "",
      });
    } else if (this.#running.size >= ADMIN_OUTSTANDING || this.#running.has(id)) {
      this.#fail(id, {
        code: "TF-ADMIN-BUSY",
        message: "Cannot take request: too many are running on this connection, or one of this id",
        hint: "wait for an answer first",
      });
    } else void this.#run(request);
  }

  async #run({ id, method, params }: AdminRequest): Promise<void> {
    const abort = new AbortController();
    this.#running.set(id, abort);
    const origin = this.#o.identity.identity;
    const request = toHex(this.#o.random(4));
    try {
      const result = await this.#o.handler.call({
        client: this.#client,
        request,
        method,
        params,
        event: (value) => {
          if (this.#running.get(id) === abort) {
            void this.#link.send(encodeAdminResult(id, value, false, origin));
          }
        },
        signal: abort.signal,
      });
      const answer = encodeAdminResult(id, result, true, origin);
      if (answer.length > MAX_CLEARTEXT_BYTES) {
        throw new AdminError("TF-ADMIN-SIZE", "Cannot answer: the result does not fit a frame");
      }
      this.#running.delete(id);
      await this.#answer(answer);
    } catch (error) {
      this.#running.delete(id);
      if (!(error instanceof AdminError)) {
        this.#o.log.warn("admin request failed", { request, method, reason: messageOf(error) });
      }
      this.#fail(id, failureOf(error));
    }
  }

  #fail(id: string, failure: AdminFailure): void {
    void this.#answer(encodeAdminFailure(id, failure, this.#o.identity.identity));
  }

  async #answer(bytes: Uint8Array): Promise<void> {
    // An answer that is lost would leave the client waiting for ever.
    if (!await this.#link.send(bytes)) this.#link.end("the client does not read its answers");
  }

  async #command(command: Command): Promise<void> {
    try {
      const answer = await this.#o.handler.command?.(command, this.#client) ?? null;
      if (answer !== null) await this.#link.sendCommand(answer);
    } catch (error) {
      this.#o.log.warn("admin command failed", { type: command.type, reason: messageOf(error) });
    }
  }
}

/** What the client is told: codes and hints of errors that have them, the text of all. */
function failureOf(error: unknown): AdminFailure {
  const { code, hint } = error as { code?: unknown; hint?: unknown };
  return {
    code: typeof code === "string" ? code : "TF-ADMIN",
    message: messageOf(error),
    hint: typeof hint === "string" ? hint : "",
  };
}
