import assert from "node:assert/strict";
import { readLine } from "../../cli/command.ts";
import { CliError, EXIT } from "../../cli/exit.ts";
import { command } from "../../cli/keygen.ts";
import { callWhenReady, type WaitWorld } from "../../cli/waiting.ts";
import { fakeTerminal } from "./fake_terminal.ts";

const NOT_READY = new CliError(EXIT.refused, "not ready: a", undefined, "TF-NOT-READY");

/** Calls with `--wait` while the daemon answers from a list: an error is thrown. */
async function wait(words: string[], answers: unknown[], search?: object) {
  let now = 0;
  const notes: string[] = [];
  const invocation = readLine(command, words, fakeTerminal());
  const world: WaitWorld = {
    call: <T>(method: string) => {
      if (method === "status") {
        return search === undefined
          ? Promise.reject(new Error("no answer"))
          : Promise.resolve({ pre_params: search } as T);
      }
      const answer = answers.shift();
      return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer as T);
    },
    pause: (ms) => {
      now += ms;
      return Promise.resolve();
    },
    now: () => now,
  };
  const progress = { show: () => {}, note: (text: string) => void notes.push(text) };
  const run = callWhenReady<unknown>(invocation, "keygen", {}, progress, world);
  return { result: await run.catch((error: unknown) => error), notes, now };
}

Deno.test("callWhenReady() asks again while members are not ready, and shows why", async () => {
  const found = await wait(["--wait", "10"], [NOT_READY, NOT_READY, "made"], {
    ready: 0,
    making: true,
    found: 1,
    of: 4,
    per_second: 812.4,
    left_ms: 9_000,
  });
  assert.equal(found.result, "made");
  assert.equal(found.now, 2_000);
  assert.deepEqual(
    found.notes,
    Array(2).fill(
      "pre-parameters [##------] 1 of 4 primes, 812/s, about 9.0 s left; not ready: a",
    ),
  );
  const ready = await wait(["--wait", "10"], [NOT_READY, 1], { ready: 1, making: true });
  assert.deepEqual(ready.notes, ["not ready: a"]);
  assert.deepEqual((await wait(["--wait", "10"], [NOT_READY, 1])).notes, ["not ready: a"]);
});

Deno.test("callWhenReady() gives up when the time is over, and at once without --wait", async () => {
  assert.equal((await wait([], [NOT_READY])).result, NOT_READY);
  const late = await wait(["--wait", "3"], Array(9).fill(NOT_READY));
  assert.deepEqual([late.result, late.now], [NOT_READY, 3_000]);
  const other = new CliError(EXIT.refused, "no", undefined, "TF-NOT-ALLOWED");
  assert.equal((await wait(["--wait", "9"], [other])).result, other);
  for (const bad of ["0", "x", "-1"]) {
    assert.match(String((await wait(["--wait=" + bad], [])).result), /whole number of seconds/);
  }
});
