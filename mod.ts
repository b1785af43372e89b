/**
 * What a program that embeds transfunctioner may use: node identities, the lossless JSON of the
 * wire, committee elections, and public keys in their usual encodings.
 *
 * The daemon itself is the program `main.ts`; talk to a running one through its command line with
 * `--json`.
 *
 * @example Naming a node
 * ```ts
 * import { NodeIdentity, systemRandom, verifySignature } from "./mod.ts";
 *
 * const node = NodeIdentity.generate(systemRandom);
 * const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", new Uint8Array([1, 2, 3])));
 * console.assert(verifySignature(hash, node.sign(hash), node.identity));
 * ```
 *
 * @example Reading numbers that JSON.parse would round
 * ```ts
 * import { parseJson, stringifyJson } from "./mod.ts";
 *
 * const text = '{"n":123456789012345678901234567890}';
 * console.assert(stringifyJson(parseJson(text)) === text);
 * ```
 *
 * @module
 */

export { type RandomSource, systemRandom } from "./lib/arith/random.ts";
export {
  type Identity,
  identityBytes,
  identityFromPublicKey,
  NodeIdentity,
  parseIdentity,
  type VerifyOptions,
  verifySignature,
} from "./lib/crypto/identity.ts";
export {
  type Json,
  type JsonInput,
  type JsonLimits,
  type JsonObject,
  NonInteger,
  parseJson,
  stringifyJson,
} from "./lib/encoding/json.ts";
export { electCommittee } from "./lib/mesh/election.ts";
export { keyEncodings } from "./lib/node/encodings.ts";
export { VERSION } from "./lib/version.ts";
