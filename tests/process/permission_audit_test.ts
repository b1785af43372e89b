/**
 * Real daemons and commands under Deno's audit log of permission checks: nothing outside the
 * configured set is ever so much as tried.
 */
import assert from "node:assert/strict";
import { lineGrants } from "../../cli/command_grants.ts";
import { loadConfig } from "../../lib/node/config.ts";
import { daemonGrants, type Grant } from "../../lib/node/permissions.ts";
import { fakeTerminal } from "../cli/fake_terminal.ts";
import { Cluster } from "./cluster.ts";

/** One line of the audit file: a permission that was checked, granted or not. */
interface Use {
  readonly permission: string;
  readonly value: string | null;
}

async function usesIn(file: string): Promise<Use[]> {
  const text = await Deno.readTextFile(file);
  return text.split("\n").filter((line) => line !== "").map((line) => JSON.parse(line) as Use);
}

/** Tells whether one of `grants` covers a use, by this test's own reading of the grants. */
function isCovered({ permission, value }: Use, grants: readonly Grant[]): boolean {
  if (value === null) return false;
  return grants.some((g) => {
    if (g.permission !== permission) return false;
    if (g.scope === value) return true;
    if (permission === "env") return g.scope === "TRF_*" && value.startsWith("TRF_");
    if (permission !== "net") return value.startsWith(g.scope + "/") && !value.includes("/../");
    const port = /^0\.0\.0\.0\/0:(\d+)$/.exec(g.scope)?.[1];
    return port !== undefined && new RegExp(`^\\d+\\.\\d+\\.\\d+\\.\\d+:${port}$`).test(value);
  });
}

function outside(uses: readonly Use[], grants: readonly Grant[]): string[] {
  return [...new Set(uses.filter((u) => !isCovered(u, grants)).map((u) => JSON.stringify(u)))];
}

Deno.test("isCovered() of this test tells inside from outside", () => {
  const grant = (permission: Grant["permission"], scope: string): Grant => ({
    permission,
    scope,
    why: "",
    code: "",
    until: "stop",
  });
  const grants = [grant("read", "/h"), grant("env", "TRF_*"), grant("net", "0.0.0.0/0:45067")];
  const use = (permission: string, value: string | null) =>
    isCovered({ permission, value }, grants);
  assert(use("read", "/h") && use("read", "/h/a") && use("env", "TRF_HOME"));
  assert(use("net", "10.1.2.3:45067"));
  assert(!use("read", "/hh") && !use("read", "/h/../x") && !use("write", "/h/a"));
  assert(!use("env", "HOME") && !use("env", null) && !use("run", "true"));
  assert(!use("net", "10.1.2.3:443") && !use("net", "example.com:45067"));
});

Deno.test("two daemons make ECDSA and EdDSA keys and sign within their permissions", async (t) => {
  const env: Record<string, string>[] = [{}, {}];
  await using cluster = await Cluster.create({ size: 2, searches: true, env: (i) => env[i]! });
  const { nodes, identities, root } = cluster;
  const files = [0, 1].map((i) => `${root}/audit-${i}.jsonl`);
  const member = (args: string[]) => [...args, "--members", identities.join(","), "-t", "1"];

  await t.step("they do their work", async () => {
    // Only the daemons are started with the audit; the commands below would mix with them.
    env.forEach((e, i) => e["DENO_AUDIT_PERMISSIONS"] = files[i]!);
    await Promise.all(nodes.map((n) => n.start()));
    env.forEach((e) => delete e["DENO_AUDIT_PERMISSIONS"]);
    await cluster.start([]);
    for (const curve of ["ed25519", "secp256k1"]) {
      const { key_id } = await nodes[0]!.ask<{ key_id: string }>(
        member(["keygen", "--curve", curve]),
      );
      await cluster.haveKey(key_id);
      for (const node of nodes) {
        await node.ask(["sign", "--key", key_id, "--digest", "5a".repeat(32)]);
      }
    }
    for (const code of await Promise.all(nodes.map((n) => n.stop()))) assert.equal(code, 0);
  });

  await t.step("after its start each has no permission for the environment any more", () => {
    for (const node of nodes) {
      // The daemon says what the runtime answers, not what it asked for.
      assert.match(node.log, /gave up what only the start needs env=refused run=refused /);
    }
  });

  for (const [i, node] of nodes.entries()) {
    await t.step(`daemon ${i + 1} tried nothing outside its set`, async () => {
      const uses = await usesIn(files[i]!);
      for (const permission of ["read", "write", "env", "net"]) {
        assert(uses.some((u) => u.permission === permission), `the audit saw no ${permission}`);
      }
      const config = await loadConfig({
        flags: {},
        env: {
          TRF_HOME: node.options.home,
          TRF_LISTEN_ADDRESS: node.options.listen,
          TRF_ADMIN_ADDRESS: node.options.admin,
          TRF_CONNECT: node.options.connect.join(","),
        },
      });
      assert.deepEqual(outside(uses, daemonGrants(config)), []);
    });
  }

  await t.step("commands try nothing outside theirs", async () => {
    await nodes[0]!.start();
    await cluster.start([]);
    const { home, admin } = nodes[0]!.options;
    const file = `${root}/to sign.txt`;
    await Deno.writeTextFile(file, "x");
    const lines = [
      ["status"],
      ["keys"],
      ["config", "show"],
      ["permissions"],
      ["version"],
      ["sign", "--key", "0".repeat(32), "--file", file],
    ];
    for (const [i, words] of lines.entries()) {
      const audit = `${root}/command-${i}.jsonl`;
      env[0]!["DENO_AUDIT_PERMISSIONS"] = audit;
      await nodes[0]!.run(words, [file]).catch((error) => {
        // There is no such key: that the command came as far as asking is what matters.
        if (words[0] !== "sign") throw error;
      });
      const client = ["--home", home, "--admin-address", admin];
      const grants = await lineGrants(
        words[0] === "version" ? words : [...words, ...client],
        fakeTerminal(),
      );
      // The audit file exists only if something was checked.
      const uses = await usesIn(audit).catch(() => []);
      if (words[0] !== "version") assert(uses.length > 0, words[0]!);
      assert.deepEqual(outside(uses, grants), [], words.join(" "));
    }
    delete env[0]!["DENO_AUDIT_PERMISSIONS"];
  });
});
