/**
 * The Go service's own admin commands, answered in its format (specification: mesh section 12).
 *
 * @module
 */

import { fromHex, toHex } from "../encoding/bytes.ts";
import type { Clock } from "../mesh/clock.ts";
import type { CeremonyStatus, Command, OutcomeCommand } from "../mesh/command_types.ts";
import type { PeerView } from "../mesh/mesh.ts";
import type { Desk } from "./desk.ts";
import type { Entry } from "./ledger.ts";
import { requestMembers } from "./request.ts";

/** What it asks of the rest of the node. */
export interface GoAdminOptions {
  readonly mesh: { peers(): PeerView[]; addPeer(address: string): Promise<unknown> };
  readonly desk: Desk;
  readonly clock: Clock;
}

/** Outcomes of foreign ceremonies that are remembered; unsigned, so they are only hearsay. */
const MAX_HEARSAY = 256;

/** Answers admin commands of the Go service's client. */
export class GoAdmin {
  readonly #o: GoAdminOptions;
  readonly #hearsay = new Map<string, { command: OutcomeCommand; at: number }>();

  /** Answers from `options`. */
  constructor(options: GoAdminOptions) {
    this.#o = options;
  }

  /** Remembers an announced outcome of a ceremony that this node has no part in. */
  heard(command: OutcomeCommand): void {
    const id = toHex(command.ceremonyId);
    if (this.#o.desk.ledger.get(id) !== undefined || this.#hearsay.has(id)) return;
    if (this.#hearsay.size >= MAX_HEARSAY) {
      this.#hearsay.delete(this.#hearsay.keys().next().value!);
    }
    this.#hearsay.set(id, { command, at: this.#o.clock.now() });
  }

  /** The answer to a command, or null for one that is not an admin command. */
  answer(command: Command): Command | null {
    switch (command.type) {
      case "peer-list-admin":
        return {
          type: "peer-list-admin-response",
          peers: this.#o.mesh.peers().map((p) => ({
            identity: p.identity,
            address: p.address,
            naclPub: p.naclPub,
            version: p.version,
            lastSeen: BigInt(p.lastSeen),
            sessions: p.sessions,
            connected: p.connected,
            live: p.live,
            self: p.self,
          })),
        };
      case "ceremony-status":
        return { type: "ceremony-status-response", ...this.#status(command.ceremonyId) };
      case "ceremony-list":
        return {
          type: "ceremony-list-response",
          ceremonies: [
            ...this.#o.desk.ledger.all().map(entryStatus),
            ...[...this.#hearsay.values()].map(hearsayStatus),
          ],
        };
      case "peer-add":
        if (command.address === "") {
          return { type: "peer-add-response", accepted: false, error: "address required" };
        }
        void this.#o.mesh.addPeer(command.address);
        return { type: "peer-add-response", accepted: true, error: "" };
      default:
        return null;
    }
  }

  #status(ceremonyId: Uint8Array): CeremonyStatus {
    const id = toHex(ceremonyId);
    const entry = this.#o.desk.ledger.get(id);
    if (entry !== undefined) return entryStatus(entry);
    const heard = this.#hearsay.get(id);
    if (heard !== undefined) return hearsayStatus(heard);
    return { ...EMPTY, ceremonyId };
  }
}

const EMPTY: Omit<CeremonyStatus, "ceremonyId"> = {
  found: false,
  ceremonyType: "",
  status: "",
  startTime: 0n,
  keyId: new Uint8Array(0),
  committee: [],
  error: "",
};

function entryStatus(entry: Entry): CeremonyStatus {
  const { request, outcome } = entry;
  const over = outcome !== undefined;
  const failed = outcome?.state === "failed" || outcome?.state === "aborted";
  const result = outcome?.state === "complete" ? outcome.result : undefined;
  return {
    ceremonyId: fromHex(request.id),
    found: true,
    ceremonyType: request.kind,
    status: !over ? "running" : failed ? "failed" : "complete",
    startTime: BigInt(Math.floor(entry.receivedAt / 1000)),
    keyId: request.kind !== "keygen"
      ? fromHex(request.keyId)
      : result === undefined
      ? new Uint8Array(0)
      : result.keyId,
    committee: requestMembers(request),
    error: failed ? outcome.reason : "",
  };
}

function hearsayStatus({ command, at }: { command: OutcomeCommand; at: number }): CeremonyStatus {
  return {
    ...EMPTY,
    ceremonyId: command.ceremonyId,
    found: true,
    ceremonyType: "keygen",
    status: command.success ? "complete" : "failed",
    startTime: BigInt(Math.floor(at / 1000)),
    error: command.error,
  };
}
