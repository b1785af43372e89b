/**
 * A small WebAssembly assembler: just the instructions that the multiplication kernel needs.
 *
 * Every method appends one instruction and returns the builder, so code reads in the order of the
 * stack machine. Source: WebAssembly core specification 3.0, chapter 5 (binary format).
 *
 * @module
 */

/** Value types. */
export const I32 = 0x7f;
/** 128-bit vector: here always two 64-bit lanes. */
export const V128 = 0x7b;
type ValueType = typeof I32 | typeof V128;

/** Returns the unsigned LEB128 form of `n >= 0`. */
function unsigned(n: number): number[] {
  const out: number[] = [];
  do {
    const rest = Math.floor(n / 128);
    out.push((n % 128) | (rest === 0 ? 0 : 128));
    n = rest;
  } while (n !== 0);
  return out;
}

/** Returns the signed LEB128 form of a 32-bit integer. */
function signed(n: number): number[] {
  const out: number[] = [];
  for (;;) {
    const low = n & 127;
    n >>= 7;
    if ((n === 0 && (low & 64) === 0) || (n === -1 && (low & 64) !== 0)) return [...out, low];
    out.push(low | 128);
  }
}

/** Returns the bits of a float64 as an unsigned 64-bit integer. */
export function floatBits(x: number): bigint {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, x);
  return view.getBigUint64(0);
}

/** A local variable or parameter, by its index. */
export type Local = number & { readonly __local: unique symbol };

/** Builds one function. */
export class FunctionBuilder {
  readonly #code: number[] = [];
  readonly #locals: ValueType[] = [];

  /** A function with `parameters` 32-bit parameters and no result. */
  constructor(readonly parameters: number) {}

  /** Returns parameter number `index`. */
  parameter(index: number): Local {
    return index as Local;
  }
  /** Declares a vector variable. */
  vector(): Local {
    this.#locals.push(V128);
    return (this.parameters + this.#locals.length - 1) as Local;
  }
  /** Declares a 32-bit integer variable. */
  integer(): Local {
    this.#locals.push(I32);
    return (this.parameters + this.#locals.length - 1) as Local;
  }

  #emit(...bytes: number[]): this {
    for (const b of bytes) this.#code.push(b);
    return this;
  }
  #simd(op: number, ...rest: number[]): this {
    return this.#emit(0xfd, ...unsigned(op), ...rest);
  }

  /** Pushes a local. */
  get(l: Local): this {
    return this.#emit(0x20, ...unsigned(l));
  }
  /** Pops into a local. */
  set(l: Local): this {
    return this.#emit(0x21, ...unsigned(l));
  }
  /** Stores the top into a local and keeps it. */
  tee(l: Local): this {
    return this.#emit(0x22, ...unsigned(l));
  }
  /** Pushes a 32-bit constant. */
  i32(n: number): this {
    return this.#emit(0x41, ...signed(n | 0));
  }
  /** 32-bit addition. */
  i32Add(): this {
    return this.#emit(0x6a);
  }
  /** 32-bit subtraction. */
  i32Sub(): this {
    return this.#emit(0x6b);
  }
  /** 32-bit inequality. */
  i32NotEqual(): this {
    return this.#emit(0x47);
  }
  /** Repeats `body` while it leaves a non-zero 32-bit value. */
  loopWhile(body: () => void): this {
    this.#emit(0x03, 0x40);
    body();
    return this.#emit(0x0d, 0, 0x0b);
  }
  /** Calls function number `index` of the module. */
  call(index: number): this {
    return this.#emit(0x10, ...unsigned(index));
  }

  /** Pushes a vector with the same 64 bits in both lanes. */
  splat(bits: bigint): this {
    const bytes = new Uint8Array(16);
    const view = new DataView(bytes.buffer);
    view.setBigUint64(0, BigInt.asUintN(64, bits), true);
    view.setBigUint64(8, BigInt.asUintN(64, bits), true);
    return this.#simd(12, ...bytes);
  }
  /** Pops an address, pushes the vector at address + offset. */
  load(offset = 0): this {
    return this.#simd(0, 3, ...unsigned(offset));
  }
  /** Pops a vector and the address below it, stores at address + offset. */
  store(offset = 0): this {
    return this.#simd(11, 3, ...unsigned(offset));
  }
  /** Pops an address, pushes a vector with the 64 bits there in lane 0 and zero in lane 1. */
  loadLane0(offset = 0): this {
    return this.#simd(0x5d, 3, ...unsigned(offset));
  }
  /** Pops a vector and the address below it, replaces lane 1 by the 64 bits there. */
  loadLane1(offset = 0): this {
    return this.#simd(0x57, 3, ...unsigned(offset), 1);
  }
  /** Pops a vector and the address below it, stores 64 bits of one lane. */
  storeLane(lane: 0 | 1, offset = 0): this {
    return this.#simd(0x5b, 3, ...unsigned(offset), lane);
  }
  /** Bitwise and. */
  and(): this {
    return this.#simd(78);
  }
  /** Bitwise or. */
  or(): this {
    return this.#simd(80);
  }
  /** 64-bit integer addition in both lanes. */
  add(): this {
    return this.#simd(206);
  }
  /** 64-bit integer subtraction in both lanes. */
  sub(): this {
    return this.#simd(209);
  }
  /** Logical shift right of both lanes. */
  shiftRight(bits: number): this {
    return this.i32(bits).#simd(205);
  }
  /** Float64 addition. */
  floatAdd(): this {
    return this.#simd(240);
  }
  /** Float64 subtraction. */
  floatSub(): this {
    return this.#simd(241);
  }
  /** Relaxed `x * y + z`, for operands pushed in the order x, y, z. */
  fusedMultiplyAdd(): this {
    return this.#simd(263);
  }

  /** Returns the code section entry. */
  body(): number[] {
    const locals = this.#locals.flatMap((type) => [1, type]);
    const content = [...unsigned(this.#locals.length), ...locals, ...this.#code, 0x0b];
    return [...unsigned(content.length), ...content];
  }
}

/**
 * Assembles a module that exports the given functions by name and its memory as `memory`.
 * `initialPages` and `maximumPages` count 64 KiB pages.
 */
export function assemble(
  functions: Readonly<Record<string, FunctionBuilder>>,
  initialPages: number,
  maximumPages: number,
): Uint8Array<ArrayBuffer> {
  const entries = Object.entries(functions);
  const section = (id: number, content: number[]) => [id, ...unsigned(content.length), ...content];
  const name = (text: string) => {
    const bytes = [...new TextEncoder().encode(text)];
    return [...unsigned(bytes.length), ...bytes];
  };
  const count = unsigned(entries.length);
  const types = entries.flatMap(([, f]) => [
    0x60,
    ...unsigned(f.parameters),
    ...new Array<number>(f.parameters).fill(I32),
    0,
  ]);
  const exports = [
    ...unsigned(entries.length + 1),
    ...name("memory"),
    2,
    0,
    ...entries.flatMap(([n], i) => [...name(n), 0, ...unsigned(i)]),
  ];
  const code: number[] = [...count];
  for (const [, f] of entries) for (const b of f.body()) code.push(b);
  return new Uint8Array([
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, [...count, ...types]),
    ...section(3, [...count, ...entries.flatMap((_, i) => unsigned(i))]),
    ...section(5, [1, 1, ...unsigned(initialPages), ...unsigned(maximumPages)]),
    ...section(7, exports),
    ...section(10, code),
  ]);
}
