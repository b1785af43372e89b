import assert from "node:assert/strict";
import fc from "fast-check";
import { toHex } from "../../lib/encoding/bytes.ts";
import { hedgedRandom } from "../../lib/tss/hedged_random.ts";

const zeros = (length: number) => new Uint8Array(length);
const key = Uint8Array.of(1, 2, 3);

Deno.test("hedgedRandom() of a dead generator repeats nowhere", () => {
  const random = hedgedRandom(zeros, "test", [key]);
  const draws = Array.from({ length: 50 }, () => toHex(random(100)));
  assert.equal(new Set(draws).size, 50);
  const blocks = draws.flatMap((d) => [d.slice(0, 128), d.slice(128)]);
  assert.equal(new Set(blocks).size, 100);
});

Deno.test("hedgedRandom() depends on label, every part of the context, and where parts end", () => {
  const first = (label: string, context: Uint8Array[]) =>
    toHex(hedgedRandom(zeros, label, context)(32));
  const outputs = [
    first("a", [key]),
    first("b", [key]),
    first("a", [key, key]),
    first("a", [Uint8Array.of(1, 2), Uint8Array.of(3)]),
    first("a", [Uint8Array.of(1), Uint8Array.of(2, 3)]),
    first("a", []),
    first("a", [zeros(0)]),
  ];
  assert.equal(new Set(outputs).size, outputs.length);
});

Deno.test("hedgedRandom() twice gives the generator's own output back", () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 200 }), { minLength: 1 }), (draws) => {
      let next = 0;
      const source = () => draws[next++]!.slice();
      const random = hedgedRandom(hedgedRandom(source, "test", [key]), "test", [key]);
      for (const draw of draws) assert.deepEqual(random(draw.length), draw);
    }),
  );
});

Deno.test("hedgedRandom() returns as many bytes as asked for", () => {
  const random = hedgedRandom(zeros, "test", [key]);
  for (const length of [0, 1, 63, 64, 65, 1000]) assert.equal(random(length).length, length);
});
