import assert from "node:assert/strict";
import type { Identity } from "../../../lib/crypto/identity.ts";
import { ECHO_PROTOCOL } from "../../../lib/node/echoes.ts";
import type { NodeState, ReadinessView } from "../../../lib/node/mutual.ts";
import type { PeerInfo } from "../../../lib/node/peer_directory.ts";
import { linksOf, MAX_LINKS } from "../../../lib/node/status_page/links.ts";
import { fakeIdentity } from "./fake_snapshot.ts";

const [SELF, A, B, C] = [0, 1, 2, 3].map(fakeIdentity) as [Identity, Identity, Identity, Identity];

const UNKNOWN: NodeState = {
  kind: "transfunctioner",
  session: false,
  known: true,
  answeredAgo: null,
  silent: false,
  heardAgo: null,
  told: null,
  banned: null,
};

/** What `to` answered a moment ago about its ways to others: round trips in ms, -1 for silence. */
function told(trips: Record<string, number>): NodeState {
  return {
    ...UNKNOWN,
    answeredAgo: 100,
    heardAgo: 100,
    told: {
      at: 0,
      software: "",
      protocol: ECHO_PROTOCOL,
      preParams: 1,
      presign: 0,
      standing: 0,
      contacts: new Map(
        Object.entries(trips).map(([identity, trip]) => [identity as Identity, {
          identity: identity as Identity,
          kind: "transfunctioner",
          session: trip >= 0,
          known: true,
          age: trip < 0 ? -1n : 10n,
          roundTrip: BigInt(trip),
        }]),
      ),
    },
  };
}

function view(states: Record<string, NodeState>): ReadinessView {
  return { self: SELF, now: 1_000, preParams: 1, state: (id) => states[id] ?? UNKNOWN };
}

const peer = (identity: Identity, more: Partial<PeerInfo>): PeerInfo => ({
  identity,
  address: "",
  self: identity === SELF,
  connected: false,
  live: true,
  reachable: true,
  direction: undefined,
  rttMs: undefined,
  lastSeen: undefined,
  software: undefined,
  ...more,
});

const pair = (a: Identity, b: Identity) => a < b ? { a, b } : { a: b, b: a };

Deno.test("linksOf() joins own sessions, what gossip tells, and round trips that others told", () => {
  const links = linksOf({
    self: SELF,
    records: [
      { identity: A, sessions: [SELF, B] },
      { identity: B, sessions: [A, B] },
    ],
    peers: [
      peer(SELF, {}),
      peer(A, { connected: true, ready: true, rttMs: 3 }),
      peer(B, { ready: true }),
    ],
    view: view({ [A]: told({ [B]: 40 }), [B]: told({}) }),
    groups: [],
  });
  assert.deepEqual(links, [
    { ...pair(SELF, A), session: true, ready: true, reason: "", rtt_ms: 3 },
    { ...pair(A, B), session: true, ready: true, reason: "", rtt_ms: 40 },
  ]);
});

Deno.test("linksOf() shows members of a committee that cannot work together, and why", () => {
  const links = linksOf({
    self: SELF,
    records: [],
    peers: [peer(SELF, {}), peer(A, { connected: true, ready: true, rttMs: 3 })],
    view: view({
      [A]: { ...told({ [B]: -1 }), session: true },
      [B]: { ...told({}), session: true },
      [C]: { ...UNKNOWN, known: false },
    }),
    groups: [[SELF, A, B, C]],
  });
  const ends = ({ a, b }: { a: Identity; b: Identity }) => [a, b].join(" ");
  const broken = new Map(links.filter((l) => l.ready === false).map((l) => [ends(l), l.reason]));
  assert.equal(broken.get(ends(pair(SELF, C))), "nobody has told of it lately");
  assert.match(broken.get(ends(pair(A, B)))!, /has no answer from/);
  assert.equal(broken.size, 2, "an absent member's other pairs tell nothing more");
  assert(links.every((l) => l.session === (l.ready === true)));
});

Deno.test("linksOf() draws no more lines than can be seen, its own first", () => {
  const many = Array.from({ length: 3_000 }, (_, i) => fakeIdentity(i + 10));
  const links = linksOf({
    self: SELF,
    records: [{ identity: A, sessions: many }],
    peers: [peer(A, { connected: true })],
    view: view({}),
    groups: [],
  });
  assert.equal(links.length, MAX_LINKS);
  assert.deepEqual([links[0]!.a, links[0]!.b].sort(), [SELF, A].sort());
});
