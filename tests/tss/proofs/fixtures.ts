/**
 * Ready-made pre-parameters (throw-away test values of the vectors) in the forms that proofs take.
 *
 * @module
 */

import { factoredModulus } from "../../../lib/arith/mod.ts";
import type { Modulus } from "../../../lib/arith/types.ts";
import { parseJson } from "../../../lib/encoding/json.ts";
import { type PaillierPrivate, parsePaillierPrivate } from "../../../lib/tss/paillier.ts";
import type { Pedersen } from "../../../lib/tss/proofs/pedersen.ts";
import { big, obj } from "../core_vectors.ts";

/** One party's keys. */
export interface TestKeys {
  readonly paillier: PaillierPrivate;
  /** The parameters as their owner has them, with factors. */
  readonly own: Pedersen;
  /** The same as others have them. */
  readonly open: Pedersen;
  /** `h2 = h1^alpha`, `h1 = h2^beta`, `NTilde = (2p + 1)(2q + 1)`. */
  readonly dln: {
    readonly alpha: bigint;
    readonly beta: bigint;
    readonly p: bigint;
    readonly q: bigint;
  };
}

const sets = parseJson(
  Deno.readFileSync(new URL("../../../testdata/preparams.json", import.meta.url)),
);

/** Returns the keys number `index` of the file. */
export function testKeys(index: number): TestKeys {
  const set = obj((sets as (typeof sets)[])[index]);
  const [p, q] = [big(set, "P"), big(set, "Q")];
  const parameters = { h1: big(set, "H1i"), h2: big(set, "H2i") };
  return {
    paillier: parsePaillierPrivate(set.get("PaillierSK"), "PaillierSK"),
    own: { nTilde: factoredModulus(2n * p + 1n, 2n * q + 1n), ...parameters },
    open: { nTilde: rawModulus(big(set, "NTildei")), ...parameters },
    dln: { alpha: big(set, "Alpha"), beta: big(set, "Beta"), p, q },
  };
}

/** Wraps any integer, also what no honest party would send: verifiers must refuse it themselves. */
export function rawModulus(n: bigint): Modulus {
  return { n };
}

/** Every changed copy of `proof`, one number moved by one at a time. */
export function* bumped<T extends object>(proof: T): Generator<[string, T]> {
  for (const [name, value] of Object.entries(proof)) {
    if (typeof value === "bigint") yield [name, { ...proof, [name]: value + 1n }];
    if (Array.isArray(value)) {
      for (const i of [0, value.length - 1]) {
        const list = [...value];
        list[i] = value[i] + 1n;
        yield [`${name}[${i}]`, { ...proof, [name]: list }];
      }
      yield [`${name} without its last`, { ...proof, [name]: value.slice(0, -1) }];
      yield [`${name} empty`, { ...proof, [name]: [] }];
    }
  }
}

/** Numbers that no honest party sends; a verifier must answer false to them, not throw. */
export const ODDITIES: readonly bigint[] = [0n, 1n, -1n, -(1n << 2047n), 1n << 2048n, 1n << 6000n];

/** Every copy of `proof` with one number replaced by one of {@link ODDITIES}. */
export function* distorted<T extends object>(proof: T): Generator<[string, T]> {
  for (const [name, value] of Object.entries(proof)) {
    for (const odd of ODDITIES) {
      if (typeof value === "bigint") yield [`${name}=${odd}`, { ...proof, [name]: odd }];
      if (Array.isArray(value)) {
        yield [`${name}[3]=${odd}`, { ...proof, [name]: value.with(3, odd) }];
      }
    }
  }
}
