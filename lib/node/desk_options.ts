/**
 * What a desk is made of.
 *
 * @module
 */

import type { Ceremony } from "../ceremony/ceremony.ts";
import type { CeremonySpec } from "../ceremony/spec.ts";
import type { Identity } from "../crypto/identity.ts";
import type { CeremonyJournal } from "../keystore/journal.ts";
import type { Clock } from "../mesh/clock.ts";
import type { Command } from "../mesh/command_types.ts";
import type { Logger } from "../observe/logger.ts";
import type { Audit } from "./audit.ts";
import type { ConsentRule } from "./consent.ts";
import type { KeyUse } from "./key_use.ts";
import type { PenaltyBook } from "./penalties.ts";
import type { Policy } from "./policy.ts";
import type { ReshareCommit } from "./reshare_commit.ts";
import type { ShareBook } from "./share_book.ts";
import type { Tasks } from "./tasks.ts";

/** What the desk needs of the mesh. */
export interface DeskMesh {
  /** Seals a command to a member and sends it along whatever path there is. */
  sendSealed(to: Identity, command: Command): Promise<void>;
  /** Floods a broadcast command. */
  broadcast(command: Command): void;
  /** Whether a node is known to read notes about ceremonies; to others none may be sent. */
  readsNotes(identity: Identity): boolean;
}

/** What the desk needs of the ceremony engine. */
export interface DeskEngine {
  /** @throws {CeremonyRefused} */
  start(spec: CeremonySpec): Ceremony;
  /** Keeps messages of `members` about a ceremony that is still to be approved, until `until` (ms). */
  expect(id: string, members: readonly Identity[], until: number): void;
  /** Drops what was kept. */
  unexpect(id: string): void;
}

/** Everything a desk is made of. */
export interface DeskOptions {
  readonly self: Identity;
  readonly mesh: DeskMesh;
  readonly engine: DeskEngine;
  readonly shares: ShareBook;
  /** Remembers what is under way, so that a crash can be told. */
  readonly journal: Pick<CeremonyJournal, "begin" | "end">;
  /** Decides when the new share of a resharing becomes current. */
  readonly resharings: ReshareCommit;
  /** Members that made ceremonies fail. */
  readonly penalties: Pick<PenaltyBook, "note" | "forgive">;
  /** Gets all that goes on by itself and may write. */
  readonly tasks: Pick<Tasks, "add">;
  readonly clock: Clock;
  readonly log: Logger;
  readonly initiators: ReadonlySet<Identity>;
  readonly consent: ConsentRule;
  /** Decides about requests before a person does; null for none. */
  readonly policy: Policy | null;
  readonly audit: Pick<Audit, "request" | "refused" | "approved" | "denied" | "outcome">;
  /** What each key may be used for. */
  readonly keyUse: Pick<KeyUse, "check" | "take">;
  /** The curve of a key that is stored here; undefined for others. */
  readonly curveOf: (keyId: string) => Promise<string | undefined>;
  /** Take part in requests that nobody signed; for meshes with debug builds of the Go service. */
  readonly debugInitiation: boolean;
  /** How long a request waits for approval, in milliseconds. */
  readonly approvalMs: number;
}
