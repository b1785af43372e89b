import assert from "node:assert/strict";
import { jsonLine, textLine } from "../../lib/observe/log_lines.ts";
import {
  formatLogLevels,
  isPrinted,
  levelOf,
  parseLogLevels,
} from "../../lib/observe/log_levels.ts";
import { openLog, startLogging } from "../../lib/observe/log.ts";
import { type LogFields, Secret } from "../../lib/observe/logger.ts";

const TIME = Date.UTC(2026, 0, 2, 3, 4, 5, 678);
const line = (message: string, fields: LogFields = {}) => ({
  time: TIME,
  level: "warn" as const,
  module: "mesh.session",
  message,
  fields,
});

/** Starts a log into memory. */
async function capture(levels: string, format: "text" | "json") {
  const lines: string[] = [];
  const log = await startLogging({
    levels: parseLogLevels(levels),
    format,
    write: (bytes) => lines.push(new TextDecoder().decode(bytes)),
  });
  return { log, lines };
}

Deno.test("textLine() writes time, level, module, message and fields", () => {
  assert.equal(
    textLine(
      line("session closed", { peer: "ab12", reason: "bad MAC", count: 3, gone: undefined }),
    ),
    '2026-01-02T03:04:05.678Z WARN  mesh.session: session closed peer=ab12 reason="bad MAC" count=3',
  );
});

Deno.test("jsonLine() writes one object whose fixed names no field replaces", () => {
  const text = jsonLine(line('say "hi"', { level: "x", time: 5, peer: "ab", big: 2n ** 60n }));
  assert.deepEqual(JSON.parse(text), {
    time: "2026-01-02T03:04:05.678Z",
    level: "warn",
    module: "mesh.session",
    message: 'say "hi"',
    level_: "x",
    time_: 5,
    peer: "ab",
    big: "1152921504606846976",
  });
});

Deno.test("no line can be faked and no terminal steered by what a peer sent", () => {
  const evil = "x\n2026-01-02 ERROR node: all keys lost\r\u001b[31m\u202e\u2028\u009b";
  for (const text of [textLine(line(evil, { evil, [evil]: 1 })), jsonLine(line(evil, { evil }))]) {
    assert.ok(!/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(text), JSON.stringify(text));
  }
  assert.deepEqual(JSON.parse(jsonLine(line(evil))).message, evil);
});

Deno.test("no secret gets into a line", () => {
  const secret = "hunter2-hunter2";
  const bytes = new TextEncoder().encode(secret);
  const fields = {
    wrapped: new Secret(secret),
    deep: { list: [new Secret(secret), { passphrase: secret }] },
    passphrase: secret,
    privateKey: secret,
    private_key: secret,
    storeKey: secret,
    share: { xi: secret },
    bytes,
    buffer: bytes.buffer,
    number: 2n ** 255n,
    own: { toJSON: () => "[redacted]", hidden: secret },
    map: new Map([["secret", secret]]),
  };
  for (const text of [textLine(line("m", fields)), jsonLine(line("m", fields))]) {
    assert.ok(!text.includes("hunter2"), text);
    assert.ok(!text.includes(String(2n ** 255n)), text);
    assert.ok(!text.includes("104,117"), text);
    assert.ok(text.includes("[redacted]") && text.includes("[15 bytes]"));
  }
});

Deno.test("lines stay short and nothing in a field can throw", () => {
  const loop: Record<string, unknown> = {};
  loop["self"] = loop;
  const fields = {
    long: "x".repeat(1e6),
    many: Array(1e5).fill(1),
    loop,
    broken: {
      get x(): never {
        throw new Error("no");
      },
    },
    error: Object.assign(new Error("it broke"), { code: "TF-X" }),
    odd: [NaN, Infinity, () => 1, Symbol("s"), "\ud800"],
  };
  for (const text of [textLine(line("y".repeat(1e6), fields)), jsonLine(line("m", fields))]) {
    assert.ok(text.length < 20_000, `${text.length}`);
    assert.ok(text.includes("TF-X: it broke"));
    assert.ok(text.includes("[unprintable]"));
  }
});

Deno.test("parseLogLevels() reads Go's form and levels per module", () => {
  assert.deepEqual(parseLogLevels("transfunctionerd=INFO"), { base: "info", modules: new Map() });
  const levels = parseLogLevels("warn,mesh=DEBUG;mesh.session=ERROR");
  assert.equal(levels.base, "warn");
  assert.equal(levelOf(levels, ""), "warn");
  assert.equal(levelOf(levels, "ceremony"), "warn");
  assert.equal(levelOf(levels, "mesh"), "debug");
  assert.equal(levelOf(levels, "mesh.gossip.x"), "debug");
  assert.equal(levelOf(levels, "mesh.session"), "error");
  assert.equal(levelOf(levels, "meshy"), "warn");
  assert.equal(formatLogLevels(levels), "WARN,mesh=DEBUG,mesh.session=ERROR");
  assert.equal(parseLogLevels("TRACE").base, "debug");
  assert.equal(parseLogLevels("<root>=CRITICAL").base, "error");
  for (const text of ["", "LOUD", "mesh", "mesh=", "=,", "Mesh Two=INFO", "INFO,"]) {
    assert.throws(() => parseLogLevels(text), SyntaxError, text);
  }
  assert.ok(isPrinted("error", "warn") && !isPrinted("info", "warn"));
});

Deno.test("startLogging() filters by module, adds fields, and reads no templates", async () => {
  const { log, lines } = await capture("WARN,mesh=DEBUG", "json");
  log.info("dropped");
  log.warn("kept {level} {{x}}", { ceremony: "ab" });
  const mesh = log.child("mesh", { node: "n1" });
  mesh.debug("also kept");
  mesh.child("session", { peer: "p" }).debug("deep", { peer: "q" });
  log.child("ceremony").info("dropped");
  log.child("", { extra: 1 }).error("top");
  const parsed = lines.map((l) => JSON.parse(l));
  assert.deepEqual(parsed.map((p) => [p.level, p.module, p.message]), [
    ["warn", "node", "kept {level} {{x}}"],
    ["debug", "mesh", "also kept"],
    ["debug", "mesh.session", "deep"],
    ["error", "node", "top"],
  ]);
  assert.equal(parsed[0].ceremony, "ab");
  assert.deepEqual([parsed[2].node, parsed[2].peer], ["n1", "q"]);
  assert.ok(lines.every((l) => l.endsWith("\n")));
});

Deno.test("startLogging() survives an output that fails", async () => {
  const log = await startLogging({
    levels: parseLogLevels("DEBUG"),
    format: "text",
    write: () => {
      throw new Error("broken pipe");
    },
  });
  log.error("nobody hears this");
});

Deno.test("openLog() takes the configuration's settings", async () => {
  const lines: string[] = [];
  const log = await openLog(
    { logLevel: { value: parseLogLevels("INFO") }, logFormat: { value: "text" } },
    (bytes) => lines.push(new TextDecoder().decode(bytes)),
  );
  log.info("started", { port: 45067 });
  log.debug("dropped");
  assert.equal(lines.length, 1);
  assert.match(lines[0]!, /^\S+Z INFO {2}node: started port=45067\n$/);
});

Deno.test("openLog() needs no permission", async () => {
  const script = new URL("../../lib/observe/log.ts", import.meta.url).href;
  const levels = new URL("../../lib/observe/log_levels.ts", import.meta.url).href;
  const code = `import { openLog } from ${JSON.stringify(script)};
    import { parseLogLevels } from ${JSON.stringify(levels)};
    const log = await openLog({
      logLevel: { value: parseLogLevels("INFO") },
      logFormat: { value: "json" },
    });
    log.child("mesh").info("hello");`;
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--quiet",
      "--no-prompt",
      "--cached-only",
      "--config",
      new URL("../../deno.json", import.meta.url).pathname,
      `data:application/typescript,${encodeURIComponent(code)}`,
    ],
  }).output();
  assert.equal(stdout.length, 0);
  assert.equal(JSON.parse(new TextDecoder().decode(stderr)).message, "hello");
});
