/**
 * Node keys: the secp256k1 key that names a node, its signatures, and the keys derived from it
 * (specification: mesh section 1).
 *
 * @module
 */

import { secp256k1 } from "@noble/curves/secp256k1.js";
import type { RandomSource } from "../arith/random.ts";
import { bytesToInt, concat, equalBytes, fromHex, toHex, utf8 } from "../encoding/bytes.ts";
import { boxOpen, x25519Public } from "./box.ts";
import { hkdfSha256, ripemd160, sha256 } from "./kdf.ts";

/** A node's name: 40 lower-case hex digits, RIPEMD-160 of its compressed public key. */
export type Identity = string & { readonly __brand: "Identity" };

/** Twenty zero bytes: the broadcast address. No node can have it. */
export const ZERO_IDENTITY = "0".repeat(40) as Identity;

/**
 * Reads an identity; upper-case digits are taken and lowered.
 *
 * @throws {SyntaxError} if the text is not 40 hexadecimal digits.
 */
export function parseIdentity(text: string): Identity {
  if (!/^[0-9a-fA-F]{40}$/.test(text)) {
    throw new SyntaxError("Cannot read identity: expected 40 hexadecimal digits");
  }
  return text.toLowerCase() as Identity;
}

/** Returns the 20 bytes of an identity. */
export function identityBytes(identity: Identity): Uint8Array<ArrayBuffer> {
  return fromHex(identity);
}

/** Returns the identity as an unsigned big-endian integer below 2^160. */
export function identityToInt(identity: Identity): bigint {
  return BigInt("0x" + identity);
}

/**
 * Names the owner of a compressed secp256k1 public key: RIPEMD-160 of the 33 bytes, with no
 * SHA-256 in front.
 *
 * @throws {RangeError} if the key is not 33 bytes.
 */
export function identityFromPublicKey(compressed: Uint8Array): Identity {
  if (compressed.length !== 33) {
    throw new RangeError("Cannot name a public key: expected 33 compressed bytes");
  }
  return toHex(ripemd160(compressed)) as Identity;
}

const ORDER = secp256k1.Point.Fn.ORDER;
const NACL_LABEL = utf8("continuum-x25519-v1");
const STORE_SALT = utf8("continuum-hkdf-salt-v1");
const STORE_INFO = "continuum-store-v1";

/** Recovery bytes 31..34 mark a compact signature for a compressed key. */
const COMPACT_FIRST = 31;
const COMPACT_LAST = 34;
/** Length of a node signature in bytes. */
export const SIGNATURE_BYTES = 65;

/** A node's long-lived private key and what it can do. Never prints its secrets. */
export class NodeIdentity {
  readonly #privateKey: Uint8Array<ArrayBuffer>;
  readonly #naclPrivate: Uint8Array<ArrayBuffer>;
  /** The node's name. */
  readonly identity: Identity;
  /** Compressed secp256k1 public key, 33 bytes. */
  readonly publicKey: Uint8Array<ArrayBuffer>;
  /** X25519 public key to which end-to-end payloads are sealed, 32 bytes. */
  readonly naclPublic: Uint8Array<ArrayBuffer>;

  private constructor(privateKey: Uint8Array<ArrayBuffer>) {
    this.#privateKey = privateKey;
    this.#naclPrivate = sha256(NACL_LABEL, privateKey);
    this.publicKey = secp256k1.getPublicKey(privateKey, true) as Uint8Array<ArrayBuffer>;
    this.identity = identityFromPublicKey(this.publicKey);
    this.naclPublic = x25519Public(this.#naclPrivate);
  }

  /**
   * Takes a 32-byte big-endian private key (copied). A Go node reduces an oversized key modulo the
   * group order and accepts zero; both are refused here, because they are never a key meant so.
   *
   * @throws {RangeError} if the key is not 32 bytes, zero, or not below the group order.
   */
  static fromPrivateKey(privateKey: Uint8Array): NodeIdentity {
    if (privateKey.length !== 32) {
      throw new RangeError("Cannot use node key: expected 32 bytes");
    }
    const value = bytesToInt(privateKey);
    if (value === 0n || value >= ORDER) {
      throw new RangeError("Cannot use node key: it must lie between 1 and the group order");
    }
    return new NodeIdentity(new Uint8Array(privateKey));
  }

  /** Makes a fresh key from `random`. */
  static generate(random: RandomSource): NodeIdentity {
    for (;;) {
      const candidate = random(32);
      try {
        const value = bytesToInt(candidate);
        // Misses with probability 2^-128.
        if (value !== 0n && value < ORDER) return NodeIdentity.fromPrivateKey(candidate);
      } finally {
        candidate.fill(0);
      }
    }
  }

  /**
   * Signs a 32-byte hash: 65 bytes, recovery byte 31..34, then R and S. Deterministic (RFC 6979
   * over SHA-256) with low S, like the Go service.
   *
   * @throws {RangeError} if the hash is not 32 bytes.
   */
  sign(hash: Uint8Array): Uint8Array<ArrayBuffer> {
    if (hash.length !== 32) throw new RangeError("Cannot sign: the hash must be 32 bytes");
    const signature = secp256k1.sign(hash, this.#privateKey, {
      prehash: false,
      lowS: true,
      format: "recovered",
      extraEntropy: false,
    }) as Uint8Array<ArrayBuffer>;
    signature[0]! += COMPACT_FIRST;
    return signature;
  }

  /** Derives the key of the share store, 32 bytes (mesh section 16). The caller wipes it. */
  storeKey(): Uint8Array<ArrayBuffer> {
    return hkdfSha256(this.#privateKey, STORE_SALT, STORE_INFO, 32);
  }

  /**
   * Opens a NaCl box that was sealed to {@link naclPublic}.
   *
   * @returns the cleartext, or `null` if it does not open or the other key is of low order.
   * @throws {RangeError} if `theirPublic` is not 32 bytes.
   */
  boxOpen(box: Uint8Array, nonce: Uint8Array, theirPublic: Uint8Array): Uint8Array | null {
    return boxOpen(box, nonce, theirPublic, this.#naclPrivate);
  }

  /** Hands out a copy of the private key, for the key store only. The caller wipes it. */
  exportPrivateKey(): Uint8Array<ArrayBuffer> {
    return this.#privateKey.slice();
  }

  /** Keeps the key out of JSON. */
  toJSON(): string {
    return "[redacted]";
  }

  /** Keeps the key out of inspection output. */
  [Symbol.for("Deno.customInspect")](): string {
    return "[redacted]";
  }
}

/** Options of {@link verifySignature}. */
export interface VerifyOptions {
  /** Also refuse the high-S twin of a signature; the Go service accepts it. Default false. */
  readonly lowSOnly?: boolean;
}

/**
 * Tells whether `signature` over the 32-byte `hash` was made by the node named `expected`, by
 * recovering the public key and comparing its name. Never throws.
 *
 * Refused: any length but 65, a recovery byte outside 31..34, R or S zero or not below the order,
 * no such point, a recovered key at infinity, another name.
 */
export function verifySignature(
  hash: Uint8Array,
  signature: Uint8Array,
  expected: Identity,
  options: VerifyOptions = {},
): boolean {
  if (hash.length !== 32 || signature.length !== SIGNATURE_BYTES) return false;
  const recovery = signature[0]!;
  if (recovery < COMPACT_FIRST || recovery > COMPACT_LAST) return false;
  if (options.lowSOnly && bytesToInt(signature.subarray(33)) > ORDER >> 1n) return false;
  try {
    const recovered = secp256k1.recoverPublicKey(
      concat(Uint8Array.of(recovery - COMPACT_FIRST), signature.subarray(1)),
      hash,
      { prehash: false },
    );
    return equalBytes(ripemd160(recovered), identityBytes(expected));
  } catch {
    return false; // noble throws for everything that cannot be recovered
  }
}
