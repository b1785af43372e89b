import assert from "node:assert/strict";
import { loadWorkers, workersFrom } from "../../lib/ceremony/worker_host.ts";
import type { FromWorker } from "../../lib/ceremony/protocol.ts";
import { VERSION } from "../../lib/version.ts";

const bundle = (await import("../../dist/ceremony_worker.js", { with: { type: "text" } })).default;

/** Runs a worker until it says something that is not "load", or dies. */
function listen(source: string): Promise<{ message?: unknown; crash?: string }> {
  return new Promise((resolve) => {
    const worker = workersFrom(source)({
      onMessage: (message) => {
        if (message.did === "load") return;
        worker.terminate();
        resolve({ message });
      },
      onCrash: (crash) => resolve({ crash }),
    });
  });
}

Deno.test("a ceremony worker is refused every permission", async () => {
  const probe = `
    const attempts = {
      read: () => Deno.readTextFileSync("/etc/hostname"),
      write: () => Deno.writeTextFileSync("/tmp/transfunctioner-probe", ""),
      env: () => Deno.env.get("HOME"),
      sys: () => Deno.hostname(),
      run: () => new Deno.Command("true").outputSync(),
      ffi: () => Deno.dlopen("/nonexistent.so", {}),
      listen: () => Deno.listen({ port: 0 }).close(),
      net: () => Deno.connect({ port: 9 }),
      fetch: () => fetch("http://127.0.0.1:45999/"),
      // Computed, as literal imports are part of the program and loaded with it.
      remoteImport: () => import(["https:", "", "127.0.0.1:9", "x.js"].join("/")),
      localImport: () => import(["file:", "", "", "etc", "hostname"].join("/")),
      worker: () => new Promise((resolve, reject) => {
        const inner = "try{Deno.readTextFileSync('/etc/hostname');postMessage('')}" +
          "catch(e){postMessage(e.message)}";
        const w = new Worker("data:text/javascript," + inner, { type: "module" });
        w.onmessage = ({ data }) => {
          w.terminate();
          data === "" ? resolve() : reject(new Error(data));
        };
      }),
    };
    const out = {};
    for (const [name, attempt] of Object.entries(attempts)) {
      try { await attempt(); out[name] = "allowed"; } catch (e) { out[name] = e.name + ": " + e.message; }
    }
    postMessage({ did: "probe", out });
  `;
  const { message } = await listen(`${bundle}\n;${probe}`);
  const { out } = message as { out: Record<string, string> };
  assert.equal(Object.keys(out).length, 12);
  for (const [name, verdict] of Object.entries(out)) {
    assert.match(verdict, /Requires \w+ access|NotCapable/, name);
  }
});

for (
  const [how, fault] of [
    ["a rejection that nobody handles", "Promise.reject(new RangeError('value 123456789 is odd'))"],
    ["an error in a timer", "setTimeout(() => { throw new RangeError('value 123456789 is odd') })"],
  ] as const
) {
  Deno.test(`a ceremony worker reports ${how} without its values`, async () => {
    const { message } = await listen(`${bundle}\n;${fault};`);
    assert.deepEqual(message, {
      did: "fail",
      code: "TF-INTERNAL",
      reason: "RangeError: value … is odd",
      round: 0,
      culprits: [],
    });
  });
}

Deno.test("loadWorkers() gives workers of this program's version", async () => {
  const factory = await loadWorkers();
  const message = await new Promise<FromWorker>((resolve, reject) => {
    const worker = factory({
      onMessage: (m) => {
        worker.terminate();
        resolve(m);
      },
      onCrash: reject,
    });
  });
  assert.deepEqual(message, { did: "load", version: VERSION });
});

Deno.test("workersFrom() reports a thread that dies and does not die of it", async () => {
  // The thread ends itself with an uncaught error; the test process must survive.
  const { crash } = await listen("throw null;");
  assert.equal(crash, "the worker crashed");
});

Deno.test("workersFrom() says nothing after terminate()", async () => {
  const factory = workersFrom("postMessage({ did: 'load' }); onmessage = () => postMessage(1);");
  const heard: unknown[] = [];
  await new Promise<void>((resolve) => {
    const worker = factory({
      onMessage: (m) => {
        heard.push(m);
        worker.post({ do: "stored", ok: true });
        worker.terminate();
        worker.post({ do: "stored", ok: true });
        resolve();
      },
      onCrash: (reason) => heard.push(reason),
    });
  });
  assert.equal(heard.length, 1);
});
