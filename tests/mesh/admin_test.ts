import assert from "node:assert/strict";
import type { Identity } from "../../lib/crypto/identity.ts";
import { utf8 } from "../../lib/encoding/bytes.ts";
import type { Json } from "../../lib/encoding/json.ts";
import { AdminClient } from "../../lib/mesh/admin_client.ts";
import { type AdminCall, type AdminHandler, AdminListener } from "../../lib/mesh/admin_listener.ts";
import {
  AdminError,
  decodeAdminMessage,
  encodeAdminFailure,
  encodeAdminRequest,
  encodeAdminResult,
} from "../../lib/mesh/admin_protocol.ts";
import { ADMIN_OUTSTANDING, ADMIN_REQUEST_BYTES } from "../../lib/mesh/limits.ts";
import { WireError } from "../../lib/mesh/errors.ts";
import { handshake } from "../../lib/mesh/handshake.ts";
import { Transport } from "../../lib/mesh/transport.ts";
import { collectingLogger } from "../../lib/observe/logger.ts";
import { seededRandom } from "../support/seeded_random.ts";
import { VirtualClock } from "../support/virtual_clock.ts";
import { MemoryNet } from "./memory_net.ts";
import { keyOf, RawPeer } from "./node_kit.ts";

const NODE = keyOf("node");
const ADMIN = keyOf("admin");

class Setup {
  readonly clock = new VirtualClock();
  readonly net = new MemoryNet(this.clock);
  readonly log = collectingLogger();
  readonly listener: AdminListener;

  constructor(handler: Partial<AdminHandler>) {
    this.listener = new AdminListener({
      identity: NODE,
      net: this.net.host("127.0.0.1"),
      clock: this.clock,
      random: seededRandom("admin listener"),
      log: this.log,
      listen: { host: "127.0.0.1", port: 45068 },
      allowed: (client) => client === ADMIN.identity,
      handler: { call: () => Promise.resolve(null), ...handler },
    });
  }

  client(key = ADMIN, from = "127.0.0.1", expect?: Identity): Promise<AdminClient> {
    return AdminClient.connect({
      host: "127.0.0.1",
      port: 45068,
      key,
      net: this.net.host(from),
      clock: this.clock,
      random: seededRandom(`admin client ${key.identity} ${from}`),
      expect,
    });
  }

  async raw(): Promise<RawPeer> {
    const connection = await this.net.connect("127.0.0.1", "127.0.0.1", 45068);
    const random = seededRandom("raw admin");
    const transport = await Transport.connect(connection, { clock: this.clock, random });
    await handshake(transport, ADMIN, { random });
    return new RawPeer(ADMIN, connection, transport);
  }
}

async function withSetup(handler: Partial<AdminHandler>, test: (s: Setup) => Promise<void>) {
  const setup = new Setup(handler);
  await setup.listener.start();
  try {
    await test(setup);
  } finally {
    setup.listener.stop();
    await setup.clock.advance(15_000);
  }
}

Deno.test("AdminClient.connect() asks a node again that stands still for a moment, but not for ever", async () => {
  const setup = new Setup({});
  const listen = () => setup.net.host("127.0.0.1").listen("127.0.0.1", 45068);
  const still = await listen();
  const connected = setup.client();
  await still.accept();
  await setup.clock.advance(4_000);
  still.close();
  await setup.listener.start();
  await setup.clock.advance(4_000);
  assert.equal((await connected).node, NODE.identity);
  setup.listener.stop();
  const deaf = await listen();
  const refused = assert.rejects(setup.client(), {
    code: "TF-ADMIN-CONNECT",
    message: /took too long/,
  });
  await setup.clock.advance(60_000);
  await refused;
  deaf.close();
});

Deno.test("AdminClient.call() gets result and events", () =>
  withSetup({
    call(call: AdminCall) {
      assert.equal(call.client, ADMIN.identity);
      assert.equal(call.method, "keygen");
      const n = (call.params as Map<string, Json>).get("n") as bigint;
      call.event({ step: 1 });
      call.event({ step: 2 });
      return Promise.resolve({ twice: 2n * n });
    },
  }, async (s) => {
    const client = await s.client();
    assert.equal(client.node, NODE.identity);
    const events: Json[] = [];
    const big = 2n ** 200n;
    const result = await client.call("keygen", { n: big }, (e) => events.push(e));
    assert.equal((result as Map<string, Json>).get("twice"), 2n * big);
    assert.deepEqual(events.map((e) => (e as Map<string, Json>).get("step")), [1n, 2n]);
    client.close();
  }));

Deno.test("AdminClient.call() survives a ten-minute silence of the handler", () => {
  const clock: { now?: VirtualClock } = {};
  return withSetup({
    call: () => new Promise((resolve) => void clock.now!.setTimer(600_000, () => resolve("done"))),
  }, async (s) => {
    clock.now = s.clock;
    const client = await s.client();
    const call = client.call("keygen", {});
    await s.clock.advance(601_000);
    assert.equal(await call, "done");
    client.close();
  });
});

Deno.test("AdminClient.call() rejects with the node's code, message and hint", () =>
  withSetup({
    call: () =>
      Promise.reject(new AdminError("TF-NO-KEY", "Cannot sign: no such key", "list them")),
  }, async (s) => {
    const client = await s.client();
    await assert.rejects(client.call("sign", {}), (e: AdminError) => {
      assert.deepEqual([e.code, e.message, e.hint], [
        "TF-NO-KEY",
        "Cannot sign: no such key",
        "list them",
      ]);
      return true;
    });
    client.close();
  }));

Deno.test("AdminListener refuses a key that is not on the list, and says so", () =>
  withSetup({ call: () => Promise.reject(new Error("must not be reached")) }, async (s) => {
    const client = await s.client(keyOf("stranger"));
    const call = client.call("peers", {});
    await assert.rejects(call, { code: "TF-ADMIN-CLOSED" });
    assert.ok(s.log.has("warn", "key is not on the list"));
    assert.equal(s.listener.clients, 0);
  }));

Deno.test("AdminListener refuses connections from other machines before the first byte", () =>
  withSetup({}, async (s) => {
    const connection = await s.net.connect("10.0.0.7", "127.0.0.1", 45068);
    assert.equal(await connection.read(new Uint8Array(10)), null);
    assert.ok(s.log.has("warn", "not from this machine"));
  }));

Deno.test("AdminListener() wants a loopback address", () => {
  for (const host of ["0.0.0.0", "::", "192.168.1.5", "127.0.0.1.example.org"]) {
    assert.throws(
      () =>
        new AdminListener({
          ...({} as ConstructorParameters<typeof AdminListener>[0]),
          listen: { host, port: 1 },
        }),
      RangeError,
    );
  }
});

Deno.test("AdminClient.connect() refuses another node than the expected one", () =>
  withSetup({}, async (s) => {
    await assert.rejects(s.client(ADMIN, "127.0.0.1", keyOf("other").identity), {
      code: "TF-ADMIN-CONNECT",
    });
  }));

Deno.test("AdminListener answers Go's admin commands through its handler", () =>
  withSetup({
    command: (command, client) => {
      assert.equal(client, ADMIN.identity);
      return Promise.resolve(
        command.type === "peer-add"
          ? { type: "peer-add-response", accepted: true, error: "" }
          : null,
      );
    },
  }, async (s) => {
    const raw = await s.raw();
    await raw.send({ type: "peer-add", address: "10.0.0.1:45067" });
    await raw.send({ type: "busy" });
    await s.clock.settle();
    assert.deepEqual(raw.of("peer-add-response"), [
      { type: "peer-add-response", accepted: true, error: "" },
    ]);
    assert.equal(raw.ended, false);
    raw.transport.close();
  }));

Deno.test("AdminListener bounds outstanding requests and their size", () =>
  withSetup({ call: () => new Promise(() => {}) }, async (s) => {
    const client = await s.client();
    const calls = Array.from({ length: ADMIN_OUTSTANDING }, () => client.call("wait", {}));
    for (const call of calls) call.catch(() => {});
    await assert.rejects(client.call("wait", {}), { code: "TF-ADMIN-BUSY" });
    await assert.rejects(client.call("wait", { x: "x".repeat(ADMIN_REQUEST_BYTES) }), {
      code: "TF-ADMIN-SIZE",
    });
    client.close();
  }));

Deno.test("AdminListener aborts running calls when their client is gone", () => {
  const signals: AbortSignal[] = [];
  return withSetup({
    call: ({ signal }) => {
      signals.push(signal);
      return new Promise(() => {});
    },
  }, async (s) => {
    const client = await s.client();
    client.call("wait", {}).catch(() => {});
    await s.clock.settle();
    assert.equal(signals[0]!.aborted, false);
    client.close();
    await s.clock.settle();
    assert.equal(signals[0]!.aborted, true);
    assert.equal(s.listener.clients, 0);
  });
});

Deno.test("AdminListener serves others while one client is silent and another floods", () =>
  withSetup({ call: () => Promise.resolve("ok") }, async (s) => {
    const silent = await s.net.connect("127.0.0.1", "127.0.0.1", 45068);
    const flood = await s.client();
    const floods = Array.from({ length: 300 }, (_, i) => flood.call("spam", { i }));
    const client = await s.client();
    assert.equal(await client.call("peers", {}), "ok");
    await s.clock.advance(11_000);
    assert.equal((await Promise.all(floods)).length, 300);
    assert.equal(silent.other.closed, true);
    client.close();
    flood.close();
  }));

Deno.test("AdminListener closes a connection that breaks the protocol and logs nothing secret", () =>
  withSetup({}, async (s) => {
    const raw = await s.raw();
    await raw.transport.send(utf8('{"payloadtype":"admin-request","payloadhash":"00"}{}'));
    await s.clock.settle();
    assert.equal(raw.ended, true);
  }));

Deno.test("decodeAdminMessage() takes back what was written and nothing else", () => {
  const request = encodeAdminRequest({ id: "7", method: "m", params: [1n, "<"] }, ADMIN.identity);
  assert.deepEqual(decodeAdminMessage(request), {
    kind: "request",
    id: "7",
    method: "m",
    params: [1n, "<"],
  });
  const result = encodeAdminResult("7", null, true, NODE.identity);
  assert.deepEqual(decodeAdminMessage(result), {
    kind: "response",
    id: "7",
    done: true,
    result: null,
    error: null,
  });
  const failure = encodeAdminFailure("7", { code: "c", message: "m", hint: "" }, NODE.identity);
  assert.deepEqual(decodeAdminMessage(failure), {
    kind: "response",
    id: "7",
    done: true,
    result: null,
    error: { code: "c", message: "m", hint: "" },
  });
  for (let i = 0; i < request.length; i++) {
    const bad = request.slice();
    bad[i]! ^= 1;
    const origin = i >= 90 && i < request.length - 50; // the origin is not covered by the hash
    try {
      const read = decodeAdminMessage(bad);
      assert.ok(origin, `byte ${i}`);
      assert.equal(read.kind, "request");
    } catch (error) {
      assert.ok(error instanceof WireError, `byte ${i}: ${error}`);
    }
  }
});
