/** The examples in mod.ts, checked and run as somebody who embeds the library would. */
import assert from "node:assert/strict";

const ROOT = decodeURIComponent(new URL("../../", import.meta.url).pathname);

Deno.test("every example in mod.ts is type-checked and runs", async () => {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["test", "-q", "-A", "--frozen", "--doc", "mod.ts"],
    cwd: ROOT,
    env: { NO_COLOR: "1" },
    stdin: "null",
    signal: AbortSignal.timeout(600_000),
  }).output();
  const text = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  assert.equal(code, 0, text);
  const examples = (await Deno.readTextFile(`${ROOT}mod.ts`)).match(/^ \* ```ts$/gm)!.length;
  assert.match(text, new RegExp(`\\b${examples} passed \\| 0 failed`));
});
