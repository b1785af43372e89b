/**
 * A full run of three real daemons, logs at DEBUG, and then a search of everything that came out
 * of it for every secret of that run (attack G6).
 */

import assert from "node:assert/strict";
import { lagrangeAtZero } from "../../lib/tss/vss.ts";
import { mod } from "../../lib/arith/number.ts";
import { parseIdentity } from "../../lib/crypto/identity.ts";
import { sha256 } from "../../lib/crypto/kdf.ts";
import { secp256k1 } from "../../lib/crypto/curve.ts";
import {
  bytesToInt,
  concat,
  fromHex,
  minimalBytes,
  toBase64,
  toHex,
  utf8,
} from "../../lib/encoding/bytes.ts";
import { type JsonObject, parseJson } from "../../lib/encoding/json.ts";
import { denoFiles } from "../../lib/keystore/files.ts";
import { Keystore } from "../../lib/keystore/keystore.ts";
import { openStoreFile } from "../../lib/keystore/store_file.ts";
import { freePorts, LOG_TAIL } from "../../cli/demo/processes.ts";
import { Cluster } from "../process/cluster.ts";

const PRIVATE_KEY = toHex(sha256(utf8("the private key of node 1 in the search for secrets")));

const BUNDLE_PASSPHRASE = "the passphrase of a backup of its own";

/** Texts by which a secret could show, in full or in part. */
function spellings(bytes: Uint8Array): string[] {
  const n = bytesToInt(bytes);
  const hex = toHex(bytes);
  const base64 = toBase64(bytes);
  const part = (text: string) =>
    text.length <= 40 ? [text] : [text.slice(0, 24), text.slice(-24), text.slice(30, 54)];
  return [
    ...part(n.toString()),
    ...part(hex),
    ...part(hex.toUpperCase()),
    ...part(base64),
    [...bytes.subarray(0, 12)].join(","),
    [...bytes.subarray(0, 12)].join(", "),
  ].filter((text) => text.length >= 20);
}

Deno.test("nothing that three daemons say or write in clear holds a secret of their run", async () => {
  const metricsPorts = freePorts(3);
  await using cluster = await Cluster.create({
    size: 3,
    env: (i) => ({
      TRF_LOG_LEVEL: "debug",
      TRF_LOG_FORMAT: i === 2 ? "json" : "text",
      TRF_PROMETHEUS_ADDRESS: `127.0.0.1:${metricsPorts[i]}`,
      TRF_STATUS_PAGE: "1",
      ...(i === 0 ? { TRF_PRIVATE_KEY: PRIVATE_KEY, TRF_KEYSTORE_PASSPHRASE: "" } : {}),
    }),
  });
  const { nodes, identities } = cluster;
  const said: { where: string; text: string }[] = [];
  const hear = (where: string, text: string) => void said.push({ where, text });
  const run = async (i: number, ...args: string[]): Promise<string> => {
    // What backups may touch outside the home directories.
    const places = ["backup", "restore"].includes(args[0]!) ? [cluster.root] : [];
    const out = await nodes[i]!.run(args, places, places).catch((error) =>
      `${error.said}\n${error.message}`
    );
    hear(`node ${i}: ${args.join(" ")}`, out);
    return out;
  };
  await cluster.start();
  const pids = nodes.map((n) => n.pid!);

  const made = JSON.parse(
    await run(0, "keygen", "--members", identities.join(","), "-t", "1", "--json"),
  ) as { key_id: string };
  await cluster.haveKey(made.key_id);
  const signed = await run(1, "sign", "--key", made.key_id, "--digest", "5a".repeat(32), "--json");
  assert.match(signed, /"r"/);
  await run(2, "sign", "--key", made.key_id, "--digest", "5a".repeat(31)); // refused
  await run(0, "sign", "--key", "00".repeat(16), "--digest", "5a".repeat(32)); // unknown
  const commands = ["status", "peers", "keys", "ceremonies", "identity", "config", "doctor"];
  await Promise.all(commands.map((c) => run(0, c)));
  await Promise.all(commands.map((c) => run(2, c, "--json")));
  // A backup under a passphrase of its own, and one under the keystore's.
  const bundles = [0, 2].map((i) => `${cluster.root}/backup ${i}`);
  const own = `${cluster.root}/passphrase`;
  await Deno.writeTextFile(own, BUNDLE_PASSPHRASE);
  await run(0, "backup", bundles[0]!, "--bundle-passphrase-file", own);
  await run(2, "backup", bundles[1]!, "--json");
  await run(2, "backup", "--check", bundles[1]!);
  await run(2, "backup", "--check", bundles[0]!); // the wrong passphrase
  for (const path of bundles) {
    hear(path, new TextDecoder("latin1").decode(await Deno.readFile(path)));
  }
  for (const i of [0, 1, 2]) {
    const page = await fetch(`http://127.0.0.1:${metricsPorts[i]}/metrics`);
    hear(`node ${i}: metrics`, await page.text());
    const status = await fetch(`http://127.0.0.1:${metricsPorts[i]}/status.json`);
    hear(`node ${i}: status page`, await status.text());
    const health = await fetch(`http://127.0.0.1:${metricsPorts[i]}/health`);
    hear(`node ${i}: health`, await health.text());
    hear(`node ${i}: process list`, await Deno.readTextFile(`/proc/${pids[i]}/cmdline`));
  }
  for (const code of await Promise.all(nodes.map((n) => n.stop()))) assert.equal(code, 0);
  for (const [i, node] of nodes.entries()) {
    // The whole log, not its tail.
    assert.ok(node.log.length > 2_000 && node.log.length < LOG_TAIL, `${node.log.length}`);
    assert.match(node.log, /debug/i);
    hear(`node ${i}: log`, node.log);
  }

  const restored = `${cluster.root}/restored`;
  const report = await run(2, "restore", bundles[1]!, "--home", restored, "--json");
  assert.match(report, /"outcome":"restored"/);
  for await (const { path, bytes } of files(restored)) {
    if (!path.endsWith("/admin.key")) hear(path, new TextDecoder("latin1").decode(bytes));
  }

  // What was secret: open the keystores as their owner.
  const secrets: { name: string; spelled: string[] }[] = [
    { name: "passphrase of a backup", spelled: [BUNDLE_PASSPHRASE] },
  ];
  const secret = (name: string, bytes: Uint8Array) =>
    void secrets.push({ name, spelled: spellings(bytes) });
  const shares: JsonObject[] = [];
  for (const [i, node] of nodes.entries()) {
    const { home, passphrase } = node.options;
    secrets.push({ name: `passphrase ${i}`, spelled: [passphrase] });
    const keystore = await Keystore.open({
      home,
      files: denoFiles(),
      secret: i === 0 ? { privateKey: fromHex(PRIVATE_KEY) } : { passphrase },
    });
    try {
      const privateKey = keystore.identity.exportPrivateKey();
      secret(`node key ${i}`, privateKey);
      secret(`X25519 key ${i}`, sha256(utf8("continuum-x25519-v1"), privateKey));
      secret(`admin key ${i}`, keystore.adminIdentity.exportPrivateKey());
      secret(`store key ${i}`, keystore.storeKey());
      assert.equal(keystore.identity.identity, identities[i]);
      const sealed = await keystore.readShareCiphertext(made.key_id);
      const share = parseJson(
        openStoreFile(keystore.storeKey(), fromHex(made.key_id), sealed),
      ) as JsonObject;
      shares.push(share);
      const paillier = share.get("PaillierSK") as JsonObject;
      for (const name of ["Xi", "Alpha", "Beta", "P", "Q"]) {
        secret(`${name} ${i}`, minimalBytes(share.get(name) as bigint));
      }
      for (const name of ["LambdaN", "PhiN", "P", "Q"]) {
        secret(`Paillier ${name} ${i}`, minimalBytes(paillier.get(name) as bigint));
      }
    } finally {
      await keystore.close();
    }
  }
  assert.equal(toHex(fromHex(PRIVATE_KEY)), PRIVATE_KEY);
  // The key itself, which no machine ever held.
  const keys = identities.map((id) => bytesToInt(fromHex(parseIdentity(id))));
  const two = [0, 1];
  const x = two.reduce(
    (sum, i) =>
      sum +
      (shares[i]!.get("Xi") as bigint) *
        lagrangeAtZero(secp256k1, two.map((j) => keys[j]!), two.indexOf(i)),
    0n,
  );
  const whole = minimalBytes(mod(x, secp256k1.q));
  assert.equal(
    secp256k1.base.multiply(bytesToInt(whole)).x,
    ((shares[0]!.get("ECDSAPub") as JsonObject).get("Coords") as bigint[])[0],
  );
  secret("the private key of the group", whole);

  // What lies on disk in clear: the admin key is the one secret that does (mode 0600, documented),
  // and what a Go node left there, which this test did as well; the log says so.
  for (const [i, node] of nodes.entries()) {
    for await (const { path, bytes } of files(node.options.home)) {
      if (path.endsWith("/admin.key")) continue;
      if (path.endsWith("/preparams.json")) {
        assert.match(node.log, /preparams\.json/);
        continue;
      }
      hear(`node ${i}: ${path}`, new TextDecoder("latin1").decode(bytes));
    }
  }

  assert.equal(secrets.length, 1 + 3 * (1 + 4 + 9) + 1);
  for (const { where, text } of said) {
    for (const { name, spelled } of secrets) {
      for (const spelling of spelled) {
        assert.ok(!text.includes(spelling), `${name} shows in ${where}`);
      }
    }
  }
  // The search itself finds what is there.
  const witness = said.map((s) => s.text).join("\n");
  assert.ok(witness.includes(made.key_id) && witness.includes(identities[1]!));
  assert.ok(spellings(concat(utf8("x"), fromHex(PRIVATE_KEY))).length > 5);
});

async function* files(folder: string): AsyncGenerator<{ path: string; bytes: Uint8Array }> {
  for await (const entry of Deno.readDir(folder)) {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory) yield* files(path);
    else if (entry.isFile) yield { path, bytes: await Deno.readFile(path) };
  }
}
