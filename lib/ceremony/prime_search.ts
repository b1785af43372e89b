/**
 * The worker's side of making pre-parameters. Primes leave it sealed under the store key.
 *
 * @module
 */

import { defaultArithmetic } from "../arith/mod.ts";
import type { RandomSource } from "../arith/random.ts";
import { generateSafePrime } from "../arith/safe_prime.ts";
import { utf8 } from "../encoding/bytes.ts";
import type { Json } from "../encoding/json.ts";
import { PREPARAMS_STORE_ID } from "../keystore/store_file.ts";
import { ContentError } from "../tss/errors.ts";
import {
  assemblePreParams,
  parsePreParams,
  type PreParams,
  preParamsToJson,
  SAFE_PRIME_BITS,
} from "../tss/ecdsa/preparams.ts";
import type { FromWorker } from "./protocol.ts";
import type { SearchWord } from "./search_word.ts";
import { Vault } from "./vault.ts";

/** Under which id a worker seals one safe prime; no key id has its length. */
const PRIME_STORE_ID = utf8("transfunctioner/safe-prime");

/** Candidates between two reports to the network thread. */
const CANDIDATES_PER_REPORT = 256;

/** Leaves the search from the inside when the network thread wants it to end. */
class Stopped extends Error {
  override readonly name = "Stopped";
}

/** Searches a prime, or makes a set of what was found. */
export class PrimeSearch {
  readonly #vault: Vault;
  readonly #random: RandomSource;
  readonly #post: (message: FromWorker) => void;

  /** Takes the store key over. */
  constructor(storeKey: Uint8Array, random: RandomSource, post: (message: FromWorker) => void) {
    this.#vault = new Vault(storeKey, random);
    this.#random = random;
    this.#post = post;
  }

  /**
   * Searches one safe prime. Every few dozen milliseconds at most it looks at `word`, sleeps while
   * that says so, and ends without a prime when it is told to; ends the use of this object.
   */
  search(word: SearchWord): void {
    try {
      if (!word.look()) return;
      let reported = 0;
      const found = generateSafePrime(
        SAFE_PRIME_BITS,
        defaultArithmetic(),
        this.#random,
        ({ tested }) => {
          if (!word.look()) throw new Stopped();
          if (tested - reported < CANDIDATES_PER_REPORT) return;
          this.#post({ did: "test", candidates: tested - reported });
          reported = tested;
        },
      );
      this.#post({ did: "test", candidates: found.tested - reported });
      this.#post({ did: "find", prime: this.#vault.seal(PRIME_STORE_ID, found.p) });
    } catch (error) {
      if (!(error instanceof Stopped)) throw error;
    } finally {
      this.#vault.close();
    }
  }

  /**
   * Makes a sealed set of four sealed primes, or none if they do not fit each other; ends the use of
   * this object.
   */
  assemble(sealed: readonly Uint8Array[]): void {
    try {
      this.#assemble(sealed);
    } finally {
      this.#vault.close();
    }
  }

  #assemble(sealed: readonly Uint8Array[]): void {
    const primes = sealed.map((file) =>
      this.#vault.open("a stored prime", PRIME_STORE_ID, file, parsePrime)
    );
    let set: PreParams;
    try {
      set = assemblePreParams(primes, this.#random);
    } catch {
      // In one of twenty sets no two primes are far enough apart for a Paillier key.
      this.#post({ did: "assemble", preParams: null });
      return;
    }
    const preParams = this.#vault.seal(PREPARAMS_STORE_ID, preParamsToJson(set));
    // What is stored must be accepted when it is needed, days later.
    this.#vault.open("the new set", PREPARAMS_STORE_ID, preParams, parsePreParams);
    this.#post({ did: "assemble", preParams });
  }
}

function parsePrime(json: Json): bigint {
  if (typeof json !== "bigint") throw new ContentError("prime", "must be an integer");
  return json;
}
