/**
 * What a ceremony worker that was taken over cannot do, even what its daemon can: the attempts run
 * inside a real worker, with the program's worker code loaded, in a process with all permissions.
 */
import assert from "node:assert/strict";
import { sourceFiles } from "../docs/source_tree.ts";
import { workersFrom } from "../../lib/ceremony/worker_host.ts";

const BUNDLE = (await import("../../dist/ceremony_worker.js", { with: { type: "text" } })).default;

/** The body of an object literal; `home`, `port` and `load` are in scope. */
const ATTEMPTS = `
  "read: the home": () => Deno.readTextFileSync(home + "/own"),
  "read: a system file": () => Deno.readTextFileSync("/etc/passwd"),
  "write: the home": () => Deno.writeTextFileSync(home + "/new", ""),
  "write: elsewhere": () => Deno.makeTempFileSync(),
  "net: the daemon's own port": () => Deno.connect({ hostname: "127.0.0.1", port }),
  "net: elsewhere": () => Deno.connect({ hostname: "203.0.113.5", port: 443 }),
  "net: listen": () => Deno.listen({ hostname: "127.0.0.1", port: 0 }),
  "net: fetch": () => fetch("http://127.0.0.1:" + port + "/"),
  "net: a web socket": () => new WebSocket("ws://127.0.0.1:" + port),
  "net: a name server": () => Deno.resolveDns("example.com", "A"),
  "run: a program": () => new Deno.Command("true").outputSync(),
  "env: an own setting": () => Deno.env.get("TRF_KEYSTORE_PASSPHRASE"),
  "env: another": () => Deno.env.get("HOME"),
  "env: all": () => Deno.env.toObject(),
  "ffi: a library": () => Deno.dlopen("libc.so.6", {}),
  "sys: the host's name": () => Deno.hostname(),
  "import: a remote module": () => load("https:", "//127.0.0.1:1/x.js"),
  "import: over http": () => load("http:", "//127.0.0.1:1/x.js"),
  "import: a local file": () => load("file://", home + "/own"),
  "permission: ask for more": async () => {
    const { state } = await Deno.permissions.request({ name: "read" });
    if (state !== "granted") throw new Deno.errors.NotCapable("Requires read access");
  },
  "worker: with more permissions": () => new Worker(URL.createObjectURL(new Blob([""])), {
    type: "module",
    deno: { permissions: { read: true } },
  }),`;

Deno.test("there is one kind of worker, and it is started without permissions", async () => {
  const started = [...await sourceFiles("lib", "cli")].filter(([, text]) =>
    /new Worker\(/.test(text)
  );
  assert.deepEqual(started.map(([path]) => path), ["lib/ceremony/worker_host.ts"]);
  assert.equal(started[0]![1].match(/new Worker\(/g)!.length, 1);
  assert.match(started[0]![1], /deno: \{ permissions: "none" \}/);
});

Deno.test("a ceremony worker is refused even what its daemon may do", async () => {
  const home = await Deno.makeTempDir({ prefix: "transfunctioner-test-" });
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  try {
    await Deno.writeTextFile(`${home}/own`, "");
    const source = `${BUNDLE}
      const home = ${JSON.stringify(home)};
      const port = ${(listener.addr as Deno.NetAddr).port};
      const load = (...parts) => import(parts.join(""));
      const out = {};
      for (const [name, work] of Object.entries({${ATTEMPTS}})) {
        try { await work(); out[name] = "allowed"; } catch (e) { out[name] = e.name + ": " + e.message; }
      }
      postMessage({ did: "probe", out });`;
    const verdicts = await new Promise<Record<string, string>>((resolve, reject) => {
      const worker = workersFrom(source)({
        onMessage: (message) => {
          if ((message as { did: string }).did !== "probe") return;
          worker.terminate();
          resolve((message as unknown as { out: Record<string, string> }).out);
        },
        onCrash: reject,
      });
    });
    assert.equal(Object.keys(verdicts).length, 21);
    for (const [name, verdict] of Object.entries(verdicts)) {
      assert.match(verdict, /^NotCapable: |Requires \w+ access|Can't escalate/, name);
    }
    assert.deepEqual([...Deno.readDirSync(home)].map((e) => e.name), ["own"]);
  } finally {
    listener.close();
    await Deno.remove(home, { recursive: true });
  }
});
