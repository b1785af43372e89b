import assert from "node:assert/strict";
import { paceOf } from "../../cli/ceremony_view.ts";
import type { DaemonLink } from "../../cli/connect.ts";
import { bar } from "../../cli/output.ts";
import type { Terminal } from "../../cli/terminal.ts";
import { type View, watch } from "../../cli/watch.ts";
import { fakeTerminal, runLine } from "./fake_terminal.ts";

interface Counted {
  readonly n: number;
}

const VIEW: View<Counted> = {
  title: "counting",
  method: "count",
  params: {},
  schema: "transfunctioner/count/1",
  draw: (terminal, { n }) => Promise.resolve(terminal.out(`count ${n}\n`)),
  lines: ({ n }) => [["half", `half ${n >> 1}`], ["odd", n % 2 === 1 ? "odd" : ""]],
};

/** Watches through `answers` (a null is a daemon that is away), then interrupts. */
async function watched(
  answers: readonly (Counted | null)[],
  options: { readonly screen?: boolean; readonly json?: boolean } = {},
): Promise<{ out: string; opened: number; closed: number }> {
  let interrupt = () => {};
  const counts = { opened: 0, closed: 0 };
  let at = 0;
  const base = fakeTerminal();
  const terminal: Terminal = {
    ...base,
    screen: options.screen ?? false,
    size: () => ({ columns: 60, rows: 8 }),
    onInterrupt: (handler) => {
      interrupt = handler;
      return () => interrupt = () => assert.fail("still listening");
    },
  };
  const link: DaemonLink = {
    call: <T>() => {
      const answer = answers[at++];
      if (answer === null) return Promise.reject(new Error("nobody is there"));
      return Promise.resolve(answer as T);
    },
    close: () => void counts.closed++,
  };
  const code = await watch(VIEW, 2_000, terminal, options.json ?? false, {
    open: () => {
      counts.opened++;
      return Promise.resolve(link);
    },
    pause: (ms) => {
      assert.equal(ms, 2_000);
      if (at >= answers.length) interrupt();
      return Promise.resolve();
    },
    now: () => new Date(2026, 0, 2, 3, 4, 5 + at),
  });
  assert.equal(code, 0);
  return { out: base.written().out, ...counts };
}

Deno.test("watch() draws over in a terminal and leaves it as it was", async () => {
  const { out, opened, closed } = await watched([{ n: 1 }, { n: 2 }], { screen: true });
  assert(out.startsWith("\x1b[?1049h\x1b[?25l"));
  assert(out.endsWith("\x1b[?25h\x1b[?1049lcount 2\n"));
  assert.equal(out.split("\x1b[H").length, 3);
  assert(out.includes("counting, every 2 s; 03:04:06; Ctrl-C ends"));
  assert.deepEqual([opened, closed], [1, 1]);
});

Deno.test("watch() fits what it draws to the terminal's size", async () => {
  const long: View<Counted> = {
    ...VIEW,
    draw: (terminal) => Promise.resolve(terminal.out("x".repeat(99) + "\n" + "y\n".repeat(99))),
  };
  let out = "";
  let end = () => {};
  await watch(
    long,
    1_000,
    {
      ...fakeTerminal(),
      out: (text) => void (out += text),
      screen: true,
      size: () => ({ columns: 20, rows: 6 }),
      onInterrupt: (handler) => {
        end = handler;
        return () => {};
      },
    },
    false,
    {
      open: () =>
        Promise.resolve({ call: <T>() => Promise.resolve({ n: 1 } as T), close: () => {} }),
      pause: () => Promise.resolve(end()),
      now: () => new Date(0),
    },
  );
  const drawn = out.slice(out.indexOf("\x1b[H") + 3, out.indexOf("\x1b[J"));
  const lines = drawn.split("\x1b[K\n").slice(0, -1);
  assert.equal(lines.length, 5);
  assert(lines.every((line) => line.length <= 20));
});

Deno.test("watch() writes what changed where nobody can see it drawn over", async () => {
  const { out } = await watched([{ n: 2 }, { n: 3 }, { n: 3 }, { n: 4 }]);
  assert.deepEqual(out.split("\n"), [
    "03:04:06  half 1",
    "03:04:07  odd",
    "03:04:09  half 2",
    "",
  ]);
});

Deno.test("watch() waits for a daemon that stops meanwhile", async () => {
  const { out, opened, closed } = await watched([{ n: 2 }, null, null, { n: 2 }]);
  assert.deepEqual(out.split("\n"), ["03:04:06  half 1", "03:04:07  error: nobody is there", ""]);
  assert.deepEqual([opened, closed], [3, 3]);
  const { out: drawn } = await watched([{ n: 7 }, null], { screen: true });
  assert(drawn.includes("error: nobody is there\x1b[K\n\x1b[K\nbefore:\x1b[K"));
  assert(drawn.endsWith("\x1b[?1049lcount 7\n"));
});

Deno.test("watch() gives machines one JSON object a look", async () => {
  const { out } = await watched([{ n: 1 }, null, { n: 1 }], { json: true });
  const objects = out.trimEnd().split("\n").map((line) => JSON.parse(line));
  assert.deepEqual(objects.map((o) => [o.schema, o.n, o.error?.message]), [
    ["transfunctioner/count/1", 1, undefined],
    ["transfunctioner/error/1", undefined, "nobody is there"],
    ["transfunctioner/count/1", 1, undefined],
  ]);
  assert(objects.every((o) => !Number.isNaN(Date.parse(o.at))));
});

Deno.test("watch() ends when nobody reads any more", async () => {
  let looks = 0;
  await watch(VIEW, 1_000, { ...fakeTerminal(), gone: () => looks > 1 }, true, {
    open: () =>
      Promise.resolve({
        call: <T>() => Promise.resolve({ n: looks++ } as T),
        close: () => {},
      }),
    pause: () => Promise.resolve(),
    now: () => new Date(0),
  });
  assert.equal(looks, 2);
});

Deno.test("--every is read, and goes with --watch only", async () => {
  for (const words of [["--every", "3"], ["--watch", "--every", "0"], ["-w", "--every", "x"]]) {
    assert.equal((await runLine("status", ...words)).code, 2);
  }
  assert.match((await runLine("ceremonies", "show", "ab", "--watch")).err, /the list only/);
});

Deno.test("bar() and paceOf() say how far it is and how long it takes", () => {
  assert.equal(bar(0, 4), "[----------]");
  assert.equal(bar(1, 2), "[#####-----]");
  assert.equal(bar(9, 4, 4), "[####]");
  assert.equal(bar(1, 0, 3), "[---]");
  assert.equal(paceOf({ round: 1, rounds: 9 }, 500), "");
  assert.equal(paceOf({ round: 3 }, 500), "");
  assert.equal(paceOf({ round: 3, rounds: 9 }, 2_000), ", 1.0 s a round, about 7 s left");
});
