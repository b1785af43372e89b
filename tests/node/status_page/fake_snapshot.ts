/**
 * Made-up states of a node for tests of the page's looks: meshes of any size, the same each time.
 *
 * @module
 */

import type { Identity } from "../../../lib/crypto/identity.ts";
import type { Link } from "../../../lib/node/status_page/links.ts";
import type { Snapshot } from "../../../lib/node/status_page/snapshot.ts";
import { sha256 } from "@noble/hashes/sha2.js";
import { toHex } from "../../../lib/encoding/bytes.ts";

/** The name of the made-up node `i`. */
export function fakeIdentity(i: number): Identity {
  return toHex(sha256(new TextEncoder().encode(`node ${i}`))).slice(0, 40) as Identity;
}

/** A mesh of `size` nodes with `degree` neighbours each; node 0 is the one that is asked. */
export function fakeSnapshot(size: number, degree: number): Snapshot {
  const ids = Array.from({ length: size }, (_, i) => fakeIdentity(i));
  const pairs = new Map<string, [number, number]>();
  const join = (a: number, b: number) => {
    if (a !== b) pairs.set(`${Math.min(a, b)} ${Math.max(a, b)}`, [Math.min(a, b), Math.max(a, b)]);
  };
  for (let i = 0; i < size; i++) {
    // By the digits of its name, each node has chosen some others: no symmetry to speak of.
    for (let k = 0; k < degree / 2; k++) {
      join(i, degree >= size ? k : parseInt(ids[i]!.slice(2 * k, 2 * k + 4), 16) % size);
    }
    if (degree >= size) { for (let j = 0; j < i; j++) join(i, j); }
  }
  const links = [...pairs.values()].map(([a, b], i): Link => {
    const [first, second] = ids[a]! < ids[b]! ? [ids[a]!, ids[b]!] : [ids[b]!, ids[a]!];
    const ready = (a === 0 && i % 7 === 6) ? false : i % 11 === 10 ? null : true;
    return {
      a: first,
      b: second,
      session: true,
      ready,
      reason: ready === false ? "no answer for 12 s" : "",
      rtt_ms: 0.4 + (i * 37 % 90),
    };
  });
  const own = (id: Identity) =>
    id === ids[0]
      ? undefined
      : links.find((l) => [l.a, l.b].includes(ids[0]!) && [l.a, l.b].includes(id));
  const committee = ids.slice(0, Math.min(size, 5));
  return {
    schema: "transfunctioner/status-page/1",
    now: Date.UTC(2026, 0, 1),
    node: {
      identity: ids[0]!,
      version: "0.1.0",
      started_at: "2026-01-01T00:00:00.000Z",
      uptime_ms: 93_784_000,
      listen: "0.0.0.0:45067",
      consent: "manual",
    },
    ready: true,
    reasons: [],
    warnings: [],
    totals: {
      sessions: ids.filter((id) => own(id)).length,
      peers_known: size - 1,
      peers_ready: ids.filter((id) => own(id)?.ready === true).length,
      bans: 0,
    },
    pre_params: { ready: 1, wanted: 2, making: true, found: 3, of: 4 },
    peers: ids.map((identity, i) => {
      const link = own(identity);
      return {
        identity,
        self: i === 0,
        address: `node-${i}.example.com:45067`,
        connected: link !== undefined,
        direction: "outbound",
        rtt_ms: link?.rtt_ms ?? undefined,
        ready: link?.ready ?? (i % 3 === 0 ? undefined : true),
        not_ready: link?.reason === "" ? undefined : link?.reason,
        software: i % 9 === 4 ? "go" : "transfunctioner",
        version: i % 9 === 4 ? undefined : "transfunctioner 0.1.0",
        pre_params: i % 3,
        session_ms: 1_000 * (i + 1) ** 3,
        bytes_in: 1_200 * (i + 1) ** 2,
        bytes_out: 900 * (i + 1) ** 2,
      };
    }),
    links,
    keys: size < 3 ? [] : [{
      key_id: "2beb1c80ee511d03ad19e25b99b756d7",
      curve: "secp256k1",
      public_key: "02" + "3b".repeat(32),
      encodings: {},
      committee,
      threshold: 1,
      generation: 0,
      status: "active",
      created_at: "2025-12-01T10:00:00.000Z",
      live: committee.length,
      needed: 2,
      can_sign: true,
    }],
    ceremonies: { complete: 0, failed: 0, running: 0, waiting: 0, list: [] },
  };
}
