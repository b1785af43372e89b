/**
 * What a daemon is started with.
 *
 * @module
 */

import type { WorkerFactory } from "../ceremony/worker_host.ts";
import type { Identity } from "../crypto/identity.ts";
import type { FileLayer } from "../keystore/files.ts";
import type { Keystore } from "../keystore/keystore.ts";
import type { Clock } from "../mesh/clock.ts";
import type { DnsMode } from "../mesh/dns_check.ts";
import type { Net } from "../mesh/net.ts";
import type { Resolver } from "../mesh/resolver.ts";
import type { Logger } from "../observe/logger.ts";
import type { Address } from "./config_values.ts";
import type { PolicyTarget } from "./policy.ts";

/** How a node is set up; `lib/node/config.ts` reads it from flags, variables and the file. */
export interface DaemonSettings {
  readonly listen: Address | null;
  /** Host name that others can dial, or null. */
  readonly hostname: string | null;
  readonly connect: readonly string[];
  readonly peersWanted: number;
  /** Sessions that strangers from one address may hold. */
  readonly sessionsPerAddress: number;
  /** Asked for peers while there is no session. */
  readonly seeds: readonly string[];
  readonly dns: DnsMode;
  /** Name server to ask, or null for the system's. */
  readonly dnsServer: Address | null;
  readonly admin: Address;
  /** Keys besides the keystore's own admin key that may use the admin listener. */
  readonly adminKeys: readonly Identity[];
  readonly metrics: Address | null;
  /** Serve the status page on the metrics listener. */
  readonly statusPage: boolean;
  readonly initiators: readonly Identity[];
  readonly consent: "auto" | "manual";
  /** A program that is asked about each request, or null. */
  readonly consentUrl: PolicyTarget | null;
  readonly consentTimeoutMs: number;
  /** Folder inside the home directory where transcripts are kept, or null. */
  readonly transcripts: string | null;
  readonly debugInitiation: boolean;
  readonly roundTimeoutMs: number;
  readonly ceremonyTimeoutMs: number;
  /** Attempts at a signature beside the first. */
  readonly signRetries: number;
}

/** What a node needs of the world. */
export interface DaemonWorld {
  readonly keystore: Keystore;
  readonly net: Net;
  readonly log: Logger;
  readonly clock?: Clock;
  /** Default: Deno's, with the settings' name server. */
  readonly resolver?: Resolver;
  /** Where bans and the record of the last backup are kept; default: the disk. */
  readonly files?: FileLayer;
  /** Starts workers; default: real ones, see `loadWorkers`. */
  readonly workers?: WorkerFactory;
}
