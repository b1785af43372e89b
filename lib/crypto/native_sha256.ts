/**
 * SHA-256 by the runtime's own crypto, which is compiled: a tenth of the time of the JavaScript one
 * for a message of 64 KiB. As with {@link loadNativeX25519} it is loaded when nothing waits, and
 * JavaScript goes on computing until then, where it is missing, and where it computes wrongly.
 *
 * @module
 */

import { equalBytes, fromHex, utf8 } from "../encoding/bytes.ts";

/** Returns SHA-256 (32 bytes) over the concatenation of `parts`. */
export type Sha256 = (parts: readonly Uint8Array[]) => Uint8Array<ArrayBuffer>;

/** Text, and its SHA-256 by FIPS 180-4's examples (one block, two blocks). */
const KNOWN = [
  ["abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"],
  [
    "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
    "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
  ],
] as const;

/** Loads the runtime's SHA-256; `null` where there is none that computes as FIPS 180-4 says. */
export async function loadNativeSha256(): Promise<Sha256 | null> {
  try {
    const { createHash } = await import("node:crypto");
    const sha256: Sha256 = (parts) => {
      const hash = createHash("sha256");
      for (const part of parts) hash.update(part);
      return Uint8Array.from(hash.digest());
    };
    const right = KNOWN.every(([text, digest]) => {
      const [head, tail] = [utf8(text.slice(0, 2)), utf8(text.slice(2))];
      return equalBytes(sha256([head, tail]), fromHex(digest));
    });
    return right ? sha256 : null;
  } catch {
    return null;
  }
}
