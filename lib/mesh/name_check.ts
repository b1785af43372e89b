/**
 * Where DNS comes in: whether a name in the DNS vouches for an identity (specification: mesh
 * section 11). The parsers are in `dns_txt.ts`; the look-ups need the network.
 *
 * @module
 */

import type { Identity } from "../crypto/identity.ts";

/** Checks identities against the DNS. Both methods resolve with why to refuse, or `null`. */
export interface NameCheck {
  /** A peer from `remoteHost` showed `identity` to our listener. */
  inbound(remoteHost: string, identity: Identity): Promise<string | null>;
  /** The peer dialled as `target` (`host:port`), reached at `remoteHost`, showed `identity`. */
  outbound(target: string, remoteHost: string, identity: Identity): Promise<string | null>;
  /** Why `target` (`host:port`) would be refused whoever answers there, or `null`: saves the dial. */
  refusesTarget?(target: string): string | null;
}

/** Mode `off`: everybody passes. */
export const noNameCheck: NameCheck = {
  inbound: () => Promise.resolve(null),
  outbound: () => Promise.resolve(null),
};
