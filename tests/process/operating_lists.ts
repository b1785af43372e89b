/**
 * Command lines of the documents that `operating_test.ts` does not type, and why.
 *
 * @module
 */

/** Lines that name a command without saying everything that it needs: their help is shown. */
export const MENTIONED: readonly string[] = [
  "transfunctioner backup",
  "transfunctioner keys limit",
  "transfunctioner keys presign",
];

const SUITE = "runs the tests themselves";
const BUNDLE = "tests/process/bundle_test.ts builds the file twice and drives it";
const DEMO = "tests/process/first_signature_test.ts drives the same daemons to a signature";
const FIGURES = "measures for minutes; tests/bench runs parts of it";
const CHAOS = "tests/process/chaos_test.ts has a short run of it";
const FUZZ = "tests/fuzz has a moment of each target";

/** Lines that cannot be run there, or are run elsewhere. */
export const NOT_RUN: Readonly<Record<string, string>> = {
  "npx --yes deno@2.9.6 task demo": DEMO,
  "npx --yes deno@2.9.6 task test": SUITE,
  "npx --yes deno@2.9.6 task bundle": BUNDLE,
  "deno task demo": DEMO,
  "deno task bundle": BUNDLE,
  "deno task build": "every other task depends on it",
  "deno task compile": "downloads a runtime; tests/cli/compile_test.ts reads how it is called",
  "deno task daemon": "wants the ports of a real node; the line with --flags does the same",
  "deno task test": SUITE,
  "deno task test:long": SUITE,
  "deno task ok": SUITE,
  "deno task counts": "runs most attack tests; tests/attacks/table_test.ts checks its table",
  "deno run --allow-read tests/attacks/count.ts":
    "tests/attacks/table_test.ts checks what it counts",
  "deno task bench": FIGURES,
  "deno task bench --readme": FIGURES,
  "deno run -A bench/mesh.ts": FIGURES,
  "deno run -A --v8-flags=--expose-gc,--max-old-space-size=14000 bench/mesh.ts [--json] [--nodes …]":
    FIGURES,
  "deno task test:chaos": CHAOS,
  "deno task test:chaos --seconds 60 --seed 7 --verbose": CHAOS,
  "deno task fuzz --seconds 600": FUZZ,
  "deno task fuzz --seconds 600 --target envelope --seed 7": FUZZ,
  "transfunctioner COMMAND --help": "tests/cli/commands_test.ts runs it for every command",
};
