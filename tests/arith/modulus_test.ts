import assert from "node:assert/strict";
import { bigintArithmetic, factoredModulus, publicModulus } from "../../lib/arith/mod.ts";
import { splitOf } from "../../lib/arith/modulus.ts";

Deno.test("publicModulus() refuses even and small moduli", () => {
  for (const n of [-3n, 0n, 1n, 2n, 4n, 1n << 2048n]) {
    assert.throws(() => publicModulus(n), RangeError);
  }
  assert.equal(publicModulus(3n).n, 3n);
});

Deno.test("factoredModulus() refuses equal or even factors", () => {
  assert.throws(() => factoredModulus(7n, 7n), RangeError);
  assert.throws(() => factoredModulus(2n, 7n), RangeError);
  assert.equal(factoredModulus(7n, 11n, 2).n, 5929n);
});

Deno.test("factoredModulus() shows its factors in no text", () => {
  const modulus = factoredModulus(1009n, 2003n);
  for (const text of [JSON.stringify({ n: modulus }), Deno.inspect(modulus, { depth: 9 })]) {
    assert(!text.includes("1009") && !text.includes("2003"), text);
  }
});

Deno.test("a Modulus whose factors do not multiply to it is refused", () => {
  const modulus = { n: 91n, factors: { p: 7n, q: 11n, exponent: 1 as const } };
  assert.throws(() => bigintArithmetic().pow(2n, 5n, modulus), RangeError);
});

Deno.test("splitOf() joins residues", () => {
  for (const exponent of [1, 2] as const) {
    const modulus = factoredModulus(7n, 11n, exponent);
    const split = splitOf(modulus)!;
    for (let x = 0n; x < modulus.n; x++) {
      assert.equal(split.join(x % split.p.modulus, x % split.q.modulus), x);
    }
  }
});
