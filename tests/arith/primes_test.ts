import assert from "node:assert/strict";
import { modPow } from "../../lib/arith/bigint_backend.ts";
import { bigintArithmetic, defaultArithmetic } from "../../lib/arith/mod.ts";
import { isLucasProbablePrime, isProbablePrime, smallFactor } from "../../lib/arith/primes.ts";
import { generateSafePrime } from "../../lib/arith/safe_prime.ts";
import { seeded } from "./seeded.ts";

const LIMIT = 200_000;
const composite = (() => {
  const marks = new Uint8Array(LIMIT);
  for (let i = 2; i * i < LIMIT; i++) {
    if (marks[i] === 0) { for (let j = i * i; j < LIMIT; j += i) marks[j] = 1; }
  }
  return marks;
})();

Deno.test("isLucasProbablePrime() passes every prime and just the known pseudoprimes", () => {
  const pseudo: number[] = [];
  for (let n = 5; n < LIMIT; n += 2) {
    const passes = isLucasProbablePrime(BigInt(n));
    if (composite[n] === 0) assert(passes, `${n} is prime`);
    else if (passes) pseudo.push(n);
  }
  // OEIS A217719, extra strong Lucas pseudoprimes.
  assert.deepEqual(pseudo.slice(0, 14), [
    ...[989, 3239, 5777, 10877, 27971, 29681, 30739, 31631],
    ...[39059, 72389, 73919, 75077, 100127, 113573],
  ]);
});

Deno.test("isLucasProbablePrime() ends on squares", () => {
  assert(!isLucasProbablePrime((2n ** 127n - 1n) ** 2n));
});

Deno.test("isProbablePrime() is right for small numbers, also beyond trial division", () => {
  const random = seeded("small");
  const say = (n: number) => isProbablePrime(BigInt(n), bigintArithmetic(), random);
  for (let n = 0; n < 5000; n++) assert.equal(say(n), n > 1 && composite[n] === 0, `${n}`);
  // 1,009^2 is the smallest number without a factor below 1,000 that is no prime.
  for (const p of [1009, 1013, 1019]) {
    assert.equal(say(p * p), false);
    assert.equal(isProbablePrime(BigInt(p) ** 4n, bigintArithmetic(), random), false);
  }
  assert.equal(isProbablePrime(-7n, bigintArithmetic(), random), false);
});

Deno.test("isProbablePrime() refuses pseudoprimes to many bases", () => {
  const random = seeded("pseudo");
  const numbers = [
    // Smallest strong pseudoprimes to the first 9 and the first 12 prime bases (Jaeschke; Sorenson
    // and Webster).
    3825123056546413051n,
    318665857834031151167461n,
    // Arnault's 397-digit Carmichael number, a strong pseudoprime to all bases below 307.
    (() => {
      const p = BigInt(
        "29674495668685510550154174642905332730771991799853043350995075531276838753171770199594238596428" +
          "121188033664754218345562493168782883",
      );
      return p * (313n * (p - 1n) + 1n) * (353n * (p - 1n) + 1n);
    })(),
  ];
  for (const n of numbers) {
    let odd = n - 1n;
    while (odd % 2n === 0n) odd /= 2n;
    const x = modPow(2n, odd, n);
    assert(x === 1n || x === n - 1n || x * x % n === n - 1n, "is a strong pseudoprime to base 2");
    for (const arith of [bigintArithmetic(), defaultArithmetic()]) {
      assert.equal(isProbablePrime(n, arith, random), false);
      assert(!isProbablePrime(n * n, arith, random));
    }
  }
});

Deno.test("isProbablePrime() accepts known large primes with both back-ends", () => {
  const random = seeded("mersenne");
  const primes = [
    2n ** 521n - 1n,
    2n ** 607n - 1n,
    2n ** 1279n - 1n,
    2n ** 2203n - 1n,
    2n ** 255n - 19n,
  ];
  for (const arith of [bigintArithmetic(), defaultArithmetic()]) {
    for (const p of primes) assert(isProbablePrime(p, arith, random, 4));
    assert(!isProbablePrime(primes[0]! * primes[1]!, arith, random));
  }
});

Deno.test("smallFactor() finds the least one", () => {
  assert.equal(smallFactor(2n ** 64n), 2);
  assert.equal(smallFactor(997n * 991n * (2n ** 521n - 1n)), 991);
  assert.equal(smallFactor(1009n * 1013n), undefined);
});

Deno.test("generateSafePrime() gives safe primes of the asked size with both back-ends", () => {
  const random = seeded("safe");
  const check = seeded("check");
  for (const bits of [64, 100, 128, 192, 256, 384]) {
    for (const arith of [bigintArithmetic(), defaultArithmetic()]) {
      const { p, q, windows, tested } = generateSafePrime(bits, arith, random);
      assert.equal(p, 2n * q + 1n);
      assert.equal(p >> BigInt(bits - 2), 3n, "both top bits are set");
      assert.equal(p & 3n, 3n);
      assert(isProbablePrime(p, bigintArithmetic(), check));
      assert(isProbablePrime(q, bigintArithmetic(), check));
      assert(windows >= 1 && tested >= 2);
    }
  }
});

Deno.test("generateSafePrime() finds 1024 bits and reports on the way", () => {
  const reports: number[] = [];
  const { p, tested } = generateSafePrime(1024, defaultArithmetic(), seeded("1024"), (progress) => {
    reports.push(progress.tested);
  });
  assert.equal(p >> 1022n, 3n);
  assert(isProbablePrime(p, defaultArithmetic(), seeded("p")));
  assert(isProbablePrime(p >> 1n, defaultArithmetic(), seeded("q")));
  assert.deepEqual(reports, [...reports].sort((a, b) => a - b));
  assert(reports.length >= 1 && reports.at(-1)! <= tested);
});

Deno.test("generateSafePrime() depends on its random source only", () => {
  const find = () => generateSafePrime(256, defaultArithmetic(), seeded("same")).p;
  assert.equal(find(), find());
});

Deno.test("generateSafePrime() refuses sizes it is not made for", () => {
  for (const bits of [63, 4097, 100.5]) {
    assert.throws(() => generateSafePrime(bits, bigintArithmetic(), seeded("x")), RangeError);
  }
});
