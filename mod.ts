/**
 * What a program that embeds transfunctioner may use: whole nodes, node identities, the lossless
 * JSON of the wire, committee elections, and public keys in their usual encodings.
 *
 * {@link runNode} needs the bundle of the ceremony workers (`deno task build`) and the permissions
 * of a daemon; the rest is pure functions. To talk to a daemon that runs by itself, use its command
 * line with `--json`.
 *
 * @example Two nodes in one program make a key and sign
 * ```ts
 * import assert from "node:assert/strict";
 * import { runNode } from "./mod.ts";
 *
 * const root = await Deno.makeTempDir();
 * const settings = (name: string) => ({
 *   TRF_HOME: `${root}/${name}`,
 *   TRF_KEYSTORE_PASSPHRASE: "only for this example",
 *   TRF_LISTEN_ADDRESS: "127.0.0.1:0",
 *   TRF_ADMIN_ADDRESS: "127.0.0.1:0",
 * });
 * const alice = await runNode({ settings: settings("alice"), create: true });
 * const bob = await runNode({
 *   settings: {
 *     ...settings("bob"),
 *     TRF_CONNECT: alice.listenAddress,
 *     TRF_INITIATORS: alice.identity,
 *   },
 *   create: true,
 * });
 * try {
 *   const members = [alice.identity, bob.identity];
 *   const ready = async () => {
 *     const { peers } = await alice.call("peers") as { peers: { ready?: boolean; self: boolean }[] };
 *     return peers.some((peer) => !peer.self && peer.ready === true);
 *   };
 *   while (!await ready()) await new Promise((resolve) => setTimeout(resolve, 100));
 *
 *   const key = await alice.call("keygen", { members, threshold: 1, curve: "ed25519" }) as {
 *     key_id: string;
 *     public_key: string;
 *   };
 *   const message = "68656c6c6f"; // hello
 *   const signed = await alice.call("sign", { key_id: key.key_id, message }) as {
 *     signature: string;
 *   };
 *   assert.match(signed.signature, /^[0-9a-f]{128}$/);
 * } finally {
 *   await Promise.all([alice.stop(), bob.stop()]);
 *   await Deno.remove(root, { recursive: true });
 * }
 * ```
 *
 * @example Naming a node
 * ```ts
 * import assert from "node:assert/strict";
 * import { NodeIdentity, systemRandom, verifySignature } from "./mod.ts";
 *
 * const node = NodeIdentity.generate(systemRandom);
 * const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", new Uint8Array([1, 2, 3])));
 * assert(verifySignature(hash, node.sign(hash), node.identity));
 * ```
 *
 * @example Reading numbers that JSON.parse would round
 * ```ts
 * import assert from "node:assert/strict";
 * import { parseJson, stringifyJson } from "./mod.ts";
 *
 * const text = '{"n":123456789012345678901234567890}';
 * assert.equal(stringifyJson(parseJson(text)), text);
 * ```
 *
 * @example Drawing a committee that everybody can check
 * ```ts
 * import assert from "node:assert/strict";
 * import { electCommittee, NodeIdentity, systemRandom } from "./mod.ts";
 *
 * const nodes = Array.from({ length: 7 }, () => NodeIdentity.generate(systemRandom).identity);
 * const seed = new TextEncoder().encode("a seed that nobody could choose alone");
 * const committee = electCommittee(seed, nodes, 3);
 * assert.deepEqual(electCommittee(seed, nodes.toReversed(), 3), committee);
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
export { type RunningNode, runNode, type RunNodeOptions } from "./lib/node/embed.ts";
export { keyEncodings } from "./lib/node/encodings.ts";
export type { LogFields, Logger } from "./lib/observe/logger.ts";
export { VERSION } from "./lib/version.ts";
