/**
 * The short version of the fuzzers; the long one is `deno run -A tests/fuzz/run.ts --seconds 600`.
 */

import assert from "node:assert/strict";
import { fuzz } from "./fuzzer.ts";
import { TARGETS } from "./targets.ts";

const MILLISECONDS = Number(Deno.env.get("TF_FUZZ_SECONDS") ?? "0.6") * 1000;

for (const target of TARGETS) {
  Deno.test(`fuzzing ${target.name} finds nothing`, async () => {
    // A fixed seed: what the normal tests try does not depend on the day.
    const { inputs } = await fuzz(target, 20260101, { milliseconds: MILLISECONDS, inputs: 20_000 });
    assert.ok(inputs >= 30, `only ${inputs} inputs`);
  });
}

Deno.test("fuzz() notices a parser that throws the wrong error", async () => {
  await assert.rejects(
    fuzz(
      {
        name: "bent",
        corpus: [new Uint8Array(8)],
        refusals: [TypeError],
        run(input) {
          if (input.length > 8) (undefined as unknown as string).trim();
        },
      },
      1,
      { inputs: 1_000 },
    ),
    /bent: TypeError/,
  );
});
