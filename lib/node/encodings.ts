/**
 * A group public key in the forms that other software asks for.
 *
 * @module
 */

import { ripemd160 } from "@noble/hashes/legacy.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { keccak_256 } from "@noble/hashes/sha3.js";
import { base58, bech32 } from "@scure/base";
import { concat, toBase64, toHex, u32be, utf8 } from "../encoding/bytes.ts";

/** The 33-byte SEC1 form of a secp256k1 key given as X and Y (64 bytes). */
export function compressedKey(publicKey: Uint8Array): Uint8Array<ArrayBuffer> {
  if (publicKey.length !== 64) throw new RangeError("A secp256k1 key has 64 bytes: X and Y");
  return concat(Uint8Array.of(publicKey[63]! & 1 ? 3 : 2), publicKey.subarray(0, 32));
}

/** The address that Ethereum derives from a secp256k1 key (EIP-55 mixed case). */
export function ethereumAddress(publicKey: Uint8Array): string {
  const hex = toHex(keccak_256(publicKey).subarray(12));
  const check = toHex(keccak_256(utf8(hex)));
  return "0x" +
    [...hex].map((c, i) => parseInt(check[i]!, 16) >= 8 ? c.toUpperCase() : c).join("");
}

/** The Bitcoin mainnet P2WPKH address of a secp256k1 key (BIP 173). */
export function bitcoinAddress(publicKey: Uint8Array): string {
  const program = ripemd160(sha256(compressedKey(publicKey)));
  return bech32.encode("bc", [0, ...bech32.toWords(program)]);
}

/** The line that OpenSSH writes for an Ed25519 key (RFC 8709). */
export function sshKey(publicKey: Uint8Array): string {
  const name = utf8("ssh-ed25519");
  const blob = concat(u32be(name.length), name, u32be(publicKey.length), publicKey);
  return `ssh-ed25519 ${toBase64(blob)}`;
}

/** The did:key of an Ed25519 key (multicodec 0xed01, base58btc). */
export function didKey(publicKey: Uint8Array): string {
  return `did:key:z${base58.encode(concat(Uint8Array.of(0xed, 0x01), publicKey))}`;
}

/**
 * All usual encodings of a key, by name.
 *
 * @param publicKey secp256k1: 64 bytes X and Y; ed25519: the 32-byte encoding.
 */
export function keyEncodings(
  curve: "secp256k1" | "ed25519",
  publicKey: Uint8Array,
): Record<string, string> {
  if (curve === "ed25519") {
    return { raw: toHex(publicKey), ssh: sshKey(publicKey), did: didKey(publicKey) };
  }
  return {
    compressed: toHex(compressedKey(publicKey)),
    uncompressed: "04" + toHex(publicKey),
    ethereum: ethereumAddress(publicKey),
    bitcoin: bitcoinAddress(publicKey),
  };
}

/** The one form by which a key is named in short output: compressed, or raw for Ed25519. */
export function publicKeyText(curve: "secp256k1" | "ed25519", publicKey: Uint8Array): string {
  return toHex(curve === "ed25519" ? publicKey : compressedKey(publicKey));
}
