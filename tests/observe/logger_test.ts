import assert from "node:assert/strict";
import { inspect } from "node:util";
import { collectingLogger, Secret, silentLogger } from "../../lib/observe/logger.ts";

Deno.test("collectingLogger() keeps lines of children with module and fields", () => {
  const log = collectingLogger();
  const session = log.child("mesh", { node: "a" }).child("session", { peer: "b" });
  session.warn("session closed", { reason: "eof" });
  log.child("", { x: 1 }).info("started");
  assert.deepEqual(log.lines, [
    {
      level: "warn",
      module: "mesh.session",
      message: "session closed",
      fields: { node: "a", peer: "b", reason: "eof" },
    },
    { level: "info", module: "", message: "started", fields: { x: 1 } },
  ]);
  assert.ok(log.has("warn", "closed"));
  assert.ok(!log.has("error", "closed"));
});

Deno.test("silentLogger drops lines and is its own child", () => {
  silentLogger.error("nothing");
  assert.equal(silentLogger.child("any"), silentLogger);
});

Deno.test("Secret shows only as [redacted]", () => {
  const secret = new Secret("hunter2");
  const shown = [
    `${secret}`,
    JSON.stringify({ secret }),
    Deno.inspect({ secret }),
    inspect({ secret }),
    Deno.inspect(secret, { showHidden: true }),
  ];
  for (const text of shown) {
    assert.ok(text.includes("[redacted]"), text);
    assert.ok(!text.includes("hunter2"), text);
  }
  assert.equal(secret.reveal(), "hunter2");
});
