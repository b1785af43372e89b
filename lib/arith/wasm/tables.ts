/**
 * Tables of bases that callers asked to keep, outside of kernel memory and bounded.
 *
 * @module
 */

import { bitLength } from "../../encoding/bytes.ts";
import type { CombShape } from "./comb.ts";
import { combShape } from "./comb.ts";

/** A base whose table is kept; the content exists from its first use on. */
export interface KeptTable {
  readonly shape: CombShape;
  content?: Float64Array;
}

/** Least recently used goes first. */
export class KeptTables {
  readonly #tables = new Map<string, KeptTable>();
  #bytes = 0;

  /** At most `limit` bytes of tables. */
  constructor(readonly limit: number) {}

  #key(base: bigint, modulus: bigint): string {
    return `${modulus.toString(36)}:${base.toString(36)}`;
  }

  /** Registers a base; a longer exponent than before replaces the table. */
  keep(base: bigint, modulus: bigint, bits: number): void {
    const key = this.#key(base, modulus);
    const known = this.#tables.get(key);
    if (known !== undefined && known.shape.bits >= bits) return;
    if (known !== undefined) this.#forget(key, known);
    // Registered bases without a table cost little, but their number is bounded too.
    if (this.#tables.size >= 256) {
      for (const [oldest, table] of this.#tables) {
        this.#forget(oldest, table);
        break;
      }
    }
    // Eight blocks of eight teeth: of the forms that fit the cache the one with the fewest steps.
    const rounded = Math.ceil(bits / 64) * 64;
    this.#tables.set(key, { shape: combShape(rounded, 8, bitLength(modulus) > 3000 ? 4 : 8) });
  }

  #forget(key: string, table: KeptTable): void {
    this.#bytes -= table.content?.byteLength ?? 0;
    table.content?.fill(0);
    this.#tables.delete(key);
  }

  /** Whether any base is registered. */
  get empty(): boolean {
    return this.#tables.size === 0;
  }

  /** Returns the registered table of a base and makes it the most recently used one. */
  find(base: bigint, modulus: bigint): KeptTable | undefined {
    if (this.empty) return undefined;
    const key = this.#key(base, modulus);
    const table = this.#tables.get(key);
    if (table === undefined) return undefined;
    this.#tables.delete(key);
    this.#tables.set(key, table);
    return table;
  }

  /** Stores the content of a registered table; others give way. */
  fill(table: KeptTable, content: Float64Array): void {
    table.content = content;
    this.#bytes += content.byteLength;
    for (const [key, other] of this.#tables) {
      if (this.#bytes <= this.limit) break;
      if (other !== table && other.content !== undefined) this.#forget(key, other);
    }
  }
}
