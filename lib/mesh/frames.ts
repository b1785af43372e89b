/**
 * Frames: the encrypted units of a connection (specification: mesh section 3.4).
 *
 * @module
 */

import { BOX_NONCE_BYTES, BOX_TAG_BYTES, secretboxOpen, secretboxSealInto } from "../crypto/box.ts";
import { u32be } from "../encoding/bytes.ts";
import { WireError } from "./errors.ts";
import { NonceMemory, NonceSequence } from "./nonces.ts";

/** Length of a frame's header: nonce, tag and the body's size. */
export const FRAME_HEADER_BYTES = BOX_NONCE_BYTES + BOX_TAG_BYTES + 4;
/** Largest body, nonce and tag included. */
export const MAX_BODY_BYTES = 1 << 20;
const BODY_OVERHEAD = BOX_NONCE_BYTES + BOX_TAG_BYTES;
/** Smallest body that a receiver takes: one byte of cleartext. */
const MIN_BODY_BYTES = BODY_OVERHEAD + 1;
/** Largest cleartext of one frame. */
export const MAX_CLEARTEXT_BYTES = MAX_BODY_BYTES - BODY_OVERHEAD;

/** Encrypts the frames of one direction. */
export class FrameSealer {
  readonly #key: Uint8Array;
  readonly #nonces: NonceSequence;

  /**
   * @param key the direction's key, 32 bytes; wiped by {@link wipe}.
   * @param nonces used for this direction only.
   */
  constructor(key: Uint8Array, nonces: NonceSequence) {
    this.#key = key;
    this.#nonces = nonces;
  }

  /**
   * Encrypts one message into a frame. Frames must be sent in the order in which they were sealed.
   *
   * @throws {WireError} kind `too-large` for an empty cleartext, which no receiver takes, or one
   * above {@link MAX_CLEARTEXT_BYTES}.
   */
  seal(cleartext: Uint8Array): Uint8Array<ArrayBuffer> {
    if (cleartext.length === 0 || cleartext.length > MAX_CLEARTEXT_BYTES) {
      throw new WireError(
        "too-large",
        `Cannot send ${cleartext.length} bytes: a frame holds 1 to ${MAX_CLEARTEXT_BYTES}`,
      );
    }
    const bodySize = BODY_OVERHEAD + cleartext.length;
    const frame = new Uint8Array(FRAME_HEADER_BYTES + bodySize);
    const headerNonce = this.#nonces.next();
    frame.set(headerNonce);
    secretboxSealInto(frame, BOX_NONCE_BYTES, u32be(bodySize), headerNonce, this.#key);
    const bodyNonce = this.#nonces.next();
    frame.set(bodyNonce, FRAME_HEADER_BYTES);
    const body = FRAME_HEADER_BYTES + BOX_NONCE_BYTES;
    secretboxSealInto(frame, body, cleartext, bodyNonce, this.#key);
    return frame;
  }

  /** Overwrites the key; no frame can be sealed afterwards that a peer would open. */
  wipe(): void {
    this.#key.fill(0);
  }
}

/** Checks and decrypts the frames of one direction. A failure is final: close the connection. */
export class FrameOpener {
  readonly #key: Uint8Array;
  readonly #seen: NonceMemory;

  /** @param key the direction's key, 32 bytes; wiped by {@link wipe}. */
  constructor(key: Uint8Array, seen: NonceMemory = new NonceMemory()) {
    this.#key = key;
    this.#seen = seen;
  }

  /**
   * Opens a header of 44 bytes and returns the size of the body that follows.
   *
   * @throws {WireError} kind `frame` if it does not authenticate or the size is out of bounds,
   * `replay` if it came before.
   */
  openHeader(header: Uint8Array): number {
    const plain = this.#open(header, "header");
    const size = new DataView(plain.buffer, plain.byteOffset, 4).getUint32(0);
    if (size < MIN_BODY_BYTES || size > MAX_BODY_BYTES) {
      throw new WireError("frame", `Cannot read frame: a body of ${size} bytes is out of bounds`);
    }
    return size;
  }

  /**
   * Opens a body of the size that its header told and returns the cleartext, which the caller
   * owns.
   *
   * @throws {WireError} kind `frame` or `replay`.
   */
  openBody(body: Uint8Array): Uint8Array {
    return this.#open(body, "body");
  }

  #open(bytes: Uint8Array, part: "header" | "body"): Uint8Array {
    const nonce = bytes.subarray(0, BOX_NONCE_BYTES);
    const plain = secretboxOpen(bytes.subarray(BOX_NONCE_BYTES), nonce, this.#key);
    if (plain === null) {
      throw new WireError("frame", `Cannot read frame: the ${part} does not authenticate`);
    }
    // Only after authentication, so that garbage cannot fill the memory.
    if (!this.#seen.admit(nonce)) {
      throw new WireError("replay", `Cannot read frame: the ${part} was received before`);
    }
    return plain;
  }

  /** Overwrites the key; no frame opens afterwards. */
  wipe(): void {
    this.#key.fill(0);
  }
}
