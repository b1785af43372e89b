/**
 * Fuzzes from the command line: `deno run -A tests/fuzz/run.ts --seconds 60 [--target json]
 * [--seed 1]`. Prints a line per target; exit 1 with the input on a finding.
 *
 * @module
 */

import { Finding, fuzz } from "./fuzzer.ts";
import { TARGETS } from "./targets.ts";

function option(name: string): string | undefined {
  const i = Deno.args.indexOf(`--${name}`);
  return i === -1 ? undefined : Deno.args[i + 1];
}

const print = (line: string) => Deno.stdout.writeSync(new TextEncoder().encode(line + "\n"));
const seconds = Number(option("seconds") ?? "60");
const seed = Number(option("seed") ?? String(Date.now() >>> 0));
const only = option("target");
const targets = TARGETS.filter((t) => only === undefined || t.name === only);
if (targets.length === 0 || !(seconds > 0) || Number.isNaN(seed)) {
  print(
    `usage: --seconds N [--seed N] [--target NAME], one of: ${
      TARGETS.map((t) => t.name).join(", ")
    }`,
  );
  Deno.exit(2);
}

let findings = 0;
let total = 0;
print(`seed ${seed}, ${seconds} s for each target`);
for (const target of targets) {
  try {
    const { inputs, accepted, slowestMs } = await fuzz(target, seed, {
      milliseconds: seconds * 1000,
    });
    total += inputs;
    print(
      `${target.name}: ${inputs} inputs, ${accepted} accepted, slowest ${slowestMs.toFixed(1)} ms`,
    );
  } catch (error) {
    if (!(error instanceof Finding)) throw error;
    findings++;
    print(`FINDING in ${error.message}\n${(error.cause as Error | undefined)?.stack ?? ""}`);
  }
}
print(`${targets.length} targets, ${total} inputs, ${findings} findings`);
Deno.exit(findings === 0 ? 0 : 1);
