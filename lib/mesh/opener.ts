/**
 * From a bare connection to an encrypted link with a proven peer.
 *
 * @module
 */

import type { RandomSource } from "../arith/random.ts";
import type { NodeIdentity } from "../crypto/identity.ts";
import type { Clock } from "./clock.ts";
import { handshake, type HandshakeResult } from "./handshake.ts";
import type { Connection } from "./net.ts";
import type { FrameLink } from "./session.ts";
import { Transport } from "./transport.ts";

/** A link and who is at its other end. */
export interface OpenLink {
  /** What the handshake proved. */
  readonly result: HandshakeResult;
  /** Carries frames. */
  readonly link: FrameLink;
}

/**
 * Opens a link over a connection, which it closes when it fails. Anything but
 * {@link encryptedLinks} is for simulations: nothing else proves who the peer is.
 */
export type LinkOpener = (connection: Connection, role: "client" | "server") => Promise<OpenLink>;

/** Links as the wire has them: key exchange, handshake, sealed frames. */
export function encryptedLinks(options: {
  /** The node's key. */
  readonly identity: NodeIdentity;
  /** Time and timers. */
  readonly clock: Clock;
  /** Draws keys, nonces and challenges. */
  readonly random: RandomSource;
  /** What `hello.options` announces. */
  readonly announce: ReadonlyMap<string, string>;
}): LinkOpener {
  const { identity, clock, random, announce } = options;
  return async (connection, role) => {
    const open = role === "server" ? Transport.accept : Transport.connect;
    const link = await open(connection, { clock, random });
    return { result: await handshake(link, identity, { random, announce }), link };
  };
}
