/**
 * One string per name: each record that is read brings the names of its node and its sessions as
 * new strings, which would be most of what a node remembers of a large mesh.
 *
 * @module
 */

import type { Identity } from "../crypto/identity.ts";

/** A bounded pool of names. */
export class Names {
  readonly #most: number;
  readonly #pool = new Map<Identity, Identity>();

  /** Starts anew whenever it holds more than `most` names. */
  constructor(most: number) {
    this.#most = most;
  }

  /** The pooled string that equals `name`. */
  of(name: Identity): Identity {
    const pooled = this.#pool.get(name);
    if (pooled !== undefined) return pooled;
    if (this.#pool.size >= this.#most) this.#pool.clear();
    this.#pool.set(name, name);
    return name;
  }
}
