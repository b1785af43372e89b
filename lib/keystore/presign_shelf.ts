/**
 * The presignatures of an opened keystore: {@link PresignStock} with its writes in line with all
 * others.
 *
 * @module
 */

import type { PresignHeader, PresignMatch, PresignStock } from "./presign_stock.ts";

/** Reads and writes presignatures, one call after the other. */
export class PresignShelf {
  readonly #stock: PresignStock;
  readonly #exclusive: <T>(run: () => Promise<T>) => Promise<T>;

  /** `exclusive` runs a write after those before it. */
  constructor(stock: PresignStock, exclusive: <T>(run: () => Promise<T>) => Promise<T>) {
    this.#stock = stock;
    this.#exclusive = exclusive;
  }

  /** Presignatures destroyed without having been used, since the keystore was opened. */
  get wiped(): number {
    return this.#stock.wiped;
  }

  /** What is in stock, of one key or of all. */
  list(keyId?: string): Promise<PresignHeader[]> {
    return this.#stock.list(keyId);
  }

  /** Stores a presignature, see {@link PresignStock.put}. */
  put(header: PresignHeader, body: Uint8Array): Promise<void> {
    return this.#exclusive(() => this.#stock.put(header, body));
  }

  /** Destroys a presignature and hands it out for its one use, see {@link PresignStock.take}. */
  take(id: string, match: PresignMatch): Promise<Uint8Array<ArrayBuffer>> {
    return this.#exclusive(() => this.#stock.take(id, match));
  }

  /** Destroys presignatures that `doomed` picks; returns how many. */
  wipe(doomed: (header: PresignHeader) => boolean): Promise<number> {
    return this.#exclusive(() => this.#stock.wipe(doomed));
  }

  /** Destroys the presignatures of a key (32 hex digits, lower case), or all; returns how many. */
  wipeAll(keyId?: string): Promise<number> {
    return this.wipe((header) => keyId === undefined || header.keyId === keyId);
  }

  /** The operator's setting for a key, see {@link PresignStock.setting}. */
  setting(keyId: string): Promise<number | null> {
    return this.#stock.setting(keyId);
  }

  /** Writes the operator's setting for a key; null also destroys what is in stock. */
  set(keyId: string, count: number | null): Promise<void> {
    return this.#exclusive(async () => {
      await this.#stock.set(keyId, count);
      if (count === null) await this.#stock.wipe((header) => header.keyId === keyId);
    });
  }
}
