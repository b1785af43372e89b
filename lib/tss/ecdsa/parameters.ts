/**
 * The public parameters of all parties: rules that every set must keep, values that no two parties
 * may share, and the key objects that later rounds compute with (ecdsa-keygen round 2,
 * ecdsa-resharing round 4 A).
 *
 * @module
 */

import type { Arithmetic } from "../../arith/mod.ts";
import { factoredModulus, publicModulus } from "../../arith/mod.ts";
import { gcd, isPerfectSquare } from "../../arith/number.ts";
import { isProbablePrime } from "../../arith/primes.ts";
import type { RandomSource } from "../../arith/random.ts";
import { bitLength } from "../../encoding/bytes.ts";
import { type PaillierPrivate, PaillierPublic } from "../paillier.ts";
import type { Pedersen } from "../proofs/pedersen.ts";
import { MODULUS_BITS, type PublicParameters } from "./limits.ts";
import type { PreParams } from "./preparams.ts";

/** Rounds of the primality test, as the Go library takes. */
const PRIME_ROUNDS = 20;

/** What everybody may use of a party: its encryption key and its commitment parameters. */
export interface PeerKeys {
  /** The encryption key. */
  readonly paillier: PaillierPublic;
  /** The commitment parameters. */
  readonly pedersen: Pedersen;
}

/** The own counterpart, with known factors. Secret. */
export interface OwnKeys {
  /** The encryption key. */
  readonly paillier: PaillierPrivate;
  /** The commitment parameters. */
  readonly pedersen: Pedersen;
}

/** Makes the key objects of another party's (checked) parameters. */
export function peerKeys(p: PublicParameters): PeerKeys {
  return {
    paillier: new PaillierPublic(p.paillierN),
    pedersen: { nTilde: publicModulus(p.nTilde), h1: p.h1, h2: p.h2 },
  };
}

/** Makes the own key objects; NTilde = (2P+1)(2Q+1) is handed over with its factors. */
export function ownKeys(p: PreParams): OwnKeys {
  return {
    paillier: p.paillier,
    pedersen: { nTilde: factoredModulus(2n * p.p + 1n, 2n * p.q + 1n), h1: p.h1, h2: p.h2 },
  };
}

/** The public part of the own pre-parameters. */
export function publicParameters(p: PreParams): PublicParameters {
  return { paillierN: p.paillier.n, nTilde: p.nTilde, h1: p.h1, h2: p.h2 };
}

type Rule = readonly [
  reason: string,
  broken: (p: PublicParameters, arith: Arithmetic, random: RandomSource) => boolean,
];

const PAILLIER_RULES: readonly Rule[] = [
  ["paillier modulus insufficient bits", (p) => bitLength(p.paillierN) !== MODULUS_BITS],
  ["even paillier modulus", (p) => (p.paillierN & 1n) === 0n],
  ["prime paillier modulus", (p, a, r) => isProbablePrime(p.paillierN, a, r, PRIME_ROUNDS)],
  ["perfect-square paillier modulus", (p) => isPerfectSquare(p.paillierN)],
];

const GENERATOR_RULES: readonly Rule[] = [
  ["h1j == h2j", (p) => p.h1 === p.h2],
  ["h1j or h2j is 1", (p) => p.h1 === 1n || p.h2 === 1n],
];

const NTILDE_RULES: readonly Rule[] = [
  ["NTildej insufficient bits", (p) => bitLength(p.nTilde) !== MODULUS_BITS],
  ["even NTildej", (p) => (p.nTilde & 1n) === 0n],
  ["prime NTildej", (p, a, r) => isProbablePrime(p.nTilde, a, r, PRIME_ROUNDS)],
  ["perfect-square NTildej", (p) => isPerfectSquare(p.nTilde)],
];

const JOINT_RULES: readonly Rule[] = [
  ["paillier N == NTilde", (p) => p.paillierN === p.nTilde],
  // Stricter than the Go library, which takes any representative; honest parties send reduced ones.
  ["h1j or h2j is not below NTildej", (p) => p.h1 >= p.nTilde || p.h2 >= p.nTilde],
  ["h1j and NTildej are not coprime", (p) => gcd(p.h1, p.nTilde) !== 1n],
  ["h2j and NTildej are not coprime", (p) => gcd(p.h2, p.nTilde) !== 1n],
];

const RULES = {
  keygen: [...PAILLIER_RULES, ...GENERATOR_RULES, ...NTILDE_RULES, ...JOINT_RULES],
  resharing: [...GENERATOR_RULES, ...PAILLIER_RULES, ...NTILDE_RULES, ...JOINT_RULES],
};

/**
 * Checks one party's parameters by themselves, in the order of the protocol. The sizes come before
 * anything expensive; both protocols demand exactly 2,048 bits (the Go library sets no upper limit
 * in a resharing).
 *
 * Returns the reason of the first broken rule, or null.
 */
export function brokenRule(
  protocol: keyof typeof RULES,
  parameters: PublicParameters,
  arith: Arithmetic,
  random: RandomSource,
): string | null {
  for (const [reason, broken] of RULES[protocol]) {
    if (broken(parameters, arith, random)) return reason;
  }
  return null;
}

/** A value that two parties both claim. */
export interface Collision {
  /** The rule that the later of the two breaks. */
  readonly reason: string;
  /** The earlier and the later index. */
  readonly parties: readonly [number, number];
}

/**
 * Finds values that two parties share: H1 and H2 count as one set, N and NTilde as another
 * (ecdsa-keygen round 2, steps 14 and 15).
 */
export function collisions(parameters: readonly PublicParameters[]): Collision[] {
  const out: Collision[] = [];
  const generators = new Map<bigint, number>();
  const moduli = new Map<bigint, number>();
  const claim = (seen: Map<bigint, number>, value: bigint, j: number, reason: string) => {
    const first = seen.get(value);
    if (first === undefined) seen.set(value, j);
    else if (first !== j) out.push({ reason, parties: [first, j] });
  };
  parameters.forEach((p, j) => {
    claim(generators, p.h1, j, "duplicate h1j");
    claim(generators, p.h2, j, "duplicate h2j");
    claim(moduli, p.paillierN, j, "duplicate modulus (paillier N)");
    claim(moduli, p.nTilde, j, "duplicate modulus (NTilde)");
  });
  return out;
}

/**
 * Names who is proven to have caused a collision; may be nobody, but the run must end all the same.
 *
 * The rule blames the later index, but a rushing party with a lower index can copy too. What can be
 * told apart is: whoever fails its own proofs copied; a value of one's own was copied by the other.
 * Proofs that hold for both tell nothing: discrete-logarithm proofs can be made for a modulus whose
 * factors one does not know (`h2 = 1/h1`), so one of the two is the innocent owner.
 */
export function copiers(
  collision: Collision,
  self: number,
  proofsHold: (j: number) => boolean,
): number[] {
  const others = collision.parties.filter((j) => j !== self);
  if (others.length === 1) return others;
  return others.filter((j) => !proofsHold(j));
}

/** Words for collisions that nobody is proven to have caused: says between whom, accuses neither. */
export function unresolved({ reason, parties: [a, b] }: Collision): string {
  return `${reason}: parties ${a} and ${b} claim it, and the proofs of both hold`;
}
