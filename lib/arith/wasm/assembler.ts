/**
 * A small WebAssembly assembler: just the instructions that the kernels need.
 *
 * Every method appends one instruction and returns the builder, so code reads in the order of the
 * stack machine. Source: WebAssembly core specification 3.0, chapter 5 (binary format).
 *
 * @module
 */

/** Value types. */
export const I32 = 0x7f;
/** 64-bit integer. */
export const I64 = 0x7e;
/** 128-bit vector: two 64-bit lanes, or four of 32 bits where the instruction says so. */
export const V128 = 0x7b;
type ValueType = typeof I32 | typeof I64 | typeof V128;

/** A byte string that grows; kernels are emitted in a thread's cold start, so this is kept plain. */
class Bytes {
  #bytes = new Uint8Array(4096);
  length = 0;

  byte(b: number): void {
    if (this.length === this.#bytes.length) {
      const grown = new Uint8Array(2 * this.length);
      grown.set(this.#bytes);
      this.#bytes = grown;
    }
    this.#bytes[this.length++] = b;
  }

  /** Appends the unsigned LEB128 form of an integer in `[0, 2^31)`. */
  unsigned(n: number): void {
    while (n >= 128) {
      this.byte((n & 127) | 128);
      n >>= 7;
    }
    this.byte(n);
  }

  /** Appends the signed LEB128 form of a 32-bit integer. */
  signed(n: number): void {
    while (n < -64 || n > 63) {
      this.byte((n & 127) | 128);
      n >>= 7;
    }
    this.byte(n & 127);
  }

  append(bytes: ArrayLike<number>): void {
    for (let i = 0; i < bytes.length; i++) this.byte(bytes[i]!);
  }

  /** Appends a byte string with its length before it. */
  sized(content: Bytes): void {
    this.unsigned(content.length);
    this.append(content.view());
  }

  /** Appends a section. */
  section(id: number, content: Bytes): void {
    this.byte(id);
    this.sized(content);
  }

  /** Appends a name. */
  name(text: string): void {
    const bytes = new TextEncoder().encode(text);
    this.unsigned(bytes.length);
    this.append(bytes);
  }

  view(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(0, this.length);
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
  readonly #code = new Bytes();
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
  /** Declares a 64-bit integer variable. */
  long(): Local {
    this.#locals.push(I64);
    return (this.parameters + this.#locals.length - 1) as Local;
  }

  /** Appends an opcode. */
  #op(code: number): this {
    this.#code.byte(code);
    return this;
  }
  /** Appends an opcode with an unsigned immediate. */
  #op1(code: number, immediate: number): this {
    this.#code.byte(code);
    this.#code.unsigned(immediate);
    return this;
  }
  /** Appends an immediate. */
  #immediate(n: number): this {
    this.#code.unsigned(n);
    return this;
  }
  /** Appends a vector opcode. */
  #simd(code: number): this {
    this.#code.byte(0xfd);
    this.#code.unsigned(code);
    return this;
  }
  /** Appends a vector memory access, aligned to 8 bytes. */
  #access(code: number, offset: number): this {
    this.#simd(code);
    this.#code.byte(3);
    this.#code.unsigned(offset);
    return this;
  }

  /** Pushes a local. */
  get(l: Local): this {
    return this.#op1(0x20, l);
  }
  /** Pops into a local. */
  set(l: Local): this {
    return this.#op1(0x21, l);
  }
  /** Stores the top into a local and keeps it. */
  tee(l: Local): this {
    return this.#op1(0x22, l);
  }
  /** Pushes a 32-bit constant. */
  i32(n: number): this {
    this.#code.byte(0x41);
    this.#code.signed(n | 0);
    return this;
  }
  /** 32-bit addition. */
  i32Add(): this {
    return this.#op(0x6a);
  }
  /** 32-bit subtraction. */
  i32Sub(): this {
    return this.#op(0x6b);
  }
  /** 32-bit inequality. */
  i32NotEqual(): this {
    return this.#op(0x47);
  }
  /** Pushes a 64-bit constant in the range of signed 32-bit integers. */
  i64(n: number): this {
    this.#code.byte(0x42);
    this.#code.signed(n | 0);
    return this;
  }
  /** 64-bit addition. */
  i64Add(): this {
    return this.#op(0x7c);
  }
  /** 64-bit subtraction. */
  i64Sub(): this {
    return this.#op(0x7d);
  }
  /** 64-bit multiplication, low half. */
  i64Mul(): this {
    return this.#op(0x7e);
  }
  /** 64-bit and. */
  i64And(): this {
    return this.#op(0x83);
  }
  /** 64-bit or. */
  i64Or(): this {
    return this.#op(0x84);
  }
  /** 64-bit exclusive or. */
  i64Xor(): this {
    return this.#op(0x85);
  }
  /** 64-bit shift left. */
  i64ShiftLeft(bits: number): this {
    return this.i64(bits).#op(0x86);
  }
  /** 64-bit logical shift right. */
  i64ShiftRight(bits: number): this {
    return this.i64(bits).#op(0x88);
  }
  /** Unsigned 64-bit comparison; leaves a 32-bit 0 or 1. */
  i64Less(): this {
    return this.#op(0x54);
  }
  /** Turns an unsigned 32-bit integer into a 64-bit one. */
  i64Extend(): this {
    return this.#op(0xad);
  }
  /** Pops an address, pushes the 64-bit integer at address + offset. */
  i64Load(offset = 0): this {
    return this.#op(0x29).#op(0).#immediate(offset);
  }
  /** Pops an address, pushes the unsigned 32-bit integer there as a 64-bit one. */
  i64Load32(offset = 0): this {
    return this.#op(0x35).#op(0).#immediate(offset);
  }
  /** Pops a 64-bit integer and the address below it, stores at address + offset. */
  i64Store(offset = 0): this {
    return this.#op(0x37).#op(0).#immediate(offset);
  }
  /** Repeats `body` while it leaves a non-zero 32-bit value. */
  loopWhile(body: () => void): this {
    this.#op1(0x03, 0x40);
    body();
    return this.#op1(0x0d, 0).#op(0x0b);
  }
  /** Calls function number `index` of the module. */
  call(index: number): this {
    return this.#op1(0x10, index);
  }

  /** Pushes a vector with the same 64 bits in both lanes. */
  splat(bits: bigint): this {
    const lane = new Uint8Array(8);
    new DataView(lane.buffer).setBigUint64(0, BigInt.asUintN(64, bits), true);
    this.#simd(12);
    this.#code.append(lane);
    this.#code.append(lane);
    return this;
  }
  /** Pops an address, pushes the vector at address + offset. */
  load(offset = 0): this {
    return this.#access(0, offset);
  }
  /** Pops a vector and the address below it, stores at address + offset. */
  store(offset = 0): this {
    return this.#access(11, offset);
  }
  /** Pops an address, pushes a vector with the 64 bits there in lane 0 and zero in lane 1. */
  loadLane0(offset = 0): this {
    return this.#access(0x5d, offset);
  }
  /** Pops a vector and the address below it, replaces lane 1 by the 64 bits there. */
  loadLane1(offset = 0): this {
    return this.#access(0x57, offset).#op(1);
  }
  /** Pops a vector and the address below it, stores 64 bits of one lane. */
  storeLane(lane: 0 | 1, offset = 0): this {
    return this.#access(0x5b, offset).#op(lane);
  }
  /** Pops an address, pushes a vector with the 32 bits there in all four lanes. */
  loadSplat32(offset = 0): this {
    return this.#simd(9).#op(2).#immediate(offset);
  }
  /** Pushes a vector of four 32-bit lanes. */
  lanes32(lanes: readonly [number, number, number, number]): this {
    this.#simd(12);
    this.#code.append(new Uint8Array(Uint32Array.from(lanes).buffer));
    return this;
  }
  /** Pops b and a, pushes four 32-bit lanes: 0 to 3 choose those of a, 4 to 7 those of b. */
  shuffle32(lanes: readonly [number, number, number, number]): this {
    this.#simd(13);
    for (const lane of lanes) this.#code.append([0, 1, 2, 3].map((i) => 4 * lane + i));
    return this;
  }
  /** 32-bit integer addition in all four lanes. */
  add32(): this {
    return this.#simd(174);
  }
  /** Shift left of all four 32-bit lanes. */
  shiftLeft32(bits: number): this {
    return this.i32(bits).#simd(171);
  }
  /** Logical shift right of all four 32-bit lanes. */
  shiftRight32(bits: number): this {
    return this.i32(bits).#simd(173);
  }
  /** Bitwise exclusive or. */
  xor(): this {
    return this.#simd(81);
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

  /** Appends the code section entry to `out`. */
  write(out: Bytes): void {
    const content = new Bytes();
    content.unsigned(this.#locals.length);
    for (const type of this.#locals) {
      content.unsigned(1);
      content.byte(type);
    }
    content.append(this.#code.view());
    content.byte(0x0b);
    out.sized(content);
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
  const sections = [1, 3, 5, 7, 10].map((id) => ({ id, content: new Bytes() }));
  const [types, indices, memory, exports, code] = sections.map((s) => s.content) as [
    Bytes,
    Bytes,
    Bytes,
    Bytes,
    Bytes,
  ];
  for (const part of [types, indices, code]) part.unsigned(entries.length);
  memory.append([1, 1]);
  memory.unsigned(initialPages);
  memory.unsigned(maximumPages);
  exports.unsigned(entries.length + 1);
  exports.name("memory");
  exports.append([2, 0]);
  for (const [index, [name, f]] of entries.entries()) {
    // Every function has a type of its own: some i32 parameters, no result.
    types.byte(0x60);
    types.unsigned(f.parameters);
    for (let i = 0; i < f.parameters; i++) types.byte(I32);
    types.byte(0);
    indices.unsigned(index);
    exports.name(name);
    exports.byte(0);
    exports.unsigned(index);
    f.write(code);
  }
  const out = new Bytes();
  out.append([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]);
  for (const { id, content } of sections) out.section(id, content);
  return out.view().slice();
}
