/** How `deno compile` is called; its base runtime cannot be had everywhere that tests run. */
import assert from "node:assert/strict";
import { compileArguments, TARGETS } from "../../cli/build/compile.ts";
import { loadConfig } from "../../lib/node/config.ts";
import { daemonPermissions } from "../../lib/node/permissions.ts";

Deno.test("compileArguments() bakes a daemon's permissions in, for each system", async () => {
  const config = await loadConfig({ flags: {}, env: { TRF_HOME: "/var/lib/node" } });
  for (const target of TARGETS) {
    const args = compileArguments(daemonPermissions(config), target, "out", "program.js");
    assert.equal(args[0], "compile");
    assert.equal(args.at(-1), "program.js");
    assert.equal(args[args.indexOf("--target") + 1], target);
    const granted = args.filter((arg) => arg.startsWith("--allow"));
    assert.deepEqual(granted.map((flag) => flag.split("=")[0]), [
      "--allow-read",
      "--allow-write",
      "--allow-env",
      "--allow-net",
    ]);
    // Nothing without a list, and nothing fetched or asked for later.
    assert(granted.every((flag) => flag.includes("=")));
    assert(granted.includes("--allow-env=TRF_*,HOME"));
    for (const flag of ["--no-prompt", "--no-remote", "--no-npm", "--no-config"]) {
      assert(args.includes(flag), flag);
    }
    assert(args.includes("--unstable-worker-options"));
  }
  assert.deepEqual(
    TARGETS.map((target) => /^(x86_64|aarch64)-(unknown-linux-gnu|apple-darwin)$/.test(target)),
    [true, true, true, true],
  );
});
