/** `transfunctioner version`. @module */

import type { CommandSpec } from "./command.ts";
import { EXIT } from "./exit.ts";
import { printJson } from "./output.ts";
import { buildInfo } from "../lib/build_info.ts";
import { PROTOCOL_VERSION, TRANSPORT_VERSION, VERSION } from "../lib/version.ts";

/** Prints the version of the program, its wire and its runtime. */
export const command: CommandSpec = {
  name: "version",
  summary: "Print the version.",
  usage: "[--json]",
  maxWords: 0,
  options: { json: { help: "print one JSON object for machines" } },
  examples: ["transfunctioner version --json"],
  run({ terminal, on }) {
    const build = buildInfo();
    if (on.has("json")) {
      printJson(terminal, "transfunctioner/version/1", {
        version: VERSION,
        protocol: PROTOCOL_VERSION,
        transport: TRANSPORT_VERSION,
        deno: Deno.version.deno,
        v8: Deno.version.v8,
        form: build?.form ?? "source",
        commit: build?.commit ?? null,
        program: build?.program ?? null,
        dependencies: build?.dependencies ?? null,
      });
    } else {
      terminal.out(
        `transfunctioner ${VERSION} (wire ${TRANSPORT_VERSION}.${PROTOCOL_VERSION}, ` +
          `Deno ${Deno.version.deno}${
            build === null ? "" : `, commit ${build.commit.slice(0, 12)}`
          })\n`,
      );
    }
    return Promise.resolve(EXIT.done);
  },
};
