/** Completions and the manual page, checked by the programs that read them where there are any. */
import assert from "node:assert/strict";
import { COMMANDS } from "../../cli/registry.ts";
import { CONFIG_OPTIONS } from "../../lib/node/config.ts";
import { runLine } from "./fake_terminal.ts";

/** Runs a program on a text; null if the program is not installed. */
async function pipe(program: string, args: string[], input: string) {
  let child;
  try {
    child = new Deno.Command(program, {
      args,
      // Whatever locale is asked for here may not be installed, which shells complain about.
      env: { LC_ALL: "C", LANG: "C" },
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(input)).catch(() => {});
  await writer.close().catch(() => {});
  const { code, stdout, stderr } = await child.output();
  const decoder = new TextDecoder();
  return { code, out: decoder.decode(stdout), err: decoder.decode(stderr) };
}

for (const shell of ["bash", "zsh", "fish"]) {
  Deno.test(`completions ${shell} know every command and option, and parse`, async () => {
    const { code, out } = await runLine("completions", shell);
    assert.equal(code, 0);
    for (const { name, load } of COMMANDS) {
      assert(out.includes(name));
      for (const option of Object.keys((await load()).options)) {
        assert(out.includes(shell === "fish" ? `-l ${option}` : `--${option}`), option);
      }
    }
    const parsed = await pipe(shell, ["-n"], out);
    if (parsed !== null) assert.deepEqual(parsed, { code: 0, out: "", err: "" });
  });
}

Deno.test("bash completes commands, verbs and options", async () => {
  const { out } = await runLine("completions", "bash");
  const complete = async (...words: string[]) => {
    const array = words.map((w) => `'${w}'`).join(" ");
    const result = await pipe(
      "bash",
      ["--norc"],
      `${out}\nCOMP_WORDS=(transfunctioner ${array}); COMP_CWORD=${words.length}\n` +
        `_transfunctioner; echo "\${COMPREPLY[@]}"\n`,
    );
    return result?.out.trim();
  };
  assert.equal(await complete("per"), "permissions");
  assert.equal(await complete("ceremonies", "app"), "approve");
  assert.equal(await complete("keygen", "--thr"), "--threshold");
  assert.equal(await complete("completions", "f"), "fish");
  assert.equal(await complete("sign", "--digest", ""), "");
});

Deno.test("completions refuses a shell it does not know", async () => {
  assert.equal((await runLine("completions")).code, 2);
  assert.equal((await runLine("completions", "tcsh")).code, 2);
});

Deno.test("manual names every command, option and setting, and formats cleanly", async () => {
  const { code, out } = await runLine("manual");
  assert.equal(code, 0);
  assert.match(out, /^\.TH TRANSFUNCTIONER 1 /);
  for (const { name } of COMMANDS) {
    assert(out.includes(`.SS "transfunctioner ${name.replaceAll("-", "\\-")}`), name);
  }
  for (const { variable } of CONFIG_OPTIONS) assert(out.includes(variable));
  const formatted = await pipe("groff", ["-man", "-Tutf8", "-ww", "-z"], out);
  if (formatted !== null) assert.deepEqual(formatted, { code: 0, out: "", err: "" });
});
