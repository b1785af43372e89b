/**
 * Hostile connections to a real daemon over real TCP: each is closed, the log says why once, and an
 * honest peer's session and pings never notice (attacks F1 to F5, G7; weaknesses mesh 18, 27, 28).
 */

import assert from "node:assert/strict";
import { secretboxSeal } from "../../lib/crypto/box.ts";
import { concat, toBase64, u32be, utf8 } from "../../lib/encoding/bytes.ts";
import { encodeOneHop } from "../../lib/mesh/envelope.ts";
import { systemRandom } from "../../lib/arith/random.ts";
import { AdminClient } from "../../lib/mesh/admin_client.ts";
import { systemClock } from "../../lib/mesh/clock.ts";
import { denoNet } from "../../lib/node/deno_net.ts";
import { Cluster } from "../process/cluster.ts";
import { quickest } from "../support/quickest.ts";
import {
  attackerKey,
  pingDuring,
  pingText,
  RawLink,
  residentMiB,
  type Target,
  TcpPeer,
} from "./tcp_peer.ts";
import { LOW_ORDER_X25519 } from "./edge_points.ts";

const line = (key: Uint8Array, version = 2) =>
  utf8(`{"version":${version},"publickey":"${toBase64(key)}"}\n`);
const some = attackerKey("some");

/** First bytes that are no key exchange. */
const OPENINGS: readonly [string, Uint8Array][] = [
  ["an HTTP request", utf8("GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")],
  ["a TLS hello", Uint8Array.of(0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3, 0x0a)],
  ["zero bytes", new Uint8Array(5_000)],
  ["a line without end", new Uint8Array(100_000).fill(0x20)],
  ["transport version 1", line(some.naclPublic, 1)],
  ["a number as key", utf8('{"version":2,"publickey":5}\n')],
  ["deep JSON", utf8(`{"version":2,"publickey":${"[".repeat(3_000)}\n`)],
  ["a giant version", utf8(`{"version":${"9".repeat(4_000)},"publickey":""}\n`)],
  ["an uncompressed P-256 key", line(concat(Uint8Array.of(4), systemRandom(64)))],
  ...LOW_ORDER_X25519.map(([name, point]): [string, Uint8Array] => [name, line(point)]),
];

/** Bytes after an honest key exchange, made with the connection's key. */
const FRAMES: readonly [
  string,
  (key: Uint8Array, seal: (c: Uint8Array) => Uint8Array) => Uint8Array,
][] = [
  ["noise", () => systemRandom(300)],
  ["a wrong tag", (_, seal) => {
    const frame = seal(utf8("{}"));
    frame[30]! ^= 1;
    return frame;
  }],
  ["a body of 2^32 - 1 bytes", (key) => header(key, 0xffff_ffff)],
  ["a body of 1 MiB and 1 byte", (key) => header(key, (1 << 20) + 1)],
  ["an empty body", (key) => header(key, 0)],
  ["a body of 40 bytes", (key) => header(key, 40)],
  ["no envelope", (_, seal) => seal(utf8("hello"))],
  [
    "a command before the handshake",
    (_, seal) => seal(encodeOneHop({ type: "peer-list-request" }, some.identity)),
  ],
  [
    "an answer to a challenge that it never made",
    (_, seal) =>
      seal(encodeOneHop({ type: "hello-response", signature: new Uint8Array(65) }, some.identity)),
  ],
];

function header(key: Uint8Array, size: number): Uint8Array {
  const nonce = systemRandom(24);
  return concat(nonce, secretboxSeal(u32be(size), nonce, key));
}

Deno.test("a daemon closes hostile connections and keeps honest ones", async (t) => {
  await using cluster = await Cluster.create({ size: 1, env: () => ({ TRF_PEERS_WANTED: "32" }) });
  const [node] = cluster.nodes;
  await node!.start();
  await cluster.until("the daemon runs", () => Promise.resolve(node!.log.includes("node started")));
  const [host, port] = node!.options.listen.split(":");
  const target: Target = { host: host!, port: Number(port) };
  const honest = await TcpPeer.reach(target, attackerKey("honest"));
  await honest.ping();
  /** Shows that the honest session never noticed. */
  const unharmed = async () => {
    const took = await quickest(1_000, () => honest.ping());
    assert.ok(took < 1_000, `${took} ms`);
    assert.equal(honest.ended, false);
  };
  /** Waits until the log, which is read beside all this, has a line. */
  const logs = (line: RegExp) =>
    cluster.until(`the log has ${line}`, () => Promise.resolve(line.test(node!.log)));

  const refused = (name: string, attack: (link: RawLink) => Promise<unknown>, within = 2_000) =>
    t.step(name, async () => {
      const after = await quickest(within, async () => {
        const link = await RawLink.open(target);
        try {
          await attack(link);
          return await link.closed();
        } finally {
          link.close();
        }
      });
      assert.ok(after < within, `closed only after ${after} ms`);
      await unharmed();
    });

  try {
    for (const [name, bytes] of OPENINGS) {
      await refused(`opening with ${name}`, (link) => link.write(bytes));
    }
    for (const [name, make] of FRAMES) {
      await refused(`a frame with ${name}`, async (link) => {
        const { sealer, key } = await link.keys();
        await link.write(make(key, (cleartext) => sealer.seal(cleartext)));
      });
    }

    await t.step("a session whose frames are replayed ends", async () => {
      const link = await RawLink.open(target);
      const { peer, written } = await link.session(attackerKey("replayer"));
      await peer.ping();
      const frames = written.slice(-1)[0]!;
      assert.equal(peer.ended, false);
      await link.write(frames);
      await cluster.until("the replayer is out", () => Promise.resolve(peer.ended));
      await logs(/received before/);
    });

    await t.step("a hundred silent connections keep nobody out", async () => {
      const before = await residentMiB(node!.pid!);
      const links = await Promise.all(Array.from({ length: 100 }, () => RawLink.open(target)));
      let over = false;
      const drip = (async () => {
        for (let i = 0; i < 8; i++) {
          await Promise.all(links.map((l) => l.write(Uint8Array.of(0x7b))));
          await new Promise((resolve) => setTimeout(resolve, 100));
        }
        over = true;
      })();
      const pinged = await pingDuring(honest, node!.pid!, () => over);
      await drip;
      assert.ok(pinged.busiest < 1_000 && pinged.slowest < 1_000, pingText(pinged));
      // They share the loopback address with everybody else here; their slots are given up after
      // the key exchange's five seconds.
      await Promise.all(links.map((l) => l.closed()));
      for (const l of links) l.close();
      const late = await TcpPeer.reach(target, attackerKey("late"));
      await late.ping();
      late.close();
      assert.ok(await residentMiB(node!.pid!) - before < 100);
    });

    await t.step("the admin port takes no key that is not on the list", async () => {
      const [adminHost, adminPort] = node!.options.admin.split(":");
      for (const key of [some, attackerKey("honest")]) {
        await assert.rejects(async () => {
          const client = await AdminClient.connect({
            host: adminHost!,
            port: Number(adminPort),
            key,
            net: denoNet,
            clock: systemClock,
            random: systemRandom,
          });
          await client.call("status", {});
        });
      }
      await logs(/admin connection refused: the key is not on the list/);
    });

    await t.step("a browser's request to the admin port gets no answer", async () => {
      const [adminHost, adminPort] = node!.options.admin.split(":");
      const link = await RawLink.open({ host: adminHost!, port: Number(adminPort) });
      await link.write(
        utf8("POST /status HTTP/1.1\r\nHost: evil.example\r\nOrigin: http://evil.example\r\n\r\n"),
      );
      const said = await link.text();
      link.close();
      assert.match(said, /^\{"version":2,"publickey":"[A-Za-z0-9+/=]{44}"\}\n$/);
    });

    await unharmed();
    assert.equal(node!.running, true);
    assert.doesNotMatch(node!.log, /Uncaught|unhandled|at file:/i);
  } finally {
    honest.close();
  }
});
