/**
 * Number theory on bigint: residues, greatest common divisors, inverses, Jacobi symbols, square
 * roots. Nothing here is constant-time; bigint itself is not.
 *
 * @module
 */

/** Returns the residue of `a` modulo `n > 0`, always in `[0, n)`, also for a negative `a`. */
export function mod(a: bigint, n: bigint): bigint {
  const r = a % n;
  return r < 0n ? r + n : r;
}

/** Leading bits that a Lehmer step looks at: quotients of such numbers are exact in a float64. */
const LEADING = 50;

/**
 * One Lehmer step (Knuth, TAOCP 4.5.2, algorithm L): from the leading bits `x >= y` of two numbers,
 * returns the matrix `[A, B, C, D]` of as many steps of Euclid's algorithm as the leading bits
 * determine, and what is left of `x`. `B = 0` means that they determine none.
 */
function lehmerStep(x: number, y: number): [number, number, number, number, number] {
  let [a, b, c, d] = [1, 0, 0, 1];
  while (y + c > 0 && y + d > 0) {
    const q = Math.floor((x + a) / (y + c));
    if (q !== Math.floor((x + b) / (y + d))) break;
    [a, c] = [c, a - q * c];
    [b, d] = [d, b - q * d];
    [x, y] = [y, x - q * y];
  }
  return [a, b, c, d, x];
}

/**
 * Returns the greatest common divisor `g` of `a >= b >= 0`, and `s` with `s b = g` modulo `a` if
 * `cofactor` is set.
 */
function euclid(a: bigint, b: bigint, cofactor: boolean): { g: bigint; s: bigint } {
  let [s0, s1] = [0n, 1n];
  let shift = a.toString(16).length * 4 - LEADING;
  while (b !== 0n) {
    let matrix: [number, number, number, number, number] | undefined;
    if (shift > 0) {
      let x = Number(a >> BigInt(shift));
      while (x >= 2 ** (LEADING + 2)) x = Number(a >> BigInt(shift += 4));
      matrix = lehmerStep(x, Number(b >> BigInt(shift)));
      shift += Math.floor(Math.log2(Math.max(matrix[4], 1))) + 2 - LEADING;
    }
    if (matrix === undefined || matrix[1] === 0) {
      const q = a / b;
      [a, b] = [b, a - q * b];
      if (cofactor) [s0, s1] = [s1, s0 - q * s1];
      // The quotient may have been long: look where the numbers are now.
      if (shift > 0) shift = a.toString(16).length * 4 - LEADING;
      continue;
    }
    const [A, B, C, D] = [
      BigInt(matrix[0]),
      BigInt(matrix[1]),
      BigInt(matrix[2]),
      BigInt(matrix[3]),
    ];
    [a, b] = [A * a + B * b, C * a + D * b];
    if (cofactor) [s0, s1] = [A * s0 + B * s1, C * s0 + D * s1];
  }
  return { g: a, s: s0 };
}

/** Returns the greatest common divisor of the magnitudes of `a` and `b`; `gcd(0, 0)` is 0. */
export function gcd(a: bigint, b: bigint): bigint {
  if (a < 0n) a = -a;
  if (b < 0n) b = -b;
  if (a < b) [a, b] = [b, a];
  return b === 0n ? a : euclid(b, a % b, false).g;
}

/** Returns the least common multiple of the magnitudes of `a` and `b`; 0 if one of them is 0. */
export function lcm(a: bigint, b: bigint): bigint {
  if (a === 0n || b === 0n) return 0n;
  const l = a / gcd(a, b) * b;
  return l < 0n ? -l : l;
}

/**
 * Returns the inverse of `a` modulo `n`, in `[0, n)`.
 *
 * @throws {RangeError} if `n < 2` or `a` shares a factor with `n`.
 */
export function modInverse(a: bigint, n: bigint): bigint {
  if (n < 2n) throw new RangeError("Cannot invert: the modulus must be at least 2");
  const { g, s } = euclid(n, mod(a, n), true);
  if (g !== 1n) throw new RangeError("Cannot invert: the number and the modulus share a factor");
  return mod(s, n);
}

/**
 * Returns the Jacobi symbol of `a` over `n`.
 *
 * @throws {RangeError} unless `n` is odd and positive.
 */
export function jacobi(a: bigint, n: bigint): -1 | 0 | 1 {
  if (n <= 0n || (n & 1n) === 0n) {
    throw new RangeError("Cannot take a Jacobi symbol: the lower number must be odd and positive");
  }
  a = mod(a, n);
  let sign: -1 | 1 = 1;
  while (a !== 0n) {
    let twos = 0;
    // Machine-size steps: the low bits tell how far to shift, big shifts are paid once.
    for (;;) {
      const low = Number(BigInt.asUintN(30, a));
      const shift = low === 0 ? 30 : 31 - Math.clz32(low & -low);
      if (shift === 0) break;
      a >>= BigInt(shift);
      twos += shift;
    }
    const n8 = Number(BigInt.asUintN(3, n));
    if ((twos & 1) === 1 && (n8 === 3 || n8 === 5)) sign = -sign as -1 | 1;
    if ((n8 & 3) === 3 && Number(BigInt.asUintN(2, a)) === 3) sign = -sign as -1 | 1;
    [a, n] = [n % a, a];
  }
  return n === 1n ? sign : 0;
}

/**
 * Returns the integer square root: the largest `r` with `r * r <= n`.
 *
 * @throws {RangeError} if `n` is negative.
 */
export function isqrt(n: bigint): bigint {
  if (n < 0n) throw new RangeError("Cannot take the square root of a negative number");
  if (n < 2n) return n;
  // Newton from above converges downwards; the first value that stops falling is the root.
  let x = 1n << BigInt((n.toString(16).length * 4 + 1) >> 1);
  for (;;) {
    const y = (x + n / x) >> 1n;
    if (y >= x) return x;
    x = y;
  }
}

/** Says whether `n` is the square of an integer; a negative number is not. */
export function isPerfectSquare(n: bigint): boolean {
  if (n < 0n) return false;
  const r = isqrt(n);
  return r * r === n;
}
