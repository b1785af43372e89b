/**
 * What a stranger can make this node do for nothing, and the limits that stop it (weaknesses mesh
 * 20, 23, 26; attacks E7, E8, E10). The floods over real sockets are in daemon_flood_test.ts.
 */

import assert from "node:assert/strict";
import { parseJson } from "../../lib/encoding/json.ts";
import { CeremonyEngine } from "../../lib/ceremony/engine.ts";
import { utf8 } from "../../lib/encoding/bytes.ts";
import type { Clock } from "../../lib/mesh/clock.ts";
import { encodeEnvelope } from "../../lib/mesh/envelope.ts";
import { Session } from "../../lib/mesh/session.ts";
import { signTss } from "../../lib/mesh/tss_command.ts";
import { collectingLogger } from "../../lib/observe/logger.ts";
import { VirtualClock } from "../support/virtual_clock.ts";
import { inWorld, keyOf } from "../mesh/node_kit.ts";

Deno.test("parseJson() refuses a megabyte of tiny values before it costs memory", () => {
  for (const item of ["{}", "[]", "0", "null", '""', '{"a":0}']) {
    const text = `[${Array(Math.floor((1 << 20) / (item.length + 1))).fill(item).join(",")}]`;
    assert.throws(() => parseJson(text), /too many values/, item);
  }
  const many = `[${Array(65_535).fill("0").join(",")}]`;
  assert.equal((parseJson(many) as unknown[]).length, 65_535);
  assert.throws(() => parseJson("[0,0]", { values: 2 }), /too many values/);
});

Deno.test("a peer list of a megabyte of empty records closes the session", () =>
  inWorld(async (world) => {
    const node = world.node("target");
    await world.start();
    const raw = await world.raw("mallory", node);
    const body = utf8(`{"peers":[${"{},".repeat(340_000)}{}]}`);
    await raw.transport.send(
      encodeEnvelope({ payloadType: "peer-list-response", origin: raw.key.identity, ttl: 1 }, body),
    );
    await world.clock.settle();
    assert.equal(raw.ended, true);
    assert.equal(node.mesh.sessions().length, 0);
  }));

Deno.test("messages of invented ceremonies cost no signature check and little memory", () => {
  const clock = new VirtualClock();
  const log = collectingLogger();
  const mallory = keyOf("mallory");
  const engine = new CeremonyEngine({
    identity: keyOf("target"),
    clock,
    workers: () => assert.fail("no worker may start"),
    send: () => assert.fail("nothing may be sent"),
    log,
    storeKey: new Uint8Array(32),
  });
  const command = signTss(mallory, new Uint8Array(32), 1, 1, new Uint8Array(1000));
  let kept = 0;
  let signaturesRead = 0;
  for (let i = 0; i < 5_000; i++) {
    const ceremonyId = new Uint8Array(32);
    new DataView(ceremonyId.buffer).setUint32(0, i);
    const invented = {
      ...command,
      ceremonyId,
      get signature() {
        signaturesRead++;
        return command.signature;
      },
    };
    if (engine.deliver(invented, mallory.identity) === "early") kept++;
  }
  assert.equal(kept, 32);
  assert.equal(signaturesRead, 0, "none of them is worth a signature check");
  const lines = log.lines.filter((l) => l.message === "round message refused");
  assert.ok(lines.length > 0 && lines.length <= 60, `${lines.length} log lines`);
  engine.stop();
});

Deno.test("a session that always has frames gives the others a turn every ten milliseconds", async () => {
  let now = 0;
  const turns: (() => void)[] = [];
  const clock: Clock = {
    now: () => now,
    setTimer: (ms, fn) => {
      if (ms === 0) turns.push(fn);
      return () => {};
    },
  };
  let handled = 0;
  const session = new Session(
    {
      peer: keyOf("mallory").identity,
      nacl: null,
      options: new Map(),
      dialled: null,
      remote: { host: "10.0.0.1", port: 1 },
    },
    {
      send: () => Promise.resolve(),
      receive: () => Promise.resolve(new Uint8Array(1)),
      close() {},
    },
    clock,
    {
      ping: () => new Uint8Array(1),
      frame: () => {
        handled++;
        now += 3; // what handling a frame costs
        return 0;
      },
      ended() {},
    },
  );
  session.start();
  for (let turn = 1; turn <= 3; turn++) {
    for (let i = 0; i < 100; i++) await Promise.resolve();
    assert.equal(handled, 4 * turn);
    assert.equal(turns.length, turn);
    turns[turn - 1]!();
  }
  session.end("enough");
});
