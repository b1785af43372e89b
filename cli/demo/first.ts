/**
 * The main job: three daemons with locked permissions make a key and sign a file.
 *
 * @module
 */

import { toHex } from "../../lib/encoding/bytes.ts";
import { onStage, preParamsReady } from "./nodes.ts";
import type { Story } from "./story.ts";
import { derSignature, verifyIndependently } from "./verify.ts";

interface KeygenAnswer {
  readonly key_id: string;
  readonly public_key: string;
  readonly ethereum_address: string;
  readonly committee: readonly string[];
  readonly threshold: number;
}
interface SignAnswer {
  readonly digest: string;
  readonly r: string;
  readonly s: string;
  readonly recovery_id: number;
  readonly committee: readonly string[];
}

/** Makes a 2-of-3 ECDSA key and signs `file` with it. */
export async function firstSignature(story: Story, file: string, fixtures: boolean): Promise<void> {
  const begun = performance.now();
  const data = await Deno.readFile(file);
  story.say("transfunctioner demo: three nodes, one key that none of them holds, one signature\n");
  const shown = await onStage(story, 3, "three", fixtures, async (stage) => {
    const { nodes, identities, root } = stage;
    const made = fixtures ? "pre-parameters from the fixtures" : "pre-parameters (12 safe primes)";
    await preParamsReady(story, "preparams", made, nodes);

    const key = await story.step(
      "keygen",
      "2-of-3 ECDSA key generation",
      () =>
        nodes[0]!.ask<KeygenAnswer>([
          "keygen",
          "--members",
          identities.join(","),
          "--threshold",
          "1",
        ]),
    );

    const signature = await story.step(
      "sign",
      "signature by two of the three",
      () => nodes[0]!.ask<SignAnswer>(["sign", "--key", key.key_id, "--file", file], [file]),
    );

    const digest = toHex(new Uint8Array(await crypto.subtle.digest("SHA-256", data)));
    const verified = await story.step("verify", "signature checked by node:crypto", () => {
      const ok = signature.digest === digest &&
        verifyIndependently(data, key.public_key, signature.r, signature.s);
      return ok
        ? Promise.resolve(true)
        : Promise.reject(new Error("The signature does not verify; keep the logs and report this"));
    });
    return { key, signature, digest, verified, identities, root };
  });
  const { key, signature, digest, verified, identities, root } = shown;

  story.timings.total = Math.round(performance.now() - begun) / 1000;
  if (story.json) {
    story.terminal.out(
      JSON.stringify({
        schema: "transfunctioner/demo/1",
        key_id: key.key_id,
        public_key: key.public_key,
        ethereum_address: key.ethereum_address,
        committee: key.committee,
        threshold: key.threshold,
        signers: signature.committee,
        file,
        digest,
        r: signature.r,
        s: signature.s,
        recovery_id: signature.recovery_id,
        der: derSignature(signature.r, signature.s),
        verified,
        timings: story.timings,
      }) + "\n",
    );
    return;
  }
  const lines: [string, string][] = [
    ...identities.map((id, i): [string, string] => [`node ${i + 1}`, id]),
    ["key id", key.key_id],
    ["committee", `${key.committee.length} members, any ${key.threshold + 1} sign`],
    ["public key", key.public_key],
    ["ethereum address", key.ethereum_address],
    ["file", file],
    ["sha-256", digest],
    ["signers", signature.committee.map((id) => id.slice(0, 8)).join(" ")],
    ["r", signature.r],
    ["s", signature.s],
    ["recovery id", String(signature.recovery_id)],
    ["der", derSignature(signature.r, signature.s)],
    ["verified", "yes, by node:crypto"],
  ];
  story.say("");
  for (const [name, value] of lines) story.say(`${name.padEnd(16)}  ${value}`);
  story.say(
    `\nDone in ${story.timings.total.toFixed(1)} s. Everything was in ${root}, now removed.`,
  );
}
