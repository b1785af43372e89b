/** The files under deploy/ and the Dockerfile against the program, and against systemd's own check. */
import assert from "node:assert/strict";
import { CONFIG_OPTIONS } from "../../lib/node/config.ts";
import { document } from "./source_tree.ts";

const FILES = [
  "Dockerfile",
  "deploy/compose.yaml",
  "deploy/kubernetes/transfunctioner.yaml",
  "deploy/systemd/transfunctioner.service",
];

for (const file of FILES) {
  Deno.test(`${file} uses settings and ports that exist`, async () => {
    const text = await document(file);
    const variables = [...text.matchAll(/\bTRF_[A-Z_]+\b/g)].map(([name]) => name);
    assert(variables.length > 1);
    for (const variable of variables) {
      assert(CONFIG_OPTIONS.some((o) => o.variable === variable), `${variable} in ${file}`);
    }
    // 45067 mesh, 45068 admin, 45069 metrics.
    for (const [port] of text.matchAll(/\b450\d\d\b/g)) assert(/^4506[789]$/.test(port), port);
    assert(
      !/^\s*TRF_(KEYSTORE_PASSPHRASE|PRIVATE_KEY)\s*[:=]/m.test(text),
      "a secret in a variable",
    );
  });
}

Deno.test("containers run as an ordinary user on a read-only root without capabilities", async () => {
  const kubernetes = await document("deploy/kubernetes/transfunctioner.yaml");
  for (
    const rule of [
      "runAsNonRoot: true",
      "readOnlyRootFilesystem: true",
      "allowPrivilegeEscalation: false",
      "drop: [ALL]",
      "automountServiceAccountToken: false",
      "fsGroupChangePolicy: OnRootMismatch",
    ]
  ) assert(kubernetes.includes(rule), rule);
  const compose = await document("deploy/compose.yaml");
  for (const rule of ["read_only: true", "cap_drop: [ALL]", "no-new-privileges:true"]) {
    assert(compose.includes(rule), rule);
  }
  assert.match(await document("Dockerfile"), /^USER 10001:10001$/m);
});

Deno.test("systemd accepts the unit and finds little exposed", async (t) => {
  const folder = await Deno.makeTempDir({ prefix: "transfunctioner-test-" });
  try {
    const unit = `${folder}/transfunctioner.service`;
    const text = await document("deploy/systemd/transfunctioner.service");
    // The check looks for the program; any will do.
    await Deno.writeTextFile(unit, text.replaceAll("/usr/local/bin/transfunctioner", "/bin/true"));
    const analyze = async (...args: string[]) => {
      const { code, stdout, stderr } = await new Deno.Command("systemd-analyze", { args }).output();
      const decoder = new TextDecoder();
      return { code, text: decoder.decode(stdout) + decoder.decode(stderr) };
    };
    let verified;
    try {
      verified = await analyze("verify", unit);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
      await t.step({ name: "no systemd-analyze on this machine", ignore: true, fn: () => {} });
      return;
    }
    assert.deepEqual(verified, { code: 0, text: "" });
    const { text: exposure } = await analyze("security", "--offline=true", unit);
    const level = Number(/Overall exposure level for \S+: ([\d.]+)/.exec(exposure)?.[1]);
    assert(level <= 2, `exposure level ${level}`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
