/**
 * `deno task bundle`: makes one self-contained executable file from the installed runtime and the
 * bundled program. Needs no network, and neither does the file.
 *
 *     deno task bundle [--out FILE] [--runtime PATH]
 *
 * @module
 */

import { parseArgs } from "node:util";
import { VERSION } from "../../lib/version.ts";
import { systemTerminal } from "../terminal.ts";
import { BuildError, makeProgram, ROOT, sha256 } from "./program.ts";

const USAGE = `Make one executable file from this checkout and the installed runtime.

USAGE
  deno task bundle [--out FILE] [--runtime PATH]

OPTIONS
  --out FILE      where to put it; default: dist/transfunctioner
  --runtime PATH  a Deno of the same version, for another system; default: the one that runs this
`;

/** Compresses; the same bytes each time, as the header holds no time. */
async function gzip(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  const stream = new Blob([bytes]).stream().pipeThrough(new CompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** Puts the facts into the launcher's text. */
export function fillLauncher(template: string, facts: Readonly<Record<string, string>>): string {
  const filled = Object.entries(facts).reduce(
    (text, [name, value]) => text.replaceAll(`@${name}@`, value),
    template,
  );
  const open = /@[A-Z_]+@/.exec(filled);
  if (open !== null) throw new Error(`The launcher needs ${open[0]}`);
  return filled;
}

/** Makes the file and returns its SHA-256. */
export async function bundle(out: string, runtimePath: string): Promise<string> {
  const program = await makeProgram("bundle");
  const runtime = await Deno.readFile(runtimePath);
  const template = await Deno.readTextFile(new URL("./launcher.sh", import.meta.url));
  const packed = await gzip(program);
  const head = fillLauncher(template, {
    VERSION,
    PROGRAM_HASH: await sha256(program),
    PROGRAM_SIZE: String(packed.length),
    RUNTIME_HASH: await sha256(runtime),
    HEAD_LINES: String(template.split("\n").length - 1),
  });
  const whole = new Uint8Array(
    await new Blob([head, packed, await gzip(runtime)]).arrayBuffer(),
  );
  await Deno.mkdir(out.slice(0, out.lastIndexOf("/") + 1) || ".", { recursive: true });
  await Deno.writeFile(`${out}.part`, whole, { mode: 0o755 });
  await Deno.chmod(`${out}.part`, 0o755);
  await Deno.rename(`${out}.part`, out);
  return await sha256(whole);
}

async function main(): Promise<number> {
  const terminal = systemTerminal();
  try {
    const { values } = parseArgs({
      args: Deno.args,
      options: {
        out: { type: "string", default: `${ROOT}dist/transfunctioner` },
        runtime: { type: "string", default: Deno.execPath() },
        help: { type: "boolean", short: "h" },
      },
      strict: true,
    });
    if (values.help) {
      terminal.out(USAGE);
      return 0;
    }
    terminal.out(`${await bundle(values.out, values.runtime)}  ${values.out}\n`);
    return 0;
  } catch (error) {
    terminal.err(`error: ${error instanceof Error ? error.message : error}\n`);
    const hint = error instanceof BuildError ? error.hint : "run `deno task bundle --help`";
    terminal.err(`hint: ${hint}\n`);
    return 1;
  }
}

if (import.meta.main) Deno.exit(await main());
