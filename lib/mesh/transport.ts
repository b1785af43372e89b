/**
 * An encrypted connection: key exchange, then frames both ways (specification: mesh section 3).
 *
 * @module
 */

import type { RandomSource } from "../arith/random.ts";
import { BOX_KEY_BYTES, BOX_NONCE_BYTES, x25519Public } from "../crypto/box.ts";
import { concat } from "../encoding/bytes.ts";
import { ByteReader } from "./byte_reader.ts";
import { type Clock, withDeadline } from "./clock.ts";
import { WireError } from "./errors.ts";
import { FRAME_HEADER_BYTES, FrameOpener, FrameSealer } from "./frames.ts";
import {
  agree,
  keyExchangeLine,
  MAX_LINE_BYTES,
  parseKeyExchangeLine,
  type TransportKeys,
} from "./key_exchange.ts";
import type { Connection } from "./net.ts";
import { NonceSequence } from "./nonces.ts";

export { FrameOpener, FrameSealer, MAX_CLEARTEXT_BYTES } from "./frames.ts";

/** Deadline of the whole key exchange, in milliseconds. */
export const KEY_EXCHANGE_MS = 5_000;
/** Deadline of one read during the handshake, in milliseconds. */
export const HANDSHAKE_READ_MS = 4_000;
/** Deadline of one read afterwards: no whole frame in this time ends the session. */
export const SESSION_READ_MS = 37_000;
/** Deadline of writing one frame, in milliseconds. */
export const WRITE_MS = 4_000;
/** Most bytes that may wait to be written: sixteen frames of the largest size. */
export const MAX_BACKLOG_BYTES = 16 * (1 << 20);

/** Frames that wait together are written together up to so many bytes. */
const JOINED_WRITE_BYTES = 64 * 1024;

/** A sealed frame on its way out. */
interface Unwritten {
  readonly frame: Uint8Array;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** What a transport needs of the world. */
export interface TransportOptions {
  readonly clock: Clock;
  /** Draws the ephemeral key, then the nonce key. */
  readonly random: RandomSource;
}

/**
 * One encrypted connection. The first failure of any kind closes it; {@link Transport.fault} then
 * holds the cause.
 */
export class Transport {
  /** The peer's address as the network told it. */
  readonly remote: Connection["remote"];
  /** Own ephemeral public key, as it stood on the wire. */
  readonly ownEphemeral: Uint8Array;
  /** The peer's ephemeral public key, as it stood on the wire. */
  readonly peerEphemeral: Uint8Array;
  readonly #conn: Connection;
  readonly #clock: Clock;
  readonly #reader: ByteReader;
  readonly #sealer: FrameSealer;
  readonly #opener: FrameOpener;
  readonly #unwritten: Unwritten[] = [];
  #writing: Promise<void> | null = null;
  #backlog = 0;
  /** Size of the body that follows next, once its header is opened. */
  #bodySize: number | null = null;
  #receiving = false;
  #fault: WireError | undefined;
  /** Why nothing can be written any more, while what has arrived may still be read. */
  #sendFault: WireError | undefined;

  private constructor(
    parts: {
      conn: Connection;
      clock: Clock;
      reader: ByteReader;
      sealer: FrameSealer;
      opener: FrameOpener;
      ownEphemeral: Uint8Array;
      peerEphemeral: Uint8Array;
    },
  ) {
    this.remote = parts.conn.remote;
    this.ownEphemeral = parts.ownEphemeral;
    this.peerEphemeral = parts.peerEphemeral;
    this.#conn = parts.conn;
    this.#clock = parts.clock;
    this.#reader = parts.reader;
    this.#sealer = parts.sealer;
    this.#opener = parts.opener;
  }

  /**
   * Runs the key exchange as listener.
   *
   * @throws {WireError} kind `key-exchange`, `closed` or `deadline`; the connection is closed then.
   */
  static accept(conn: Connection, options: TransportOptions): Promise<Transport> {
    return Transport.#open(conn, options, "server");
  }

  /**
   * Runs the key exchange as dialler.
   *
   * @throws {WireError} kind `key-exchange`, `closed` or `deadline`; the connection is closed then.
   */
  static connect(conn: Connection, options: TransportOptions): Promise<Transport> {
    return Transport.#open(conn, options, "client");
  }

  static async #open(
    conn: Connection,
    { clock, random }: TransportOptions,
    role: "server" | "client",
  ): Promise<Transport> {
    const ownPrivate = random(BOX_KEY_BYTES);
    try {
      conn.setNoDelay?.(true);
      const reader = new ByteReader(conn);
      const ownEphemeral = x25519Public(ownPrivate);
      const offer = () => writeAll(conn, keyExchangeLine(ownEphemeral));
      const peerEphemeral = await withDeadline(clock, KEY_EXCHANGE_MS, async () => {
        if (role === "server") await offer();
        const key = parseKeyExchangeLine(await reader.line(MAX_LINE_BYTES));
        if (role === "client") await offer();
        return key;
      }, () => {
        conn.close();
        return new WireError("deadline", "Cannot agree on keys: the peer took too long");
      });
      const keys: TransportKeys = agree({
        role,
        ownPrivate,
        ownPublic: ownEphemeral,
        theirPublic: peerEphemeral,
      });
      const [outbound, inbound] = role === "server" ? [keys.s2c, keys.c2s] : [keys.c2s, keys.s2c];
      return new Transport({
        conn,
        clock,
        reader,
        sealer: new FrameSealer(outbound, new NonceSequence(random(BOX_NONCE_BYTES))),
        opener: new FrameOpener(inbound),
        ownEphemeral,
        peerEphemeral,
      });
    } catch (error) {
      conn.close();
      throw asWireError(error);
    } finally {
      ownPrivate.fill(0);
    }
  }

  /** Whether the connection is closed, by either side. */
  get closed(): boolean {
    return this.#fault !== undefined;
  }

  /** Why the connection was closed; undefined while it is open. */
  get fault(): WireError | undefined {
    return this.#fault;
  }

  /** Bytes that wait to be written. */
  get backlog(): number {
    return this.#backlog;
  }

  /**
   * Sends one message as one frame and resolves once the network took it. Messages leave in the
   * order of the calls. After a write that failed no other is tried, because half a frame may have
   * gone out; what the peer sent before it hung up can still be received, so the caller closes. A
   * write that takes longer than {@link WRITE_MS} closes the connection.
   *
   * @throws {WireError} kind `too-large` or `backlog`, which leave the connection open; `closed`
   * or `deadline`.
   */
  async send(cleartext: Uint8Array): Promise<void> {
    this.#checkWritable();
    if (this.#backlog > 0 && this.#backlog + cleartext.length > MAX_BACKLOG_BYTES) {
      throw new WireError("backlog", "Cannot send: too many bytes wait for a slow peer");
    }
    // Sealing at once keeps frames in nonce order and copies the caller's bytes.
    const frame = this.#sealer.seal(cleartext);
    this.#backlog += frame.length;
    await new Promise<void>((resolve, reject) => {
      this.#unwritten.push({ frame, resolve, reject });
      this.#writing ??= this.#writeOut();
    });
  }

  /** Writes until nothing waits; small frames that wait together leave together. */
  async #writeOut(): Promise<void> {
    // What is sent in the same turn belongs to the same write.
    await Promise.resolve();
    while (this.#unwritten.length > 0) {
      let bytes = 0;
      let count = 0;
      for (const { frame } of this.#unwritten) {
        if (count > 0 && bytes + frame.length > JOINED_WRITE_BYTES) break;
        bytes += frame.length;
        count++;
      }
      const batch = this.#unwritten.splice(0, count);
      const frames = batch.map(({ frame }) => frame);
      try {
        await this.#write(count === 1 ? frames[0]! : concat(...frames));
        this.#backlog -= bytes;
        for (const { resolve } of batch) resolve();
      } catch (error) {
        this.#backlog -= bytes;
        for (const { reject } of batch) reject(error);
      }
    }
    this.#writing = null;
  }

  async #write(bytes: Uint8Array): Promise<void> {
    try {
      this.#checkWritable();
      await withDeadline(this.#clock, WRITE_MS, () => writeAll(this.#conn, bytes), () => {
        const fault = new WireError("deadline", "Cannot send: the peer does not read");
        this.#close(fault);
        return fault;
      });
    } catch (error) {
      throw this.#fault ?? (this.#sendFault ??= asWireError(error));
    }
  }

  #checkWritable(): void {
    const fault = this.#fault ?? this.#sendFault;
    if (fault !== undefined) throw fault;
  }

  /**
   * Receives the next message; the bytes belong to the caller. One deadline covers the whole
   * frame. Any failure closes the connection.
   *
   * @param timeoutMs counted from this call.
   * @throws {WireError} kind `frame`, `replay`, `closed` or `deadline`.
   * @throws {TypeError} if another call is still waiting.
   */
  async receive(timeoutMs: number = SESSION_READ_MS): Promise<Uint8Array> {
    if (this.#receiving) throw new TypeError("Cannot receive: another call is still waiting");
    if (this.#fault !== undefined) throw this.#fault;
    this.#receiving = true;
    try {
      // What has arrived needs no deadline: a timer for each frame costs more than a small frame.
      const arrived = this.#arrived();
      if (arrived !== null) return arrived;
      return await withDeadline(this.#clock, timeoutMs, async () => {
        this.#bodySize ??= this.#opener.openHeader(await this.#reader.exactly(FRAME_HEADER_BYTES));
        const body = await this.#reader.exactly(this.#bodySize);
        this.#bodySize = null;
        return this.#opener.openBody(body);
      }, () => {
        const fault = new WireError("deadline", "Cannot receive: the peer was silent too long");
        this.#close(fault);
        return fault;
      });
    } catch (error) {
      throw this.#close(asWireError(error));
    } finally {
      this.#receiving = false;
    }
  }

  /** The next message, if the whole frame is here. */
  #arrived(): Uint8Array | null {
    if (this.#bodySize === null) {
      const header = this.#reader.held(FRAME_HEADER_BYTES);
      if (header === null) return null;
      this.#bodySize = this.#opener.openHeader(header);
    }
    const body = this.#reader.held(this.#bodySize);
    if (body === null) return null;
    this.#bodySize = null;
    return this.#opener.openBody(body);
  }

  /** Resolves once everything handed to {@link send} so far was written or failed. */
  async flushed(): Promise<void> {
    await this.#writing;
  }

  /** Closes the connection; pending sends and receives fail with kind `closed`. */
  close(): void {
    this.#close(new WireError("closed", "The connection is closed"));
  }

  /** Closes once; returns the fault that stands as the cause. */
  #close(fault: WireError): WireError {
    if (this.#fault === undefined) {
      this.#fault = fault;
      this.#conn.close();
      this.#sealer.wipe();
      this.#opener.wipe();
    }
    return this.#fault;
  }
}

async function writeAll(conn: Connection, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) {
    const n = await conn.write(at === 0 ? bytes : bytes.subarray(at));
    if (n <= 0) throw new WireError("closed", "Cannot write: the connection takes no more");
    at += n;
  }
}

/** What the network layer throws means that the connection is gone. */
function asWireError(error: unknown): WireError {
  if (error instanceof WireError) return error;
  return new WireError("closed", "The connection broke", { cause: error });
}
