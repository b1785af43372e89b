/**
 * Connects the questions about ceremonies' standings with the rest of a node.
 *
 * @module
 */

import type { RandomSource } from "../arith/random.ts";
import type { Identity } from "../crypto/identity.ts";
import type { Clock } from "../mesh/clock.ts";
import type { Command } from "../mesh/command_types.ts";
import type { Logger } from "../observe/logger.ts";
import type { Desk } from "./desk.ts";
import type { Presence } from "./presence.ts";
import { requestMembers } from "./request.ts";
import type { Restarts } from "./restarts.ts";
import { standingOf, UNKNOWN } from "./standing.ts";
import { type KnownCeremony, Standings } from "./standings.ts";

/** The rooms that are asked. */
export interface StandingRooms {
  readonly self: Identity;
  readonly clock: Clock;
  readonly random: RandomSource;
  readonly log: Logger;
  readonly mesh: { sendSealed(to: Identity, command: Command): Promise<void> };
  readonly presence: Pick<Presence, "answersStandings" | "readiness">;
  readonly desk: { readonly ledger: Pick<Desk["ledger"], "get"> };
  readonly restarts: Pick<Restarts, "lost">;
}

/** Makes the questions and answers of a node. */
export function makeStandings(rooms: StandingRooms): Standings {
  const { self, clock, random, log, mesh, presence } = rooms;
  return new Standings({
    self,
    clock,
    random,
    log,
    sendSealed: (to, command) => mesh.sendSealed(to, command),
    answering: (node) => presence.answersStandings(node),
    probe: (nodes) => presence.readiness.probe(nodes),
    find: (id) => findCeremony(rooms, id),
  });
}

/** A ceremony of this node, also one that the last stop cut off, as it is told to others. */
export function findCeremony(
  { desk, restarts, clock }: Pick<StandingRooms, "desk" | "restarts" | "clock">,
  id: string,
): KnownCeremony | undefined {
  const entry = desk.ledger.get(id);
  if (entry !== undefined) {
    const { request } = entry;
    // Of a request that nobody signed, nobody is known to have made it.
    const requester = entry.unsigned ? [] : [request.requester];
    return {
      audience: [...requestMembers(request), ...requester],
      standing: standingOf(entry, clock.now()),
    };
  }
  const lost = restarts.lost(id);
  if (lost === undefined) return undefined;
  const ageMs = Math.max(0, Math.floor(clock.now() - lost.at * 1000));
  return {
    audience: [...lost.members, lost.requester],
    standing: { ...UNKNOWN, state: "lost", ageMs },
  };
}
