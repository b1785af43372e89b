/**
 * Secretboxes (XSalsa20-Poly1305) by a WebAssembly kernel: what every byte between nodes passes
 * through, an order of magnitude faster than in JavaScript.
 *
 * @module
 */

import { assemble } from "../arith/wasm/assembler.ts";
import { emitAbsorb, emitFinish } from "./poly1305_code.ts";
import { emitMix, emitSpread, emitStream, SALSA_BLOCK, SALSA_LANES } from "./salsa_code.ts";

const PAGE = 65_536;
const MOST_PAGES = 1_024;

/** Byte addresses. What stands below `data` is of a fixed size. */
const LAYOUT = {
  input: 0,
  state: 64,
  mixed: 320,
  sum: 576,
  multiplier: 616,
  addend: 656,
  tag: 672,
  /** A last block that is not whole. */
  last: 688,
  /** Where the key stream begins; the message follows after {@link PREFIX} bytes. */
  data: 704,
};
/** The first half of the key stream's first block is the key of Poly1305, not for the message. */
const PREFIX = 32;
const MESSAGE = LAYOUT.data + PREFIX;
const GROUP = SALSA_LANES * SALSA_BLOCK;
/** "expand 32-byte k", as four words. */
const CONSTANTS = [0x61707865, 0x3320646e, 0x79622d32, 0x6b206574] as const;
/** Words of the mixed state that make the derived key of HSalsa20. */
const HSALSA_WORDS = [0, 5, 10, 15, 6, 7, 8, 9] as const;
/** Where the eight words of a key stand in the input. */
const KEY_WORDS = [1, 2, 3, 4, 11, 12, 13, 14] as const;

/** Length of a tag. */
const TAG_BYTES = 16;
/** Longest message: bounded by the memory that a thread may take for good. */
export const MOST_BOX_BYTES = MOST_PAGES * PAGE - LAYOUT.data - PREFIX - GROUP;

interface Exports {
  readonly memory: WebAssembly.Memory;
  spread(): void;
  mix(): void;
  stream(at: number, groups: number): void;
  absorb(at: number, blocks: number, top: number): void;
  finish(): void;
}

/** One thread's kernel. Keys and cleartext are overwritten before a call returns. */
export class BoxKernel {
  readonly #wasm: Exports;
  #bytes: Uint8Array;
  #words: Uint32Array;

  /**
   * Emits and compiles the kernel; about a millisecond.
   *
   * @throws {WebAssembly.CompileError} where there are no vector instructions.
   */
  constructor() {
    const code = assemble(
      {
        mix: emitMix(LAYOUT),
        spread: emitSpread(LAYOUT),
        stream: emitStream(LAYOUT, 0),
        absorb: emitAbsorb(LAYOUT),
        finish: emitFinish(LAYOUT),
      },
      2,
      MOST_PAGES,
    );
    const instance = new WebAssembly.Instance(new WebAssembly.Module(code));
    this.#wasm = instance.exports as unknown as Exports;
    this.#bytes = new Uint8Array(this.#wasm.memory.buffer);
    this.#words = new Uint32Array(this.#wasm.memory.buffer);
  }

  /**
   * Encrypts into `out` at `at`: tag (16 bytes), then as many bytes as `cleartext` has.
   *
   * @param nonce 24 bytes.
   * @param key 32 bytes.
   */
  seal(
    out: Uint8Array,
    at: number,
    cleartext: Uint8Array,
    nonce: Uint8Array,
    key: Uint8Array,
  ): void {
    const size = cleartext.length;
    this.#load(cleartext);
    try {
      this.#prepare(nonce, key);
      this.#wasm.stream(LAYOUT.data, groups(size));
      this.#authenticate(size);
      out.set(this.#bytes.subarray(LAYOUT.tag, LAYOUT.tag + TAG_BYTES), at);
      out.set(this.#bytes.subarray(MESSAGE, MESSAGE + size), at + TAG_BYTES);
    } finally {
      this.#wipe(size);
    }
  }

  /** Checks and decrypts a box, tag first; `null` if it was not made with this key and nonce. */
  open(box: Uint8Array, nonce: Uint8Array, key: Uint8Array): Uint8Array<ArrayBuffer> | null {
    if (box.length < TAG_BYTES) return null;
    const size = box.length - TAG_BYTES;
    this.#load(box.subarray(TAG_BYTES));
    try {
      this.#prepare(nonce, key);
      this.#authenticate(size);
      let differs = 0;
      for (let i = 0; i < TAG_BYTES; i++) differs |= this.#bytes[LAYOUT.tag + i]! ^ box[i]!;
      if (differs !== 0) return null;
      this.#wasm.stream(LAYOUT.data, groups(size));
      return this.#bytes.slice(MESSAGE, MESSAGE + size);
    } finally {
      this.#wipe(size);
    }
  }

  /** Puts a message in its place. */
  #load(message: Uint8Array): void {
    const missing = LAYOUT.data + GROUP * groups(message.length) - this.#bytes.length;
    if (missing > 0) {
      this.#wasm.memory.grow(Math.ceil(missing / PAGE));
      this.#bytes = new Uint8Array(this.#wasm.memory.buffer);
      this.#words = new Uint32Array(this.#wasm.memory.buffer);
    }
    this.#bytes.set(message, MESSAGE);
  }

  /** XSalsa20's derived key, the state of the key stream at its beginning, the key of Poly1305. */
  #prepare(nonce: Uint8Array, key: Uint8Array): void {
    const words = this.#words;
    for (const [i, constant] of CONSTANTS.entries()) words[5 * i] = constant;
    for (const [i, word] of KEY_WORDS.entries()) words[word] = word32(key, 4 * i);
    for (let i = 0; i < 4; i++) words[6 + i] = word32(nonce, 4 * i);
    this.#wasm.spread();
    this.#wasm.mix();
    for (const [i, word] of HSALSA_WORDS.entries()) {
      words[KEY_WORDS[i]!] = words[LAYOUT.mixed / 4 + 4 * word]!;
    }
    words[6] = word32(nonce, 16);
    words[7] = word32(nonce, 20);
    words[8] = words[9] = 0;
    this.#wasm.spread();
    this.#wasm.mix();
    const first = (i: number) => (words[LAYOUT.mixed / 4 + 4 * i]! + words[i]!) >>> 0;
    const [a, b, c, d] = [first(0), first(1), first(2), first(3)];
    // The multiplier is clamped (RFC 8439, section 2.5) and cut into limbs of 26 bits.
    const r = LAYOUT.multiplier / 4;
    words[r] = a & 0x3ffffff;
    words[r + 2] = (a >>> 26 | b << 6) & 0x3ffff03;
    words[r + 4] = (b >>> 20 | c << 12) & 0x3ffc0ff;
    words[r + 6] = (c >>> 14 | d << 18) & 0x3f03fff;
    words[r + 8] = (d >>> 8) & 0x00fffff;
    for (let i = 0; i < 4; i++) words[LAYOUT.addend / 4 + i] = first(4 + i);
  }

  /** Leaves the tag of the first `size` bytes of the message. */
  #authenticate(size: number): void {
    const whole = size >> 4;
    const rest = size & 15;
    if (whole > 0) this.#wasm.absorb(MESSAGE, whole, 1 << 24);
    if (rest > 0) {
      const end = MESSAGE + size;
      this.#bytes.copyWithin(LAYOUT.last, end - rest, end);
      this.#bytes[LAYOUT.last + rest] = 1;
      this.#wasm.absorb(LAYOUT.last, 1, 0);
    }
    this.#wasm.finish();
  }

  /** Overwrites everything that a call left, as the next one expects it. */
  #wipe(size: number): void {
    this.#bytes.fill(0, 0, LAYOUT.data + GROUP * groups(size));
  }
}

/** Groups of blocks that the key stream of a message of `size` bytes takes. */
function groups(size: number): number {
  return Math.ceil((PREFIX + size) / GROUP);
}

/** Reads 32 bits, least byte first. */
function word32(bytes: Uint8Array, at: number): number {
  return bytes[at]! | bytes[at + 1]! << 8 | bytes[at + 2]! << 16 | bytes[at + 3]! << 24;
}
