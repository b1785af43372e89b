import assert from "node:assert/strict";
import { Ceremony } from "../../lib/ceremony/ceremony.ts";
import type { SignSpec } from "../../lib/ceremony/spec.ts";
import type { Identity } from "../../lib/crypto/identity.ts";
import type { SessionView } from "../../lib/mesh/mesh.ts";
import { AbsenceWatch, PATIENCE, STALE_SESSION } from "../../lib/node/absence.ts";
import type { NodeState } from "../../lib/node/mutual.ts";
import { VirtualClock } from "../support/virtual_clock.ts";

const id = (n: number) => n.toString(16).padStart(40, "0") as Identity;
const [SELF, A, B] = [id(1), id(2), id(3)];
/** How long a probe takes when nobody answers, ms. */
const PROBE = 4_000;

function world() {
  const clock = new VirtualClock();
  const sessions = new Map<Identity, number>();
  const answering = new Set([A, B]);
  const lost: string[] = [];
  let watcher = (_peer: Identity, _up: boolean) => {};
  let probes = 0;
  const state = (identity: Identity): NodeState => ({
    kind: "transfunctioner",
    session: sessions.has(identity),
    known: true,
    answeredAgo: answering.has(identity) ? 0 : null,
    silent: !answering.has(identity),
    heardAgo: 0,
    told: null,
    banned: null,
  });
  const watch = new AbsenceWatch({
    clock,
    sessions: () =>
      [...sessions].map(([identity, lastSeen]) => ({ identity, lastSeen }) as SessionView),
    onSession: (w) => {
      watcher = w;
      return () => watcher = () => {};
    },
    readiness: {
      view: () => ({ self: SELF, now: clock.now(), preParams: 0, state }),
      probe: async (nodes) => {
        probes++;
        if (nodes.every((n) => answering.has(n))) return;
        await new Promise<void>((resolve) => clock.setTimer(PROBE, resolve));
      },
    },
  });
  const spec: SignSpec = {
    kind: "sign",
    curve: "secp256k1",
    id: new Uint8Array(32),
    keyId: new Uint8Array(16),
    committee: [SELF, A, B],
    threshold: 2,
    message: new Uint8Array(32),
    publicKey: new Uint8Array(64),
    share: new Uint8Array(1),
  };
  const ceremony = new Ceremony(spec, clock.now(), {
    onAbort: () => {},
    onHold: () => {},
    onRefusal: () => {},
    onLost: (member, why) => {
      lost.push(`${member} ${why}`);
      ceremony.finish({ state: "aborted", reason: why }, clock.now());
    },
    onListenerError: (error) => assert.fail(String(error)),
  });
  const await_ = (...members: Identity[]) =>
    ceremony.move({ round: 1, step: "waiting", waitingFor: members });
  const cut = (peer: Identity) => {
    sessions.delete(peer);
    watcher(peer, false);
  };
  return { clock, sessions, answering, lost, watch, ceremony, await_, cut, probes: () => probes };
}

Deno.test("AbsenceWatch notices within seconds that an awaited member's session is gone", async () => {
  const w = world();
  w.sessions.set(A, w.clock.now()).set(B, w.clock.now());
  w.watch.watch(w.ceremony);
  w.await_(A);
  w.answering.delete(A);
  w.cut(A);
  await w.clock.advance(PROBE + 1_000);
  assert.equal(w.lost.length, 1);
  assert.match(w.lost[0]!, new RegExp(`^${A} cannot be reached`));
  await w.clock.advance(60_000);
  assert.equal(w.clock.pending, 0);
});

Deno.test("AbsenceWatch leaves a member alone that answers by another way or comes back", async () => {
  const w = world();
  w.sessions.set(A, w.clock.now()).set(B, w.clock.now());
  w.watch.watch(w.ceremony);
  w.await_(A, B);
  w.cut(A);
  w.answering.delete(B);
  w.cut(B);
  await w.clock.advance(2_000);
  w.sessions.set(B, w.clock.now());
  w.answering.add(B);
  await w.clock.advance(10_000);
  assert.deepEqual(w.lost, []);
  assert(w.probes() > 2);
  w.watch.stop();
});

Deno.test("AbsenceWatch asks nobody whom the ceremony does not wait for", async () => {
  const w = world();
  w.sessions.set(A, w.clock.now());
  w.watch.watch(w.ceremony);
  w.answering.clear();
  w.cut(A);
  await w.clock.advance(60_000);
  assert.equal(w.probes(), 0);
  assert.deepEqual(w.lost, []);
  w.watch.stop();
});

Deno.test("AbsenceWatch needs several silences of a member that has a session or never had one", async () => {
  const far = world();
  far.watch.watch(far.ceremony);
  far.answering.delete(A);
  far.await_(A);
  await far.clock.advance(PATIENCE + 2 * PROBE);
  assert.deepEqual(far.lost, []);
  await far.clock.advance(2 * PROBE);
  assert.equal(far.lost.length, 1);

  const frozen = world();
  frozen.sessions.set(A, frozen.clock.now());
  frozen.watch.watch(frozen.ceremony);
  frozen.answering.delete(A);
  frozen.await_(A);
  await frozen.clock.advance(STALE_SESSION + 2 * PROBE);
  assert.deepEqual(frozen.lost, []);
  await frozen.clock.advance(2 * PROBE);
  assert.equal(frozen.lost.length, 1);
});

Deno.test("AbsenceWatch does not call a member gone whose session brings anything", async () => {
  const w = world();
  w.sessions.set(A, w.clock.now());
  w.watch.watch(w.ceremony);
  w.answering.delete(A);
  w.await_(A);
  for (let i = 0; i < 40; i++) {
    await w.clock.advance(STALE_SESSION - 5_000);
    w.sessions.set(A, w.clock.now());
  }
  assert.deepEqual(w.lost, []);
  w.watch.stop();
});
