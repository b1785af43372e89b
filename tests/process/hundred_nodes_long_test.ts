/**
 * A hundred nodes with real TCP on loopback, in one process, for five minutes. A long test: run by
 * `deno task test:long`.
 */

import assert from "node:assert/strict";
import { systemRandom } from "../../lib/arith/random.ts";
import { NodeIdentity } from "../../lib/crypto/identity.ts";
import { utf8 } from "../../lib/encoding/bytes.ts";
import { systemClock } from "../../lib/mesh/clock.ts";
import { MAINTENANCE_INTERVAL } from "../../lib/mesh/limits.ts";
import { type Incoming, Mesh } from "../../lib/mesh/mesh.ts";
import { signTss } from "../../lib/mesh/tss_command.ts";
import { denoNet } from "../../lib/node/deno_net.ts";
import { type LogFields, type Logger, silentLogger } from "../../lib/observe/logger.ts";

const SIZE = 100;
const MINUTES = 5;

// Real sockets need real time.
const wait = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

Deno.test("a hundred nodes on loopback find each other and stay together for five minutes", async () => {
  const keys = Array.from({ length: SIZE }, () => NodeIdentity.generate(systemRandom));
  const meshes: Mesh[] = [];
  const heard: Incoming[][] = keys.map(() => []);
  /** Why sessions ended, for whoever has to find out why this test failed. */
  const reasons = new Map<string, number>();
  const note = (message: string, fields: LogFields = {}) => {
    if (message !== "session closed") return;
    const reason = String(fields["reason"]);
    reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
  };
  const log: Logger = { ...silentLogger, info: note, child: () => log };
  const why = (what: string) => `${what}; sessions ended: ${JSON.stringify([...reasons])}`;
  // Another test's node may find one of these ports and join; it is not asked for.
  const names = new Set(keys.map((key) => key.identity));
  const known = (mesh: Mesh) => mesh.peers().filter((peer) => names.has(peer.identity)).length;
  const least = () => Math.min(...meshes.map(known));
  try {
    for (const [i, identity] of keys.entries()) {
      const told = i === 0 ? [] : [i - 1, i >> 1, i >> 2];
      const mesh = new Mesh({
        identity,
        net: denoNet,
        clock: systemClock,
        random: systemRandom,
        log,
        config: {
          listen: { host: "127.0.0.1", port: 0 },
          advertise: null,
          connect: [...new Set(told)].map((j) => meshes[j]!.address()),
          peersWanted: 8,
          software: "test",
        },
      });
      mesh.onCommand((incoming) => heard[i]!.push(incoming));
      meshes.push(mesh);
      await mesh.start();
      await wait(50);
    }
    const deadline = performance.now() + 600_000;
    while (least() < SIZE && performance.now() < deadline) await wait(1_000);
    assert.equal(least(), SIZE, why("everybody knows everybody"));

    const end = performance.now() + MINUTES * 60_000;
    const alone = new Map<Mesh, number>();
    while (performance.now() < end) {
      await wait(5_000);
      assert.equal(least(), SIZE, why("nobody is forgotten"));
      for (const mesh of meshes) {
        // On a busy machine one thread for a hundred nodes answers some ping too late.
        if (mesh.sessions().length > 0) alone.delete(mesh);
        else if (!alone.has(mesh)) alone.set(mesh, performance.now());
        const since = alone.get(mesh) ?? performance.now();
        assert(performance.now() - since <= MAINTENANCE_INTERVAL, why("nobody stays alone"));
      }
    }
    assert(meshes.every((mesh) => mesh.sessions().length <= 16), "and it is still sparse");

    // As a ceremony does: what does not arrive is sent again.
    for (let attempt = 0; attempt < 5; attempt++) {
      for (const [i, key] of keys.entries()) {
        const to = (i + 37) % SIZE;
        if (heard[to]!.length > 0) continue;
        const id = new Uint8Array(32).fill(i);
        await meshes[i]!.sendDirectOrSealed(
          keys[to]!.identity,
          signTss(key, id, 3, 1, utf8(`message ${i}`)),
        ).catch(() => {});
      }
      await wait(5_000 * (attempt + 1));
    }
    for (const [to, [incoming]] of heard.entries()) {
      assert.equal(incoming?.sender, keys[(to + SIZE - 37) % SIZE]!.identity, why(`node ${to}`));
    }
  } finally {
    for (const mesh of meshes) await mesh.stop();
    await wait(3_000);
  }
});
