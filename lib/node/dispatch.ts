/**
 * Gives each command of the mesh to whoever it concerns.
 *
 * @module
 */

import type { CeremonyEngine } from "../ceremony/engine.ts";
import { toHex } from "../encoding/bytes.ts";
import type { Incoming } from "../mesh/mesh.ts";
import type { Logger } from "../observe/logger.ts";
import type { Desk } from "./desk.ts";
import type { GoAdmin } from "./go_admin.ts";
import type { Restarts } from "./restarts.ts";

/** Who takes commands. */
export interface Rooms {
  readonly engine: Pick<CeremonyEngine, "deliver" | "witness">;
  readonly desk: Pick<Desk, "handleStart" | "handleResponse" | "handleNote">;
  readonly restarts: Pick<Restarts, "heard">;
  readonly goAdmin: Pick<GoAdmin, "heard" | "answer">;
  /** Whether the Go service's debug builds are imitated: admin commands of anybody on loopback. */
  readonly debug: boolean;
  readonly log: Logger;
}

/** Hands a command over. Never throws. */
export function dispatch(incoming: Incoming, rooms: Rooms): void {
  const { command, via, sender } = incoming;
  const { engine, desk, goAdmin, log } = rooms;
  const sealedBy = via === "sealed" ? sender : null;
  switch (command.type) {
    case "tss":
      if (engine.deliver(command, sender) === "early") {
        rooms.restarts.heard(toHex(command.ceremonyId), command.from);
      }
      return;
    case "node-witness":
      if (sealedBy !== null) engine.witness(command, sealedBy);
      return;
    case "keygen":
    case "sign":
    case "reshare":
    case "presign":
    case "presigned-sign":
      desk.handleStart(command, { sealedBy }).catch((error) =>
        log.error("a ceremony request failed", {
          ceremony: toHex(command.ceremonyId),
          kind: command.type,
          reason: String(error),
        })
      );
      return;
    case "keygen-response":
    case "sign-response":
    case "reshare-response":
    case "presign-response":
      if (sealedBy !== null) desk.handleResponse(command, sealedBy);
      return;
    case "ceremony-note":
      if (sealedBy !== null) desk.handleNote(command, sealedBy);
      return;
    case "ceremony-result":
      goAdmin.heard(command);
      return;
    case "peer-list-admin":
    case "ceremony-status":
    case "ceremony-list":
    case "peer-add": {
      // The Go service answers anybody on loopback; here that needs the debug switch as well.
      if (!rooms.debug || !incoming.local || incoming.reply === undefined) return;
      const answer = goAdmin.answer(command);
      if (answer !== null) incoming.reply(answer);
    }
  }
}
