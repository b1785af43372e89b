/**
 * Measurements that run in processes of their own: one per back-end and per other library, so that
 * none pays for what another one compiled and allocated.
 *
 * @module
 */

import type { Row } from "./rows.ts";

const here = (path: string) => new URL(path, import.meta.url).pathname;

/** Rows of a measurement, or why there are none. */
export type Outcome = { readonly rows: readonly Row[] } | { readonly missing: string };

/** The committee and how often. */
export interface Size {
  readonly n: number;
  readonly threshold: number;
  readonly runs: number;
}

const sizes = ({ n, threshold, runs }: Size) => [
  "--n",
  String(n),
  "--threshold",
  String(threshold),
  "--runs",
  String(runs),
];

async function json(command: string, args: readonly string[], cwd?: string): Promise<Outcome> {
  let output: Deno.CommandOutput;
  try {
    output = await new Deno.Command(command, {
      args: [...args],
      ...cwd === undefined ? {} : { cwd },
      env: { GOPROXY: "off", GOFLAGS: "-mod=mod", GOSUMDB: "off" },
      stdout: "piped",
      stderr: "piped",
    }).output();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return { missing: `no ${command} on the path` };
    throw error;
  }
  const text = new TextDecoder().decode(output.success ? output.stdout : output.stderr);
  if (output.success) {
    return text.trim() === "" ? { rows: [] } : JSON.parse(text) as { rows: Row[] };
  }
  return { missing: text.trim().split("\n")[0]! };
}

const deno = (args: readonly string[]) => json(Deno.execPath(), ["run", "-A", "-q", ...args]);

/** The protocols of this project, all parties in one process. */
export function protocol(backend: "wasm" | "bigint", size: Size): Promise<Outcome> {
  return deno(["--frozen", here("protocol.ts"), "--backend", backend, ...sizes(size)]);
}

/** FROST of @noble/curves. */
export function frost(size: Size): Promise<Outcome> {
  return deno(["--frozen", here("compare/frost.ts"), ...sizes(size)]);
}

/** DKLs23 from npm; fetched, and for non-commercial use only, so it runs when asked for. */
export function dkls(size: Size): Promise<Outcome> {
  const name = "npm:@silencelaboratories/dkls-wasm-ll-node@1.2.0-pre.4";
  return deno([
    "--no-lock",
    "--no-config",
    here("compare/dkls.ts"),
    "--package",
    name,
    ...sizes(size),
  ]);
}

/**
 * Go's tss-lib, where Go is installed and the library is in its module cache; nothing is fetched.
 */
export async function go({ n, threshold, runs }: Size): Promise<Outcome> {
  const binary = await Deno.makeTempFile({ prefix: "transfunctioner-bench-" });
  try {
    const built = await json("go", ["build", "-o", binary, "."], here("compare/go/"));
    if ("missing" in built) return built;
    const outcome = await json(binary, [
      "-n",
      String(n),
      "-t",
      String(threshold),
      "-runs",
      String(runs),
      "-preparams",
      here("../testdata/preparams.json"),
    ]);
    if ("missing" in outcome) return outcome;
    return { rows: outcome.rows.map((row) => ({ ...row, of: "Go, tss-lib 2.0.2" })) };
  } finally {
    await Deno.remove(binary);
  }
}
