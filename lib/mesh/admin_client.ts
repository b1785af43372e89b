/**
 * The tools' side of an admin connection.
 *
 * @module
 */

import type { RandomSource } from "../arith/random.ts";
import type { Identity, NodeIdentity } from "../crypto/identity.ts";
import type { Json, JsonInput } from "../encoding/json.ts";
import { AdminLink } from "./admin_link.ts";
import {
  AdminError,
  type AdminMessage,
  type AdminResponse,
  encodeAdminRequest,
} from "./admin_protocol.ts";
import type { Clock } from "./clock.ts";
import { WireError } from "./errors.ts";
import { handshake } from "./handshake.ts";
import { ADMIN_CONNECT_TRIES, DIAL_TIMEOUT } from "./limits.ts";
import type { Net } from "./net.ts";
import { messageOf } from "./session.ts";
import { Transport } from "./transport.ts";

/** How to reach a node's admin port. */
export interface AdminClientOptions {
  /** Host name or IP address. */
  readonly host: string;
  /** TCP port. */
  readonly port: number;
  /** A key on the node's list. */
  readonly key: NodeIdentity;
  /** Reaches the network. */
  readonly net: Net;
  /** Time and timers. */
  readonly clock: Clock;
  /** Draws keys, nonces and jitter. */
  readonly random: RandomSource;
  /** Refuse to talk to any other node than this one. */
  readonly expect?: Identity;
}

interface Pending {
  readonly resolve: (result: Json) => void;
  readonly reject: (error: Error) => void;
  readonly onEvent: ((value: Json) => void) | undefined;
}

/** A connection to a node's admin port. */
export class AdminClient {
  /** The node at the other end, authenticated. */
  readonly node: Identity;
  readonly #self: Identity;
  readonly #link: AdminLink;
  readonly #pending = new Map<string, Pending>();
  #next = 1;
  #gone: AdminError | null = null;

  private constructor(node: Identity, transport: Transport, options: AdminClientOptions) {
    this.node = node;
    this.#self = options.key.identity;
    this.#link = new AdminLink(transport, options.clock, this.#self, {
      message: (message) => this.#message(message),
      ended: (reason) => this.#end(reason),
    });
    this.#link.start();
  }

  /**
   * Connects and proves the key. A node that does not have the key on its list closes right after
   * this; the first call then fails.
   *
   * @throws {AdminError} `TF-ADMIN-CONNECT` if the node cannot be reached or is another one.
   */
  static async connect(options: AdminClientOptions): Promise<AdminClient> {
    const { host, port } = options;
    for (let left = ADMIN_CONNECT_TRIES;; left--) {
      try {
        return await AdminClient.#open(options);
      } catch (error) {
        // The limits of the mesh are for strangers; a node that stood still for a moment is ours.
        if (left > 1 && error instanceof WireError && error.kind === "deadline") continue;
        throw new AdminError(
          "TF-ADMIN-CONNECT",
          `Cannot reach the node at ${host}:${port}: ${messageOf(error)}`,
          "start it with `transfunctioner daemon`, or say where it is with --admin-address",
        );
      }
    }
  }

  static async #open(options: AdminClientOptions): Promise<AdminClient> {
    const { host, port, net, clock, random, key } = options;
    const connection = await net.dial(host, port, DIAL_TIMEOUT);
    const transport = await Transport.connect(connection, { clock, random });
    const { peer } = await handshake(transport, key, { random });
    if (options.expect !== undefined && peer !== options.expect) {
      transport.close();
      throw new Error(`node ${peer} answers there, not ${options.expect}`);
    }
    return new AdminClient(peer, transport, options);
  }

  /**
   * Asks the node something and waits for the answer, however long it takes; events on the way go
   * to `onEvent`.
   *
   * @throws {AdminError} what the node answered, or `TF-ADMIN-CLOSED` if the connection ended.
   */
  call(
    method: string,
    params: JsonInput,
    onEvent?: (value: Json) => void,
  ): Promise<Json> {
    if (this.#gone !== null) return Promise.reject(this.#gone);
    const id = String(this.#next++);
    return new Promise<Json>((resolve, reject) => {
      this.#pending.set(id, { resolve, reject, onEvent });
      void this.#link.send(encodeAdminRequest({ id, method, params }, this.#self))
        .then((written) => {
          if (written || !this.#pending.delete(id)) return;
          reject(this.#gone ?? new AdminError("TF-ADMIN-SIZE", "Cannot send the request"));
        });
    });
  }

  /** Ends the connection; unanswered calls fail. */
  close(): void {
    this.#link.end("closed by this side");
  }

  #message(message: AdminMessage): number {
    if (message.kind === "response") this.#response(message);
    return 0;
  }

  #response({ id, done, result, error }: AdminResponse): void {
    const pending = this.#pending.get(id);
    if (pending === undefined) return;
    if (!done) {
      pending.onEvent?.(result);
      return;
    }
    this.#pending.delete(id);
    if (error === null) pending.resolve(result);
    else pending.reject(new AdminError(error.code, error.message, error.hint));
  }

  #end(reason: string): void {
    this.#gone = new AdminError(
      "TF-ADMIN-CLOSED",
      `The node closed the admin connection: ${reason}`,
      "is that port this node's, and is this key on its admin list? its log says why it closed",
    );
    for (const { reject } of this.#pending.values()) reject(this.#gone);
    this.#pending.clear();
  }
}
