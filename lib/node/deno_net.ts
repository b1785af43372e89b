/**
 * The mesh's network over Deno's TCP.
 *
 * @module
 */

import { joinHostPort } from "../mesh/records.ts";
import type { Connection, Listener, Net } from "../mesh/net.ts";

/** A byte stream of the runtime. */
class DenoConnection implements Connection {
  readonly #conn: Deno.Conn;
  readonly remote: { readonly host: string; readonly port: number };
  #closed = false;

  constructor(conn: Deno.Conn, remote: { readonly host: string; readonly port: number }) {
    this.#conn = conn;
    this.remote = remote;
  }

  read(into: Uint8Array): Promise<number | null> {
    return this.#conn.read(into);
  }

  write(bytes: Uint8Array): Promise<number> {
    return this.#conn.write(bytes);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    try {
      this.#conn.close();
    } catch {
      // Closed under us by the runtime: nothing is left to release.
    }
  }
}

class TcpConnection extends DenoConnection {
  readonly #conn: Deno.TcpConn;

  constructor(conn: Deno.TcpConn) {
    super(conn, { host: conn.remoteAddr.hostname, port: conn.remoteAddr.port });
    this.#conn = conn;
    try {
      // Frames are whole messages: waiting to fill a segment only delays rounds.
      conn.setNoDelay(true);
      // Idle time is the system's; the mesh's own pings find dead peers much sooner.
      conn.setKeepAlive(true);
    } catch {
      // The peer is gone already; the first read will say so.
    }
  }

  setNoDelay(on: boolean): void {
    this.#conn.setNoDelay(on);
  }
}

class TcpListener implements Listener {
  readonly #listener: Deno.TcpListener;
  readonly address: { readonly host: string; readonly port: number };
  #closed = false;

  constructor(listener: Deno.TcpListener) {
    this.#listener = listener;
    this.address = { host: listener.addr.hostname, port: listener.addr.port };
  }

  async accept(): Promise<Connection | null> {
    if (this.#closed) return null;
    try {
      return new TcpConnection(await this.#listener.accept());
    } catch (error) {
      if (this.#closed || error instanceof Deno.errors.BadResource) return null;
      throw error;
    }
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    try {
      this.#listener.close();
    } catch {
      // Closed under us by the runtime: nothing is left to release.
    }
  }
}

/** TCP through Deno, with Nagle's algorithm off and keep-alive on. Needs `--allow-net`. */
export const denoNet: Net = {
  listen(host, port) {
    // An async wrapper: a permission or address error becomes a rejection.
    return Promise.resolve().then(() =>
      new TcpListener(Deno.listen({ hostname: host, port, transport: "tcp" }))
    );
  },

  async dial(host, port, timeoutMs) {
    const abort = new AbortController();
    const timer = setTimeout(
      () => abort.abort(new Error(`no answer within ${timeoutMs} ms`)),
      timeoutMs,
    );
    try {
      return new TcpConnection(
        await Deno.connect({ hostname: host, port, transport: "tcp", signal: abort.signal }),
      );
    } finally {
      clearTimeout(timer);
    }
  },

  mayDial(host, port) {
    const { state } = Deno.permissions.querySync({
      name: "net",
      host: joinHostPort(host, `${port}`),
    });
    return state === "granted";
  },
};

/**
 * Connects to a Unix socket. Needs permission to read and write its path, and `--allow-net` for
 * `unix:PATH`.
 *
 * @throws {Error} if nobody listens there.
 */
export async function dialUnix(path: string): Promise<Connection> {
  const conn = await Deno.connect({ transport: "unix", path });
  return new DenoConnection(conn, { host: path, port: 0 });
}
