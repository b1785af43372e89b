/**
 * Connects the presigner to the rooms of a daemon.
 *
 * @module
 */

import { systemRandom } from "../arith/random.ts";
import type { CeremonyEngine } from "../ceremony/engine.ts";
import type { Identity } from "../crypto/identity.ts";
import type { Keystore } from "../keystore/keystore.ts";
import type { Clock } from "../mesh/clock.ts";
import type { Logger } from "../observe/logger.ts";
import type { Desk } from "./desk.ts";
import type { PreParamsSupply } from "./preparams_supply.ts";
import { type Presence, selfFirst } from "./presence.ts";
import { Presigner } from "./presigner.ts";

/** Makes the presigner of a daemon. */
export function makePresigner(rooms: {
  readonly self: Identity;
  readonly clock: Clock;
  readonly log: Logger;
  readonly keystore: Keystore;
  readonly supply: PreParamsSupply;
  readonly engine: CeremonyEngine;
  readonly desk: Desk;
  readonly presence: Presence;
}): Presigner {
  const { self, clock, log, keystore, supply, engine, desk, presence } = rooms;
  return new Presigner({
    self,
    clock,
    random: systemRandom,
    log,
    keys: () => keystore.listKeys(),
    shelf: keystore.presignatures,
    versionOf: (node) => presence.presignVersion(node),
    quorum: (meta, candidates) => {
      const rtt = new Map(presence.peers().map((p) => [p.identity, p.rttMs ?? Infinity]));
      const nearest = [...candidates].sort((a, b) => {
        const [x, y] = [rtt.get(a) ?? Infinity, rtt.get(b) ?? Infinity];
        return x === y ? (a < b ? -1 : 1) : x - y;
      });
      const size = meta.threshold + 1;
      const group = presence.readiness.group(selfFirst(nearest, self), size);
      return group.length === size && group.includes(self) ? group : null;
    },
    initiate: (request) => desk.initiate(request),
    abort: (entry, reason) => desk.abort(entry, reason),
    running: () =>
      desk.ledger.all().filter((e) => e.request.kind === "presign" && e.state === "running"),
    searching: () => supply.awaited,
    announce: () => presence.announce(),
    warm: () => engine.warm(),
  });
}
