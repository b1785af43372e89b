/** The README's five minutes to a signature, typed into a shell as they stand there. */
import assert from "node:assert/strict";
import { fixtureSets } from "../../cli/demo/fixtures.ts";
import { freePorts } from "../../cli/demo/processes.ts";
import { examples } from "../docs/command_lines.ts";
import { document, ROOT } from "../docs/source_tree.ts";

const PLACE = decodeURIComponent(ROOT.pathname);

/** Stands for the self-contained file: the program, with the permissions that a line needs. */
const LAUNCHER = `#!/bin/sh
run="${Deno.execPath()} run -q --no-prompt --frozen --config ${PLACE}deno.json"
flags=$($run -A ${PLACE}main.ts permissions --lines -- "$@") || exit
IFS='
'
exec ${Deno.execPath()} run -q --frozen --config ${PLACE}deno.json $flags ${PLACE}main.ts "$@"
`;

Deno.test("the README's block of five minutes makes a signature", async () => {
  const { scripts } = examples(await document("README.md"));
  assert.equal(scripts.length, 1);
  const root = await Deno.makeTempDir({ prefix: "transfunctioner-test-" });
  try {
    await Deno.mkdir(`${root}/dist`);
    await Deno.writeTextFile(`${root}/dist/transfunctioner`, LAUNCHER, { mode: 0o755 });
    await Deno.writeTextFile(`${root}/README.md`, "anything\n");
    const sets = await fixtureSets();
    for (const i of [0, 1]) await Deno.writeTextFile(`${root}/${i}.json`, sets[i]!);
    const [one, two, adminOne, adminTwo] = freePorts(4);
    let script = scripts[0]!;
    const put = (from: string, to: string) => {
      assert(script.includes(from), `the README has no ${from} any more`);
      script = script.replaceAll(from, to);
    };
    put("45067", `${one}`);
    put("45077", `${two}`);
    put("45078", `${adminTwo}`);
    // Ed25519, and pre-parameters that are there: a minute less.
    put("--threshold 1 ", "--threshold 1 --curve ed25519 ");
    const stock = ["$d/a/$A", "$d/b/$B"].map((folder, i) =>
      `cp ${root}/${i}.json ${folder}/preparams.json; ` +
      `chmod 600 ${folder}/preparams.json\n`
    );
    put("export TRF_INITIATORS", `${stock.join("")}export TRF_INITIATORS`);
    // Where a line fails the daemons have to go, too.
    const head = `set -eE; trap 'cat $d/a.log $d/b.log >&2; kill %1 %2' ERR; umask 077\n`;
    const { code, stdout, stderr } = await new Deno.Command("bash", {
      args: ["-c", `${head}${script}wait %1; wait %2; echo ended; rm -r $d`],
      cwd: root,
      env: { TRF_ADMIN_ADDRESS: `127.0.0.1:${adminOne}`, TMPDIR: root },
      stdin: "null",
    }).output();
    const [out, err] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
    assert.equal(code, 0, out! + err);
    assert.match(out!, /^signature +[0-9a-f]{128}$[^]*^[0-9a-f]{32} .* yes$[^]*^ended$/m);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});
