/**
 * What holds within the limits of the language and of the wire: byte arrays are overwritten, secret
 * scalars take the constant-time path, recorded traffic of neighbours does not open with node keys
 * (weaknesses mesh 31, core 12, keygen 10, signing 8, eddsa 11).
 */
import assert from "node:assert/strict";
import { systemRandom } from "../../lib/arith/random.ts";
import { x25519, x25519Public } from "../../lib/crypto/box.ts";
import { NodeIdentity } from "../../lib/crypto/identity.ts";
import { sha256 } from "../../lib/crypto/kdf.ts";
import { fromHex, utf8 } from "../../lib/encoding/bytes.ts";
import { backupEntries, readBackup } from "../../lib/keystore/backup.ts";
import { openBundle, sealBundle } from "../../lib/keystore/bundle.ts";
import { sealIdentity } from "../../lib/keystore/identity_file.ts";
import { FRAME_HEADER_BYTES, FrameOpener } from "../../lib/mesh/frames.ts";
import { deriveTransportKeys } from "../../lib/mesh/key_exchange.ts";
import { seal } from "../../lib/mesh/sealed.ts";
import { CHEAP } from "../keystore/helpers.ts";
import { sourceFiles } from "../docs/source_tree.ts";
import { vectorNode, vectors } from "../wire/vectors.ts";

const zero = (bytes: Uint8Array) => bytes.every((b) => b === 0);

Deno.test("byte arrays that held secrets are overwritten when their use ends", async () => {
  // Whoever draws the secret keeps hold of the very array.
  const drawn: Uint8Array[] = [];
  const random = (n: number) => {
    const bytes = systemRandom(n);
    drawn.push(bytes);
    return bytes;
  };
  const node = vectorNode("A");
  seal({ type: "ping", originTimestamp: 1n }, vectorNode("B").naclPublic, node, random);
  assert.ok(zero(drawn[0]!), "the ephemeral key of an envelope");

  const key = node.exportPrivateKey();
  await sealIdentity(node, "a passphrase", systemRandom, CHEAP);
  assert.deepEqual(node.exportPrivateKey(), key, "the node keeps its own");

  const entries = backupEntries({
    id: "0".repeat(32),
    createdAt: 1,
    move: false,
    node,
    admin: vectorNode("B"),
    keys: [],
    files: new Map(),
  });
  const bundle = await sealBundle(entries, "a passphrase", systemRandom, CHEAP);
  const opened = await openBundle(bundle, "a passphrase");
  assert.deepEqual(opened.get("node.key"), key);
  readBackup(opened);
  assert.ok(zero(opened.get("node.key")!) && zero(opened.get("admin.key")!), "a bundle's keys");
});

/** Where variable-time multiplication is used: on what everybody knows, to check or to combine. */
const VARIABLE_TIME = [
  // Makes the tables of the base points, with a fixed number.
  "lib/ceremony/rehearsal.ts",
  "lib/crypto/curve.ts",
  "lib/tss/ecdsa/additive_share.ts",
  "lib/tss/ecdsa/presigned.ts",
  "lib/tss/ecdsa/share.ts",
  "lib/tss/ecdsa/signing_reveal.ts",
  "lib/tss/eddsa/audit.ts",
  "lib/tss/eddsa/polynomials.ts",
  "lib/tss/eddsa/share.ts",
  "lib/tss/eddsa/signing.ts",
  "lib/tss/proofs/mta_bob.ts",
  "lib/tss/proofs/mta_point.ts",
  "lib/tss/proofs/same_scalar.ts",
  "lib/tss/proofs/schnorr.ts",
  "lib/tss/proofs/vproof.ts",
  "lib/tss/vss.ts",
];

Deno.test("variable-time scalar multiplication is used in known places only, on public values", async () => {
  const used = new Set<string>();
  for (const [path, text] of await sourceFiles("lib")) {
    const code = text.replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, "");
    if (/multiplyPublic\(|multiplyUnsafe\(/.test(code)) used.add(path);
    // A secret goes by another name in these places: x, k, gamma, sigma, the shares.
    for (const [call] of code.matchAll(/multiplyPublic\([^)]*\)/g)) {
      assert.ok(
        !/\b(xi|ki|wi|gamma\w*|sigma\w*|secret\w*|share)\b/i.test(call),
        `${path}: ${call}`,
      );
    }
    if (path !== "lib/crypto/curve.ts") assert.ok(!code.includes("multiplyUnsafe"), path);
  }
  assert.deepEqual([...used].sort(), VARIABLE_TIME);
});

Deno.test("what neighbours said stays closed to somebody who steals both node keys afterwards", () => {
  const { vectors: [x] } = vectors.transport_keys;
  const frame = fromHex(vectors.handshake_transcript.A_hello.frame.frame);
  const header = frame.subarray(0, FRAME_HEADER_BYTES);
  const serverPublic = fromHex(x!.server_public);
  const clientPublic = fromHex(x!.client_public);
  const open = (shared: Uint8Array) => {
    const keys = deriveTransportKeys(shared, serverPublic, clientPublic);
    new FrameOpener(keys.s2c).openHeader(header.slice());
  };
  // With the ephemeral key, which is gone, it would open.
  open(x25519(fromHex(x!.server_private), clientPublic)!);
  const stolen = (["A", "B"] as const).flatMap((name) => {
    const key = vectorNode(name).exportPrivateKey();
    return [key, sha256(utf8("continuum-x25519-v1"), key)];
  });
  const publics = [
    serverPublic,
    clientPublic,
    ...stolen.map((key) => x25519Public(key)),
    vectorNode("A").naclPublic,
    vectorNode("B").naclPublic,
  ];
  let tried = 0;
  for (const mine of stolen) {
    for (const theirs of publics) {
      assert.throws(() => open(x25519(mine, theirs)!));
      tried++;
    }
  }
  assert.equal(tried, 4 * 8);
  assert.ok(NodeIdentity.fromPrivateKey(stolen[0]!).identity === vectorNode("A").identity);
});
