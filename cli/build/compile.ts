/**
 * `deno task compile`: makes a binary with `deno compile`, the permissions of one configuration
 * baked in. Downloads Deno's base runtime (`denort`) for the target; where that cannot be had,
 * `deno task bundle` does without.
 *
 *     deno task compile [--target TRIPLE] [--out FILE] [OPTIONS OF THE DAEMON]
 *
 * @module
 */

import { loadConfig } from "../../lib/node/config.ts";
import { daemonPermissions } from "../../lib/node/permissions.ts";
import { readLine } from "../command.ts";
import { configFlags } from "../connect.ts";
import { readEnvironment } from "../environment.ts";
import { DAEMON_OPTIONS } from "../settings_options.ts";
import { systemTerminal } from "../terminal.ts";
import { BuildError, makeProgram, ROOT, run } from "./program.ts";

/** Systems that Deno has a base runtime for and this program is meant for. */
export const TARGETS = [
  "x86_64-unknown-linux-gnu",
  "aarch64-unknown-linux-gnu",
  "x86_64-apple-darwin",
  "aarch64-apple-darwin",
];

/**
 * Returns the arguments of `deno compile`. Permissions are fixed for ever in the file: those of the
 * daemon with the given configuration, and `HOME` for commands that look for `~`.
 *
 * @param permissions what `daemonPermissions()` returned.
 */
export function compileArguments(
  permissions: readonly string[],
  target: string,
  out: string,
  program: string,
): string[] {
  const grants = permissions.map((flag) => flag.startsWith("--allow-env=") ? `${flag},HOME` : flag)
    .filter((flag) => flag !== "--frozen");
  return [
    "compile",
    "--quiet",
    "--no-config",
    "--no-lock",
    "--no-npm",
    "--no-check",
    "--no-code-cache",
    "--unstable-worker-options",
    "--target",
    target,
    "--output",
    out,
    ...grants,
    // The workers' code and everything else is in this one text: no --include is needed.
    program,
  ];
}

async function main(): Promise<number> {
  const terminal = systemTerminal();
  try {
    const line = readLine(
      {
        name: "compile",
        summary: "Make a binary with `deno compile`.",
        usage: "[--target TRIPLE] [--out FILE] [OPTIONS OF THE DAEMON]",
        maxWords: 0,
        options: {
          target: { value: "TRIPLE", help: TARGETS.join(", ") },
          out: { value: "FILE", help: "default: dist/transfunctioner-TRIPLE" },
          ...DAEMON_OPTIONS,
        },
        examples: [],
        run: () => Promise.resolve(0),
      },
      Deno.args,
      terminal,
    );
    const target = line.text["target"] ?? Deno.build.target;
    if (!TARGETS.includes(target)) {
      throw new BuildError(`no target ${target}`, `known: ${TARGETS.join(", ")}`);
    }
    const out = line.text["out"] ?? `${ROOT}dist/transfunctioner-${target}`;
    const config = await loadConfig({
      flags: configFlags(line, Object.keys(DAEMON_OPTIONS)),
      env: readEnvironment(),
    });
    const folder = await Deno.makeTempDir({ prefix: "transfunctioner-build-" });
    try {
      const program = `${folder}/transfunctioner.js`;
      await Deno.writeFile(program, await makeProgram("compile"));
      const args = compileArguments(daemonPermissions(config), target, out, program);
      await run(Deno.execPath(), args).catch((error: unknown) => {
        throw new BuildError(
          error instanceof Error ? error.message : String(error),
          "deno compile downloads its base runtime; where it cannot, use `deno task bundle`",
        );
      });
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
    terminal.out(`${out}\n`);
    return 0;
  } catch (error) {
    terminal.err(`error: ${error instanceof Error ? error.message : error}\n`);
    const hint = (error as { hint?: string }).hint;
    if (hint !== undefined) terminal.err(`hint: ${hint}\n`);
    return 1;
  }
}

if (import.meta.main) Deno.exit(await main());
