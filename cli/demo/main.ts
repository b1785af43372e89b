/**
 * The demos: real daemons on this machine, driven through the command line.
 *
 *     deno task demo [--full] [--file PATH] [--json] [--fixtures]
 *
 * @module
 */

import { parseArgs } from "node:util";
import { systemTerminal } from "../terminal.ts";
import { firstSignature } from "./first.ts";
import { everyCeremony } from "./full.ts";
import { Story } from "./story.ts";

const USAGE = `Make a 2-of-3 ECDSA key among three daemons on this machine and sign a file with it.

USAGE
  deno task demo [--full] [--file PATH] [--json] [--fixtures]

OPTIONS
  --full        every ceremony on both curves instead: five daemons make 3-of-5 keys, sign, hand
                the keys to other committees twice, sign each time, and the old ones cannot any more
  --file PATH   the file to sign; default: the project's README.md
  --json        print one JSON object at the end instead of the story
  --fixtures    take ready-made test pre-parameters instead of searching primes; never for real keys
                (with --full: for the first key; each resharing needs new ones)
`;

async function main(): Promise<number> {
  const terminal = systemTerminal();
  let options;
  try {
    options = parseArgs({
      args: Deno.args,
      options: {
        file: { type: "string" },
        json: { type: "boolean" },
        fixtures: { type: "boolean" },
        full: { type: "boolean" },
        help: { type: "boolean", short: "h" },
      },
      strict: true,
    }).values;
  } catch (error) {
    terminal.err(`error: ${(error as Error).message}\nhint: run \`deno task demo --help\`\n`);
    return 2;
  }
  if (options.help) {
    terminal.out(USAGE);
    return 0;
  }
  const readme = decodeURIComponent(new URL("../../README.md", import.meta.url).pathname);
  const story = new Story(terminal, options.json ?? false);
  try {
    const file = await Deno.realPath(options.file ?? readme).catch(() => {
      throw new Error(`Cannot read ${options.file}: no such file`);
    });
    const play = options.full ? everyCeremony : firstSignature;
    await play(story, file, options.fixtures ?? false);
    return 0;
  } catch (error) {
    terminal.err(`error: the demo failed at "${story.phase}"\n`);
    terminal.err(`${error instanceof Error ? error.message : String(error)}\n`);
    return 1;
  }
}

Deno.exit(await main());
