// deno-lint-ignore-file no-console -- prints its figures
/**
 * CPU time of the arithmetic layer: `deno run -A bench/arith.ts`.
 *
 * Every figure is the median of process CPU time (all threads, so compilation in the background
 * counts) over several runs of a warm kernel; CPU time does not move when another process takes the
 * core, unlike wall time. `kernel` is the WebAssembly back-end, `bigint` V8's integers.
 *
 * @module
 */

import process from "node:process";
import {
  bigintArithmetic,
  factoredModulus,
  type PowJob,
  publicModulus,
  wasmArithmetic,
} from "../lib/arith/mod.ts";
import { isProbablePrime } from "../lib/arith/primes.ts";
import { randomBits, systemRandom } from "../lib/arith/random.ts";
import { generateSafePrime } from "../lib/arith/safe_prime.ts";
import { kernelFor } from "../lib/arith/wasm/kernels.ts";

const random = systemRandom;
const bits = (n: number) => randomBits(n, random);
const odd = (n: number) => bits(n) | 1n | 1n << BigInt(n - 1);

/** Median of the process CPU time of `run`, in milliseconds. */
function cpu(times: number, run: () => void): number {
  const values = Array.from({ length: times }, () => {
    const start = process.cpuUsage();
    run();
    const used = process.cpuUsage(start);
    return (used.user + used.system) / 1000;
  });
  return values.sort((a, b) => a - b)[times >> 1]!;
}

function row(what: string, ...cells: string[]): void {
  console.log(what.padEnd(52) + cells.map((c) => c.padStart(14)).join(""));
}

const ms = (value: number) => `${value.toFixed(value < 10 ? 3 : 1)} ms`;

/** Compares a batch on both back-ends; figures are per `unit` jobs. */
function compare(what: string, jobs: readonly PowJob[], per: number, sample = jobs.length): void {
  for (let i = 0; i < 4; i++) wasmArithmetic().powBatch(jobs);
  const fast = cpu(9, () => wasmArithmetic().powBatch(jobs)) / jobs.length * per;
  const slow = cpu(3, () => bigintArithmetic().powBatch(jobs.slice(0, sample))) / sample * per;
  row(what, ms(fast), ms(slow), `${(slow / fast).toFixed(1)}x`);
}

row("", "kernel", "bigint", "ratio");
for (const size of [1024, 2048, 4096]) {
  const moduli = [publicModulus(odd(size)), publicModulus(odd(size))];
  const jobs = Array.from({ length: 16 }, (_, i) => ({
    base: bits(size),
    exponent: bits(size),
    modulus: moduli[i & 1]!,
  }));
  compare(`${size}-bit power, paired, each`, jobs, 1, 4);
  compare(`${size}-bit power, alone`, jobs.slice(0, 1), 1);
}

const p = generateSafePrime(1024, wasmArithmetic(), random).p;
const q = generateSafePrime(1024, wasmArithmetic(), random).p;
const n = p * q;
const [open, own, square, ownSquare] = [
  publicModulus(n),
  factoredModulus(p, q),
  publicModulus(n * n),
  factoredModulus(p, q, 2),
];
const times = (count: number, make: (i: number) => PowJob) =>
  Array.from({ length: count }, (_, i) => make(i));
const [g, h] = [bits(2047), bits(2047)];

compare(
  "4096-bit modulus, 2048-bit exponent, each",
  times(8, () => ({ base: bits(4096), exponent: n, modulus: square })),
  1,
  4,
);
compare(
  "2048-bit power, own factors",
  times(8, () => ({ base: bits(2048), exponent: bits(2048), modulus: own })),
  1,
);
compare(
  "r^N mod N^2, own factors",
  times(8, () => ({ base: bits(2048), exponent: n, modulus: ownSquare })),
  1,
);
for (const size of [2048, 2816]) {
  compare(
    `128 powers of one base, ${size}-bit exponents`,
    times(128, () => ({ base: g, exponent: bits(size), modulus: open })),
    128,
    8,
  );
}
compare(
  "2 x 128 powers of two bases, 2048-bit exponents",
  times(256, (i) => ({ base: i & 1 ? g : h, exponent: bits(2046), modulus: open })),
  256,
  8,
);
compare(
  "2 x 128 powers of two bases, own factors",
  times(256, (i) => ({ base: i & 1 ? g : h, exponent: bits(2046), modulus: own })),
  256,
  8,
);
compare(
  "80 powers z^N mod N",
  times(80, () => ({ base: bits(2047), exponent: n, modulus: open })),
  80,
  8,
);
wasmArithmetic().keep(g, open, 2816);
wasmArithmetic().keep(h, open, 2816);
compare(
  "8 powers of two kept bases, 2816-bit exponents",
  times(8, (i) => ({ base: i & 1 ? g : h, exponent: bits(2816), modulus: open })),
  8,
);

for (const size of [1024, 2048, 4096]) {
  const kernel = kernelFor(size)!;
  const [m0, m1] = [kernel.prepare(odd(size)), kernel.prepare(odd(size))];
  kernel.setModuli(m0, m1);
  const s = kernel.allocate(kernel.single);
  kernel.put(s, 12345n);
  kernel.gather(s, s);
  const repeats = 4000;
  kernel.square(repeats);
  const squares = cpu(15, () => kernel.square(repeats)) / repeats;
  const products = cpu(15, () => {
    for (let i = 0; i < repeats; i++) kernel.mul(s, s);
  }) / repeats;
  kernel.reset();
  row(
    `${size}-bit kernel, two lanes: product, square`,
    `${(products * 1000).toFixed(3)} us`,
    `${(squares * 1000).toFixed(3)} us`,
  );
}

row(
  "primality of a composite of 2048 bits",
  ms(cpu(15, () => isProbablePrime(n, wasmArithmetic(), random))),
);
row(
  "primality of a prime of 1024 bits",
  ms(cpu(9, () => isProbablePrime(p, wasmArithmetic(), random))),
);
const found = Number(Deno.args[0] ?? 20);
let tested = 0;
const each = Array.from({ length: found }, () => {
  return cpu(1, () => {
    tested += generateSafePrime(1024, wasmArithmetic(), random).tested;
  });
}).sort((a, b) => a - b);
const mean = each.reduce((sum, x) => sum + x, 0) / found;
row(
  `safe prime of 1024 bits (${found}): mean, median, max`,
  ms(mean),
  ms(each[found >> 1]!),
  ms(each.at(-1)!),
);
row(
  "numbers tested per safe prime; time per number",
  (tested / found).toFixed(0),
  ms(mean / (tested / found)),
);
