/**
 * Makes the program: one JavaScript text with every module, the workers' code and the facts about
 * the build inside. The same checkout gives the same bytes, wherever it lies.
 *
 * @module
 */

import { toHex } from "../../lib/encoding/bytes.ts";
import type { BuildInfo } from "../../lib/build_info.ts";

/** The top of the checkout, with a slash at its end. */
export const ROOT = decodeURIComponent(new URL("../../", import.meta.url).pathname);

/** A step of a build that went wrong; the message says which and how. */
export class BuildError extends Error {
  override readonly name = "BuildError";
  /** What to do about it. */
  readonly hint: string;
  constructor(message: string, hint: string) {
    super(message);
    this.hint = hint;
  }
}

/** Runs a program in the checkout and returns its standard output. */
export async function run(program: string, args: readonly string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(program, {
    args: [...args],
    cwd: ROOT,
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  if (!success) {
    const said = decoder.decode(stderr).trim();
    throw new BuildError(`${program} ${args[0]} failed: ${said}`, "see the lines above");
  }
  return decoder.decode(stdout);
}

/** SHA-256 in hex. */
export async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  return toHex(new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)));
}

/**
 * Makes the program.
 *
 * @param form how it will be packed, for `transfunctioner version`.
 */
export async function makeProgram(form: BuildInfo["form"]): Promise<Uint8Array<ArrayBuffer>> {
  const folder = await Deno.makeTempDir({ prefix: "transfunctioner-build-" });
  try {
    // First the workers' code: the program has it inside as a text.
    await run(Deno.execPath(), ["task", "-q", "build"]);
    const file = `${folder}/program.js`;
    await run(Deno.execPath(), [
      "bundle",
      "-q",
      "--frozen",
      "--platform",
      "deno",
      "-o",
      file,
      "main.ts",
    ]);
    const text = withoutPlaces(await Deno.readTextFile(file));
    const info: BuildInfo = {
      commit: await commit(),
      dependencies: await dependencies(text),
      program: await sha256(new TextEncoder().encode(text)),
      form,
    };
    // Ahead of the text: the facts are there whichever module asks first.
    const head = `globalThis[Symbol.for("transfunctioner.build")] = ${JSON.stringify(info)};\n`;
    return new TextEncoder().encode(head + text);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Takes out where this machine keeps its packages: the bundler names modules by relative path. */
export function withoutPlaces(text: string): string {
  return text.replace(/[^\s"'`\\]*\/npm\/registry\.npmjs\.org\//g, "npm/");
}

/** The commit, from TRANSFUNCTIONER_COMMIT where there is no repository, as in a container build. */
async function commit(): Promise<string> {
  const given = Deno.env.get("TRANSFUNCTIONER_COMMIT");
  if (given !== undefined && given !== "") return given;
  try {
    const head = (await run("git", ["rev-parse", "HEAD"])).trim();
    const changes = await run("git", ["status", "--porcelain", "--untracked-files=no"]);
    return changes.trim() === "" ? head : `${head}-changed`;
  } catch {
    return "unknown";
  }
}

/** The packages that are in the program, with their integrity from deno.lock. */
async function dependencies(text: string): Promise<Record<string, string>> {
  const lock = JSON.parse(await Deno.readTextFile(`${ROOT}deno.lock`)) as {
    npm: Record<string, { integrity: string }>;
  };
  const inside = new Set(
    [...text.matchAll(/\bnpm\/((?:@[^/\s"'\\]+\/)?[^/@\s"'\\]+)\/([^/\s"'\\]+)\//g)]
      .map(([, name, version]) => `${name}@${version}`),
  );
  const out: Record<string, string> = {};
  for (const name of [...inside].sort()) {
    const integrity = lock.npm[name]?.integrity;
    if (integrity === undefined) {
      throw new BuildError(`${name} is in the program but not in deno.lock`, "run deno install");
    }
    out[name] = integrity;
  }
  return out;
}
