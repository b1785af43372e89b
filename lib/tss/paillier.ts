/**
 * Paillier's additively homomorphic encryption with `Γ = N + 1` (specification: tss-core section 8;
 * Paillier, EUROCRYPT 1999).
 *
 * @module
 */

import { factoredModulus, publicModulus } from "../arith/mod.ts";
import { gcd, lcm, mod, modInverse } from "../arith/number.ts";
import { type RandomSource, randomUnit } from "../arith/random.ts";
import type { Arithmetic, Modulus } from "../arith/types.ts";
import { bitLength } from "../encoding/bytes.ts";
import type { Json, JsonInput } from "../encoding/json.ts";
import { ContentError } from "./errors.ts";
import { int, object } from "./fields.ts";

const REDACTED = "[redacted]";
/** Bits of every Paillier modulus of the protocols. */
const MODULUS_BITS = 2048;

/** What proofs need of a key, be it somebody else's or the own one (then faster). */
export interface PaillierKey {
  /** `N`. */
  readonly n: bigint;
  /** `N²`. */
  readonly n2: bigint;
  /** `N` for exponentiations. */
  readonly modulus: Modulus;
  /** `N²` for exponentiations. */
  readonly modulusN2: Modulus;
  /** Whether `c` is in `[0, N²)` and coprime to `N`. */
  isCiphertext(c: bigint): boolean;
  /** Returns `x^N mod N²` for every `x`. */
  powN(xs: readonly bigint[], arith: Arithmetic): bigint[];
}

function checkPlaintext(m: bigint, n: bigint, what: string): void {
  if (m < 0n || m >= n) throw new RangeError(`Cannot ${what}: the number is not in [0, N)`);
}

/** Somebody's public key. */
export class PaillierPublic implements PaillierKey {
  readonly n: bigint;
  readonly n2: bigint;
  readonly modulus: Modulus;
  readonly modulusN2: Modulus;

  /**
   * Wraps a modulus. Size and primality are the caller's to check.
   *
   * @throws {RangeError} unless `n` is odd and at least 3.
   */
  constructor(n: bigint) {
    this.n = n;
    this.n2 = n * n;
    this.modulus = publicModulus(n);
    this.modulusN2 = publicModulus(this.n2);
  }

  isCiphertext(c: bigint): boolean {
    return c >= 0n && c < this.n2 && gcd(c % this.n, this.n) === 1n;
  }

  powN(xs: readonly bigint[], arith: Arithmetic): bigint[] {
    return arith.powBatch(
      xs.map((base) => ({ base, exponent: this.n, modulus: this.modulusN2 })),
    );
  }

  /** Draws the randomness of one encryption: a unit modulo `N`. */
  randomness(random: RandomSource): bigint {
    return randomUnit(this.n, random);
  }

  /**
   * Encrypts: `Γ^m · r^N mod N²`.
   *
   * @param m Plaintext in `[0, N)`.
   * @param r Fresh secret unit modulo `N`.
   * @throws {RangeError} if the plaintext is out of range.
   */
  encrypt(m: bigint, r: bigint, arith: Arithmetic): bigint {
    checkPlaintext(m, this.n, "encrypt");
    return (1n + m * this.n) % this.n2 * arith.pow(r, this.n, this.modulusN2) % this.n2;
  }

  /**
   * Multiplies the plaintext of `c` by `m`: `c^m mod N²`.
   *
   * @throws {RangeError} unless `0 <= m < N` and `c` is a ciphertext.
   */
  multiply(m: bigint, c: bigint, arith: Arithmetic): bigint {
    checkPlaintext(m, this.n, "multiply");
    this.#check(c);
    return arith.pow(c, m, this.modulusN2);
  }

  /**
   * Adds the plaintexts: `c1·c2 mod N²`.
   *
   * @throws {RangeError} unless both are ciphertexts.
   */
  add(c1: bigint, c2: bigint): bigint {
    this.#check(c1);
    this.#check(c2);
    return c1 * c2 % this.n2;
  }

  #check(c: bigint): void {
    if (!this.isCiphertext(c)) {
      throw new RangeError("Cannot use the ciphertext: it must be in [0, N²) and coprime to N");
    }
  }
}

/** The own key with its primes. Secret: JSON text and inspection show nothing. */
export class PaillierPrivate implements PaillierKey {
  readonly n: bigint;
  readonly n2: bigint;
  /** The public half. */
  readonly public: PaillierPublic;
  readonly #p: bigint;
  readonly #q: bigint;
  readonly #modulus: Modulus;
  readonly #modulusN2: Modulus;
  readonly #parts: { readonly [name in "p" | "q" | "p2" | "q2"]: Modulus };
  /** Halves of the decryption: `L(Γ^(p−1) mod p²)^-1 mod p`, and the same for `q`. */
  readonly #hp: bigint;
  readonly #hq: bigint;
  readonly #p2Inverse: bigint;
  readonly #pInverse: bigint;

  private constructor(p: bigint, q: bigint) {
    this.n = p * q;
    this.n2 = this.n * this.n;
    this.public = new PaillierPublic(this.n);
    this.#p = p;
    this.#q = q;
    this.#modulus = factoredModulus(p, q);
    this.#modulusN2 = factoredModulus(p, q, 2);
    this.#parts = {
      p: publicModulus(p),
      q: publicModulus(q),
      p2: publicModulus(p * p),
      q2: publicModulus(q * q),
    };
    // Γ^(p−1) = 1 + (p−1)N mod p², so L of it is (p−1)q = −q mod p.
    this.#hp = modInverse(-q, p);
    this.#hq = modInverse(-p, q);
    this.#p2Inverse = modInverse(p * p, q * q);
    this.#pInverse = modInverse(p, q);
  }

  /**
   * Makes the key of two primes; that they are prime is the caller's promise.
   *
   * @throws {RangeError} unless they are odd, at least 3, distinct, and `N` is coprime to
   * `(p−1)(q−1)`.
   */
  static fromPrimes(p: bigint, q: bigint): PaillierPrivate {
    const key = new PaillierPrivate(p, q);
    if (gcd(key.n, key.phi) !== 1n) {
      throw new RangeError("Cannot use the primes: N and (p−1)(q−1) share a factor");
    }
    return key;
  }

  /** First prime. Secret. */
  get p(): bigint {
    return this.#p;
  }

  /** Second prime. Secret. */
  get q(): bigint {
    return this.#q;
  }

  /** `(p−1)(q−1)`. Secret. */
  get phi(): bigint {
    return (this.#p - 1n) * (this.#q - 1n);
  }

  /** `lcm(p−1, q−1)`. Secret. */
  get lambda(): bigint {
    return lcm(this.#p - 1n, this.#q - 1n);
  }

  /** `N` with its factors. Secret. */
  get modulus(): Modulus {
    return this.#modulus;
  }

  /** `N²` with its factors. Secret. */
  get modulusN2(): Modulus {
    return this.#modulusN2;
  }

  isCiphertext(c: bigint): boolean {
    return c >= 0n && c < this.n2 && c % this.#p !== 0n && c % this.#q !== 0n;
  }

  /** Encrypts under the own key; the result is that of {@link PaillierPublic.encrypt}. */
  encrypt(m: bigint, r: bigint, arith: Arithmetic): bigint {
    checkPlaintext(m, this.n, "encrypt");
    return (1n + m * this.n) % this.n2 * this.powN([r], arith)[0]! % this.n2;
  }

  /**
   * Raises each `x` to the power `N` modulo `N²`. Modulo `p²`, `x^N = (x^q)^p`, and `y^p` depends
   * on `y mod p` only, so the first step runs modulo `p` with an exponent below `p`.
   */
  powN(xs: readonly bigint[], arith: Arithmetic): bigint[] {
    const p = this.#p;
    const q = this.#q;
    const inner = arith.powBatch(xs.flatMap((x) => [
      { base: x, exponent: q % (p - 1n), modulus: this.#parts.p },
      { base: x, exponent: p % (q - 1n), modulus: this.#parts.q },
    ]));
    const outer = arith.powBatch(
      inner.map((y, i) =>
        i % 2 === 0
          ? { base: y, exponent: p, modulus: this.#parts.p2 }
          : { base: y, exponent: q, modulus: this.#parts.q2 }
      ),
    );
    return xs.map((_, i) => {
      const a = outer[2 * i]!;
      const b = outer[2 * i + 1]!;
      const p2 = this.#parts.p2.n;
      const q2 = this.#parts.q2.n;
      return a + p2 * mod((b - a) * this.#p2Inverse, q2);
    });
  }

  /**
   * Decrypts to `[0, N)`.
   *
   * @throws {RangeError} unless `c` is in `[0, N²)` and coprime to `N`.
   */
  decrypt(c: bigint, arith: Arithmetic): bigint {
    if (!this.isCiphertext(c)) {
      throw new RangeError("Cannot decrypt: the ciphertext must be in [0, N²) and coprime to N");
    }
    const p = this.#p;
    const q = this.#q;
    const [cp, cq] = arith.powBatch([
      { base: c, exponent: p - 1n, modulus: this.#parts.p2 },
      { base: c, exponent: q - 1n, modulus: this.#parts.q2 },
    ]) as [bigint, bigint];
    const mp = (cp - 1n) / p * this.#hp % p;
    const mq = (cq - 1n) / q * this.#hq % q;
    return mp + p * mod((mq - mp) * this.#pInverse, q);
  }

  /** Hides the key. */
  toJSON(): string {
    return REDACTED;
  }

  /** Hides the key. */
  [Symbol.for("Deno.customInspect")](): string {
    return `PaillierPrivate ${REDACTED}`;
  }
}

/** Writes the private key as save data holds it. The result is secret. */
export function paillierPrivateToJson(key: PaillierPrivate): JsonInput {
  return { N: key.n, LambdaN: key.lambda, PhiN: key.phi, P: key.p, Q: key.q };
}

/**
 * Reads a private key of save data: `N` of 2048 bits, `N = PQ`, `PhiN` and `LambdaN` as they follow
 * from the primes. Primality is not tested.
 *
 * @throws {ContentError} naming the field; no value appears in it.
 */
export function parsePaillierPrivate(json: Json | undefined, field: string): PaillierPrivate {
  const o = object(json, field);
  const n = int(o, "N", { min: 1n, bits: MODULUS_BITS });
  const lambda = int(o, "LambdaN", { min: 1n, bits: MODULUS_BITS });
  const phi = int(o, "PhiN", { min: 1n, bits: MODULUS_BITS });
  const p = int(o, "P", { min: 3n, bits: MODULUS_BITS });
  const q = int(o, "Q", { min: 3n, bits: MODULUS_BITS });
  if (bitLength(n) !== MODULUS_BITS) {
    throw new ContentError(field, `must have a modulus of ${MODULUS_BITS} bits`);
  }
  if (p * q !== n) throw new ContentError(field, "must have N = P·Q");
  let key: PaillierPrivate;
  try {
    key = PaillierPrivate.fromPrimes(p, q);
  } catch {
    throw new ContentError(field, "must have distinct odd primes, N coprime to (P−1)(Q−1)");
  }
  if (key.phi !== phi || key.lambda !== lambda) {
    throw new ContentError(field, "must have PhiN and LambdaN of its primes");
  }
  return key;
}

/** Writes a public key: `{"N":n}`. */
export function paillierModulusToJson(n: bigint): JsonInput {
  return { N: n };
}

/**
 * Reads the modulus of a public key: positive, at most 2048 bits. The rules of key generation (exact
 * size, odd, composite, no square) are for its rounds to check.
 *
 * @throws {ContentError} naming the field.
 */
export function parsePaillierModulus(json: Json | undefined, field: string): bigint {
  return int(object(json, field), "N", { min: 1n, bits: MODULUS_BITS });
}
