import assert from "node:assert/strict";
import fc from "fast-check";
import { encodeJson, type JsonInput } from "../../lib/encoding/json.ts";
import { Inbox, shortName, type Waiting } from "../../lib/ceremony/inbox.ts";
import type { MessageSpec } from "../../lib/tss/channel.ts";
import * as ecdsa from "../../lib/tss/ecdsa/messages.ts";
import * as eddsa from "../../lib/tss/eddsa/messages.ts";
import { type Committee, ContentError, ProtocolError } from "../../lib/tss/errors.ts";
import type { Json } from "../../lib/encoding/json.ts";

function spec(name: string, round: number, from: Committee = "single"): MessageSpec<bigint> {
  return {
    type: `fake.protocol.${name}`,
    round,
    from,
    parse(content: Json) {
      const value = content instanceof Map ? content.get("Value") : undefined;
      if (typeof value !== "bigint") throw new ContentError("Value", "must be an integer");
      return value;
    },
  };
}

const One = spec("One", 1);
const Two = spec("Two", 2);
const envelope = (s: MessageSpec<unknown>, value: JsonInput) =>
  encodeJson({ t: s.type, c: { Value: value } });

function inbox(specs: MessageSpec<unknown>[] = [One, Two]) {
  const conflicts: string[] = [];
  const waits: Waiting[] = [];
  const box = new Inbox({
    task: "fake-task",
    specs,
    onConflict: (c, i, t) => conflicts.push(`${c}/${i}/${shortName(t)}`),
    onWaiting: (w) => waits.push(w),
  });
  return { box, conflicts, waits };
}

async function failure(promise: Promise<unknown>): Promise<ProtocolError> {
  const error = await promise.then(() => null, (e) => e);
  assert.ok(error instanceof ProtocolError, `expected a ProtocolError, got ${error}`);
  return error;
}

Deno.test("Inbox.collect() resolves with everybody's content, in party order", async () => {
  const { box } = inbox();
  const heard = box.collect(One, [0, 2]);
  box.receive("single", 2, envelope(One, 22n));
  box.receive("single", 0, envelope(One, 20n));
  assert.deepEqual([...await heard], [[0, 20n], [2, 22n]]);
});

Deno.test("Inbox.collect() of nobody resolves at once", async () => {
  assert.equal((await inbox().box.collect(One, [])).size, 0);
});

Deno.test("Inbox.collect() finds messages that came before their round", async () => {
  const { box } = inbox();
  box.receive("single", 1, envelope(Two, 5n));
  box.receive("single", 1, envelope(One, 4n));
  assert.deepEqual([...await box.collect(One, [1])], [[1, 4n]]);
  assert.deepEqual([...await box.collect(Two, [1])], [[1, 5n]]);
});

Deno.test("Inbox.collect() of two types at once waits for both", async () => {
  const { box, waits } = inbox();
  const both = Promise.all([box.collect(One, [1]), box.collect(Two, [1])]);
  assert.deepEqual(waits.at(-1)!.types, ["One", "Two"]);
  box.receive("single", 1, envelope(Two, 5n));
  box.receive("single", 1, envelope(One, 4n));
  assert.deepEqual((await both).map((m) => m.get(1)), [4n, 5n]);
});

Deno.test("Inbox drops identical repeats and keeps the first of two different ones", async () => {
  const { box, conflicts } = inbox();
  box.receive("single", 1, envelope(One, 1n));
  box.receive("single", 1, envelope(One, 1n));
  assert.deepEqual(conflicts, []);
  box.receive("single", 1, envelope(One, 2n));
  assert.deepEqual(conflicts, ["single/1/One"]);
  assert.equal((await box.collect(One, [1])).get(1), 1n);
});

Deno.test("Inbox tells whom it waits for", async () => {
  const { box, waits } = inbox();
  const heard = box.collect(Two, [0, 1, 3]);
  box.receive("single", 1, envelope(Two, 1n));
  assert.deepEqual(waits.at(-1), {
    round: 2,
    types: ["Two"],
    missing: [{ committee: "single", index: 0 }, { committee: "single", index: 3 }],
  });
  box.receive("single", 0, envelope(Two, 1n));
  box.receive("single", 3, envelope(Two, 1n));
  assert.deepEqual(waits.at(-1)!.missing, []);
  await heard;
});

const bad: [name: string, data: Uint8Array, reason: RegExp][] = [
  ["not JSON", new Uint8Array([0xff]), /must be JSON/],
  ["empty", new Uint8Array(0), /must be JSON/],
  ["a list", encodeJson([1n]), /must be an object/],
  ["no type", encodeJson({ c: {} }), /must be an object/],
  ["no content", encodeJson({ t: One.type }), /must be an object/],
  ["a third key", encodeJson({ t: One.type, c: {}, x: 1n }), /must be an object/],
  ["a number as type", encodeJson({ t: 1n, c: {} }), /t: must be a string/],
  ["an unknown type", encodeJson({ t: "fake.protocol.Nine", c: {} }), /type of this ceremony/],
  ["null content", encodeJson({ t: One.type, c: null }), /Value: must be an integer/],
  ["empty content", encodeJson({ t: One.type, c: {} }), /Value: must be an integer/],
  ["deep nesting", new TextEncoder().encode("[".repeat(5000)), /must be JSON/],
  ["too large", new Uint8Array(1024 * 1024 + 1), /must not exceed/],
];
for (const [name, data, reason] of bad) {
  Deno.test(`Inbox blames the sender of a message that is ${name}`, async () => {
    const { box } = inbox();
    const heard = box.collect(One, [0, 1]);
    box.receive("single", 1, data);
    const error = await failure(heard);
    assert.match(error.reason, reason);
    assert.deepEqual(error.culprits, [1]);
    assert.equal(error.task, "fake-task");
    // The run is over: nothing that is asked later waits for ever.
    assert.equal(await failure(box.collect(Two, [0])), error);
  });
}

Deno.test("Inbox names the round that sends the malformed message", async () => {
  const { box } = inbox();
  const heard = box.collect(One, [0]);
  box.receive("single", 0, encodeJson({ t: Two.type, c: {} }));
  assert.equal((await failure(heard)).round, 2);
});

Deno.test("Inbox never puts a parser's own error text into the reason", async () => {
  const leaky: MessageSpec<never> = {
    ...One,
    parse() {
      throw new RangeError("value 123456789 is out of range");
    },
  };
  const { box } = inbox([leaky]);
  box.receive("single", 0, envelope(One, 1n));
  const error = await failure(box.collect(leaky, [0]));
  assert.equal(error.reason, "malformed One: cannot be read");
});

Deno.test("Inbox blames a member that sends a type of the other committee", async () => {
  const FromOld = spec("FromOld", 1, "old");
  const FromNew = spec("FromNew", 2, "new");
  const { box } = inbox([FromOld, FromNew]);
  box.receive("old", 1, envelope(FromNew, 1n));
  const error = await failure(box.collect(FromOld, [0]));
  assert.deepEqual([error.committee, error.culprits], ["old", [1]]);
  assert.match(error.reason, /old committee sends/);
});

Deno.test("Inbox keeps the committees apart", async () => {
  const FromOld = spec("FromOld", 1, "old");
  const FromNew = spec("FromNew", 1, "new");
  const { box } = inbox([FromOld, FromNew]);
  box.receive("old", 0, envelope(FromOld, 1n));
  box.receive("new", 0, envelope(FromNew, 2n));
  assert.equal((await box.collect(FromOld, [0])).get(0), 1n);
  assert.equal((await box.collect(FromNew, [0])).get(0), 2n);
});

Deno.test("Inbox.collect() refuses a type that the ceremony does not have", async () => {
  await assert.rejects(inbox().box.collect(spec("Nine", 1), [0]), TypeError);
});

Deno.test("Inbox parses a flood of repeats once", async () => {
  let parsed = 0;
  const counted: MessageSpec<bigint> = { ...One, parse: (c) => (parsed++, One.parse(c)) };
  const { box, conflicts } = inbox([counted, Two]);
  for (let i = 0n; i < 1000n; i++) box.receive("single", 1, envelope(One, i));
  assert.equal(parsed, 1);
  assert.equal(conflicts.length, 999);
  assert.equal((await box.collect(counted, [1])).get(1), 0n);
});

const real = [ecdsa, eddsa].flatMap((m) => [
  m.keygenMessages,
  m.signingMessages,
  m.resharingMessages,
]);

Deno.test("Inbox with the real messages hears or blames, whatever the content", async () => {
  const leaf = fc.oneof(
    fc.constant(null),
    fc.boolean(),
    fc.bigInt(),
    fc.bigInt({ min: 0n, max: 1n << 4096n }),
    fc.string(),
  );
  const names = [
    ...new Set(["Commitment", "Share", "ReceiverID", "S", "Theta", "C", "N", "Alpha"]),
  ];
  const content: fc.Arbitrary<JsonInput> = fc.letrec<{ value: JsonInput }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 3 },
      leaf,
      fc.array(tie("value"), { maxLength: 5 }),
      fc.dictionary(fc.oneof(fc.constantFrom(...names), fc.string()), tie("value"), { maxKeys: 6 }),
    ),
  })).value;
  const choice = fc.constantFrom(...real.flatMap((specs) => specs.map((s) => [specs, s] as const)));
  await fc.assert(
    fc.asyncProperty(choice, content, async ([specs, spec], value) => {
      const { box } = inbox([...specs]);
      const heard = box.collect(spec, [3]);
      box.receive(spec.from, 3, encodeJson({ t: spec.type, c: value }));
      const error = await heard.then((m) => (assert.ok(m.has(3)), null), (e) => e);
      if (error === null) return;
      assert.ok(error instanceof ProtocolError);
      assert.deepEqual([error.culprits, error.round], [[3], spec.round]);
      assert.ok(error.reason.length < 300, error.reason);
    }),
    { numRuns: 1500 },
  );
});

Deno.test("Inbox hears or blames, whatever the bytes", async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), async (data) => {
      const { box } = inbox();
      const heard = box.collect(One, [3]);
      box.receive("single", 3, data);
      assert.deepEqual((await failure(heard)).culprits, [3]);
    }),
    { numRuns: 500 },
  );
});
