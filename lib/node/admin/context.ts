/**
 * What every admin method looks at, and the little language of their parameters.
 *
 * @module
 */

import type { RandomSource } from "../../arith/random.ts";
import type { DescribeRequest, ShareDescription } from "../../ceremony/describe.ts";
import { type Identity, type NodeIdentity, parseIdentity } from "../../crypto/identity.ts";
import { fromHex } from "../../encoding/bytes.ts";
import type { Keystore } from "../../keystore/keystore.ts";
import type { Clock } from "../../mesh/clock.ts";
import type { Mesh } from "../../mesh/mesh.ts";
import type { BackupState } from "../backup_watch.ts";
import type { BanBook } from "../ban_book.ts";
import type { Desk } from "../desk.ts";
import { badRequest } from "../errors.ts";
import type { KeyUse } from "../key_use.ts";
import type { PenaltyBook } from "../penalties.ts";
import { MAX_PURPOSE } from "../purposes.ts";
import type { PeerInfo } from "../peer_directory.ts";
import type { Presigner } from "../presigner.ts";
import type { Readiness } from "../readiness.ts";
import type { SupplyState } from "../preparams_supply.ts";
import type { Standings } from "../standings.ts";
import type { ReshareCommit } from "../reshare_commit.ts";

/** What an operator may do to the node's part of the mesh. */
export type AdminNetwork = Pick<Mesh, "peers" | "keepPeer" | "removePeer" | "enforceBans">;

/** Where the admin interface looks. */
export interface AdminContext {
  readonly identity: NodeIdentity;
  readonly adminIdentity: Identity;
  readonly keystore: Keystore;
  readonly desk: Desk;
  readonly peers: () => PeerInfo[];
  readonly network: AdminNetwork;
  /** Whether this process is permitted to connect there. */
  readonly mayDial: (host: string, port: number) => boolean;
  readonly bans: BanBook;
  readonly readiness: Readiness;
  readonly penalties: Pick<PenaltyBook, "weight" | "list">;
  /** How often keys were used lately. */
  readonly keyUse: Pick<KeyUse, "count">;
  /** Attempts at a signature beside the first, unless the caller says otherwise. */
  readonly signRetries: number;
  readonly supply: () => SupplyState;
  readonly backups: () => Promise<BackupState>;
  readonly clock: Clock;
  readonly random: RandomSource;
  readonly startedAt: number;
  readonly listenAddress: () => string;
  readonly adminAddress: () => string;
  readonly consent: string;
  readonly initiators: readonly Identity[];
  readonly debugInitiation: boolean;
  readonly warnings: () => string[];
  /** Tells what is not secret about a stored share; rejects if it cannot be used. */
  readonly describeShare: (request: Omit<DescribeRequest, "self">) => Promise<ShareDescription>;
  readonly resharings: ReshareCommit;
  readonly presigner: Presigner;
  /** Asks members how a ceremony stands with them. */
  readonly standings: Pick<Standings, "ask">;
  /** Longest time an admin may wait for a ceremony by default, in milliseconds. */
  readonly ceremonyTimeoutMs: number;
}

/** Parameters of a call, as read from JSON. */
export type Params = Readonly<Record<string, unknown>>;
/** Takes progress events. */
export type OnEvent = (event: Record<string, unknown>) => void;

/** Reads a text parameter. */
export function text(params: Params, name: string): string {
  const value = params[name];
  if (typeof value !== "string" || value === "") throw badRequest(`${name}: missing`);
  return value;
}

/** Reads a parameter in hex. */
export function hexBytes(params: Params, name: string): Uint8Array {
  try {
    const value = params[name];
    if (typeof value !== "string") throw new SyntaxError();
    return fromHex(value);
  } catch {
    throw badRequest(`${name}: expected hex digits`);
  }
}

/** Reads a whole number within bounds. */
export function integer(params: Params, name: string, min: number, max: number): number {
  const value = params[name];
  if (typeof value !== "number" || !Number.isInteger(value) || value < min || value > max) {
    throw badRequest(`${name}: expected a whole number from ${min} to ${max}`);
  }
  return value;
}

/** Reads a list of identities. */
export function identities(params: Params, name: string): Identity[] {
  const value = params[name];
  if (!Array.isArray(value) || value.length === 0) throw badRequest(`${name}: missing`);
  return value.map((v) => {
    try {
      return parseIdentity(String(v));
    } catch {
      throw badRequest(`${name}: "${v}" is not an identity`, "an identity has 40 hex digits");
    }
  });
}

/** Reads what a request is for, in its operator's words. */
export function purposeOf(params: Params): { readonly purpose?: string } {
  const value = params["purpose"];
  if (value === undefined) return {};
  if (typeof value !== "string" || value.length > MAX_PURPOSE) {
    throw badRequest(`purpose: expected a text of at most ${MAX_PURPOSE} characters`);
  }
  return { purpose: value };
}
