/**
 * Nonces of frames: making ones that never repeat, and noticing ones that do (specification: mesh
 * sections 3.3 and 21.2).
 *
 * @module
 */

import { BOX_NONCE_BYTES } from "../crypto/box.ts";
import { HmacSha256 } from "../crypto/kdf.ts";
import { u64be } from "../encoding/bytes.ts";

/** Makes nonces: the first 24 bytes of HMAC-SHA256 over a counter that starts at 1. */
export class NonceSequence {
  readonly #hmac: HmacSha256;
  #counter: bigint;

  /**
   * @param key 24 random bytes, used for this sequence only.
   * @param used how many nonces were drawn before.
   */
  constructor(key: Uint8Array, used = 0n) {
    this.#hmac = new HmacSha256(key);
    this.#counter = used;
  }

  /** Returns the next nonce, 24 bytes. */
  next(): Uint8Array<ArrayBuffer> {
    this.#counter++;
    return this.#hmac.of(u64be(this.#counter)).subarray(0, BOX_NONCE_BYTES);
  }
}

/** Nonces in one generation; two generations are kept. */
export const NONCES_PER_GENERATION = 1 << 17;

/**
 * Remembers nonces, so that a frame that was recorded on the line and sent again is noticed. A Go
 * peer's nonces look random, so no order can be required of them.
 *
 * Memory is bounded by forgetting the older of two generations: at least the last 131,072 and at
 * most the last 262,144 nonces (two per frame) are known. A frame older than 65,536 frames may
 * therefore pass again. That is accepted because what frames carry is itself guarded against
 * repetition (envelopes and ceremony messages by digest, routed messages by the duplicate cache),
 * and because a new connection has new keys. At 60 bytes each the memory of one session stays
 * below 16 MiB, and a session that uses all of it has moved tens of thousands of frames.
 */
export class NonceMemory {
  readonly #limit: number;
  #young = new Set<string>();
  #old = new Set<string>();

  /** @param limit nonces per generation. */
  constructor(limit: number = NONCES_PER_GENERATION) {
    this.#limit = limit;
  }

  /** Notes a nonce of 24 bytes; `false` if it is known already. */
  admit(nonce: Uint8Array): boolean {
    const key = String.fromCharCode.apply(null, nonce as unknown as number[]);
    if (this.#young.has(key) || this.#old.has(key)) return false;
    if (this.#young.size >= this.#limit) {
      this.#old = this.#young;
      this.#young = new Set();
    }
    this.#young.add(key);
    return true;
  }

  /** How many nonces are remembered now. */
  get size(): number {
    return this.#young.size + this.#old.size;
  }
}
