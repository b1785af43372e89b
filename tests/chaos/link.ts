/**
 * A TCP proxy between two nodes that can be cut, slowed down and stalled.
 *
 * @module
 */

/** Longest a chunk waits because of {@link Link.delay}, in milliseconds. */
const MAX_DELAY_MS = 5_000;

/** One link: listens where a node dials, and connects to where the other one listens. */
export class Link {
  readonly #listener: Deno.Listener;
  #target: { readonly hostname: string; readonly port: number } | null = null;
  readonly #connections = new Set<Deno.Conn>();
  readonly #done: Promise<void>;
  #cut = false;
  #delayMs = 0;
  /** Resolved while bytes may pass. */
  #gate: PromiseWithResolvers<void> | null = null;
  /** Bytes passed on. */
  bytes = 0;

  /** Starts listening on a free port of the loopback address. */
  constructor() {
    this.#listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    this.#done = this.#accept();
  }

  /** Where it listens: `host:port`. */
  get address(): string {
    const { hostname, port } = this.#listener.addr as Deno.NetAddr;
    return `${hostname}:${port}`;
  }

  /** Says where connections go, as `host:port`; before that none is accepted. */
  aim(target: string): void {
    const at = target.lastIndexOf(":");
    this.#target = { hostname: target.slice(0, at), port: Number(target.slice(at + 1)) };
  }

  /** Closes all connections and accepts none until {@link heal}. */
  cut(): void {
    this.#cut = true;
    for (const connection of this.#connections) close(connection);
  }

  /** Lets every chunk wait this long. */
  delay(ms: number): void {
    this.#delayMs = Math.min(ms, MAX_DELAY_MS);
  }

  /** Holds all bytes back, with the connections open. */
  stall(): void {
    this.#gate ??= Promise.withResolvers<void>();
  }

  /** Makes it an ordinary link again. */
  heal(): void {
    this.#cut = false;
    this.#delayMs = 0;
    this.#gate?.resolve();
    this.#gate = null;
  }

  /** Ends everything. */
  async close(): Promise<void> {
    this.heal();
    this.cut();
    this.#listener.close();
    await this.#done;
  }

  async #accept(): Promise<void> {
    const passing: Promise<void>[] = [];
    for await (const from of this.#listener) {
      if (this.#cut) close(from);
      else passing.push(this.#pass(from));
    }
    await Promise.all(passing);
  }

  async #pass(from: Deno.Conn): Promise<void> {
    if (this.#target === null) return close(from);
    let to: Deno.Conn;
    try {
      to = await Deno.connect(this.#target);
    } catch {
      return close(from); // The node behind it is down.
    }
    this.#connections.add(from).add(to);
    if (this.#cut) this.cut();
    await Promise.all([this.#pump(from, to), this.#pump(to, from)]);
    this.#connections.delete(from);
    this.#connections.delete(to);
    close(from);
    close(to);
  }

  async #pump(from: Deno.Conn, to: Deno.Conn): Promise<void> {
    const buffer = new Uint8Array(65_536);
    try {
      for (;;) {
        const length = await from.read(buffer);
        if (length === null) break;
        while (this.#gate !== null) await this.#gate.promise;
        if (this.#delayMs > 0) await new Promise((resolve) => setTimeout(resolve, this.#delayMs));
        for (let at = 0; at < length;) at += await to.write(buffer.subarray(at, length));
        this.bytes += length;
      }
      await to.closeWrite();
    } catch {
      // One side is gone; the other learns it.
      close(from);
      close(to);
    }
  }
}

function close(connection: Deno.Conn): void {
  try {
    connection.close();
  } catch {
    // It was closed already.
  }
}
