/**
 * The network as the mesh sees it.
 *
 * @module
 */

/** A byte stream to one peer, in the shape of Deno's connections. */
export interface Connection {
  /** Reads up to `into.length` bytes; resolves with their number, or `null` at the end. */
  read(into: Uint8Array): Promise<number | null>;
  /** Writes some of `bytes`; resolves with how many were taken, at least 1. */
  write(bytes: Uint8Array): Promise<number>;
  /** Closes both directions; pending reads and writes settle. Closing twice does nothing. */
  close(): void;
  /** The peer's address: a textual IP address and a port. */
  readonly remote: { readonly host: string; readonly port: number };
  /** Switches Nagle's algorithm off, where there is one. */
  setNoDelay?(on: boolean): void;
}

/** A bound port that hands over inbound connections. */
export interface Listener {
  /** Where it is bound: the port is the real one, also if 0 was asked for. */
  readonly address: { readonly host: string; readonly port: number };
  /**
   * Waits for the next connection; `null` once the listener is closed. A rejection is a passing
   * fault of the operating system, such as too many open files: accepting may be tried again.
   */
  accept(): Promise<Connection | null>;
  /** Stops listening; a pending accept settles with `null`. Closing twice does nothing. */
  close(): void;
}

/** How a node reaches the network. */
export interface Net {
  /**
   * Binds a TCP port; 0 lets the system choose.
   *
   * @throws {Error} if the address is in use, not ours, or not permitted.
   */
  listen(host: string, port: number): Promise<Listener>;
  /**
   * Connects within `timeoutMs` milliseconds.
   *
   * @throws {Error} if the peer cannot be reached in that time.
   */
  dial(host: string, port: number, timeoutMs: number): Promise<Connection>;
  /** Whether this process is permitted to connect there; left out where everything is. */
  mayDial?(host: string, port: number): boolean;
}
