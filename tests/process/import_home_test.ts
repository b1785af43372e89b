/** A mesh of Go nodes, all three moved to this program: the key signs as before. */
import assert from "node:assert/strict";
import { DemoNode, freePorts } from "../../cli/demo/processes.ts";
import { verifyIndependently } from "../../cli/demo/verify.ts";
import { makeGoHomes } from "../support/go_home.ts";
import { PATIENCE_MS } from "./cluster.ts";

Deno.test("homes of Go nodes are imported, and their key signs among the new daemons", async () => {
  const root = await Deno.makeTempDir({ prefix: "transfunctioner-test-" });
  const { nodes: gone, keyId, publicKey } = await makeGoHomes(root);
  const ports = freePorts(6);
  const nodes = gone.map(({ privateKey }, i) =>
    new DemoNode({
      name: `node ${i}`,
      home: `${root}/new${i}`,
      listen: `127.0.0.1:${ports[i]}`,
      admin: `127.0.0.1:${ports[3 + i]}`,
      connect: i === 0 ? [] : [`127.0.0.1:${ports[0]}`],
      passphrase: "a test passphrase",
      env: { TRF_PRIVATE_KEY: privateKey },
    })
  );
  try {
    for (const [i, node] of nodes.entries()) {
      node.allow(gone.map((g) => g.identity));
      await node.run(["import-home", gone[i]!.home], [gone[i]!.home]);
      // From now on the passphrase opens the node key.
      delete (node.options.env as Record<string, string>)["TRF_PRIVATE_KEY"];
    }
    const signers = nodes.slice(0, 2);
    await Promise.all(signers.map((node) => node.start()));
    const data = new TextEncoder().encode("signed after the move\n");
    await Deno.writeFile(`${root}/document`, data);
    const deadline = performance.now() + PATIENCE_MS;
    for (;;) {
      const { keys } = await signers[1]!.ask<{ keys: { key_id: string; can_sign: boolean }[] }>(
        ["status"],
      ).catch(() => ({ keys: [] }));
      if (keys.some((k) => k.key_id === keyId && k.can_sign)) break;
      assert(performance.now() < deadline, signers.map((n) => n.log).join("\n"));
      // Real processes need real time.
      await new Promise((resolve) => setTimeout(resolve, 150));
    }
    const { r, s } = await signers[1]!.ask<{ r: string; s: string }>(
      ["sign", "--key", keyId, "--file", `${root}/document`],
      [`${root}/document`],
    );
    assert(verifyIndependently(data, publicKey, r, s));
    assert.deepEqual(await Promise.all(signers.map((n) => n.stop())), [0, 0]);
  } finally {
    await Promise.all(nodes.map((n) => n.stop("SIGKILL")));
    await Deno.remove(root, { recursive: true });
  }
});
