import assert from "node:assert/strict";
import fc from "fast-check";
import { systemRandom } from "../../lib/arith/random.ts";
import { boxSeal, boxSharedKey, x25519Public } from "../../lib/crypto/box.ts";
import type { NodeIdentity } from "../../lib/crypto/identity.ts";
import { fromHex, fromUtf8, toHex, utf8 } from "../../lib/encoding/bytes.ts";
import {
  type Command,
  decodeCommand,
  encodeCommand,
  type EncryptedCommand,
} from "../../lib/mesh/commands.ts";
import { encodeMessage } from "../../lib/mesh/envelope.ts";
import { WireError } from "../../lib/mesh/errors.ts";
import { envelopeDigest, open, seal } from "../../lib/mesh/sealed.ts";
import { scripted } from "./pipe.ts";
import { vectorNode, vectors } from "./vectors.ts";

const v = vectors.e2e;
const A = vectorNode("A"), B = vectorNode("B"), C = vectorNode("C");
const vectorCommand = decodeCommand("encrypted", v.encrypted_payload_json) as EncryptedCommand;

function refuses(command: EncryptedCommand, recipient: NodeIdentity, reason: RegExp): void {
  assert.throws(() => open(command, recipient), (error) => {
    assert.ok(error instanceof WireError, `${error}`);
    assert.match(error.message, reason);
    return true;
  });
}

Deno.test("seal() makes the vector's envelope from its ephemeral key and nonce (group e2e)", () => {
  const inner = decodeCommand("tss", v.plaintext_utf8);
  assert.equal(fromUtf8(encodeCommand(inner)), v.plaintext_utf8);
  const sealed = seal(
    inner,
    B.naclPublic,
    A,
    scripted(fromHex(v.ephemeral_private), fromHex(v.nonce)),
  );
  assert.equal(toHex(sealed.ephemeralPub), v.ephemeral_public);
  assert.equal(toHex(sealed.ciphertext), v.ciphertext);
  assert.equal(toHex(sealed.signature), v.signature);
  assert.equal(toHex(envelopeDigest(sealed)), v.signature_hash);
  assert.equal(fromUtf8(encodeCommand(sealed)), v.encrypted_payload_json);
  const message = encodeMessage(sealed, { origin: A.identity, destination: B.identity, ttl: 8 });
  assert.equal(fromUtf8(message), v.envelope.cleartext_utf8);
  assert.equal(
    toHex(boxSharedKey(fromHex(v.ephemeral_private), B.naclPublic)!),
    v.box_precomputed_key,
  );
});

Deno.test("open() reads the vector's envelope (group e2e)", () => {
  const { sender, inner } = open(vectorCommand, B);
  assert.equal(sender, A.identity);
  assert.equal(inner.type, "tss");
  assert.equal(fromUtf8(encodeCommand(inner)), v.plaintext_utf8);
});

Deno.test("open() refuses other recipients, other senders and changed parts", () => {
  refuses(vectorCommand, C, /not sealed to this node/);
  refuses({ ...vectorCommand, sender: C.identity }, B, /signature/);
  for (const part of ["ephemeralPub", "nonce", "ciphertext", "signature"] as const) {
    fc.assert(
      fc.property(fc.nat(), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const bytes = vectorCommand[part].slice();
        bytes[at % bytes.length]! ^= change;
        refuses({ ...vectorCommand, [part]: bytes }, B, /signature/);
      }),
      { numRuns: 40 },
    );
  }
  refuses({ ...vectorCommand, signature: new Uint8Array(0) }, B, /signature/);
});

/** A properly signed envelope with any content. */
function signed(
  ciphertext: Uint8Array,
  ephemeralPub: Uint8Array,
  innerType: string,
): EncryptedCommand {
  const parts = { ephemeralPub, nonce: new Uint8Array(24), ciphertext };
  return {
    type: "encrypted",
    ...parts,
    signature: A.sign(envelopeDigest(parts)),
    sender: A.identity,
    innerType,
  };
}

function sealText(text: string, innerType: string): EncryptedCommand {
  const ephemeral = new Uint8Array(32).fill(7);
  const box = boxSeal(utf8(text), new Uint8Array(24), B.naclPublic, ephemeral)!;
  return signed(box, x25519Public(ephemeral), innerType);
}

Deno.test("open() refuses signed envelopes that do not open or decode", () => {
  refuses(signed(new Uint8Array(0), new Uint8Array(32), "ping"), B, /not sealed/);
  refuses(signed(new Uint8Array(15), B.naclPublic, "ping"), B, /not sealed/);
  refuses(signed(new Uint8Array(64), new Uint8Array(32).fill(1, 0, 1), "ping"), B, /not sealed/);
  refuses(sealText("{}", "pong"), B, /catalogue/);
  refuses(sealText("[]", "ping"), B, /expected an object/);
  refuses(sealText("", "ping"), B, /Cannot read ping/);
  for (const type of ["encrypted", "hello", "hello-response"]) {
    refuses(sealText("{}", type), B, /never travels sealed/);
  }
  assert.deepEqual(open(sealText('{"origintimestamp":5}', "ping"), B).inner, {
    type: "ping",
    originTimestamp: 5n,
  });
});

Deno.test("open() leaves innerType to the reader's judgement, for nobody signed it", () => {
  // A relay can rename a payload; what comes out then is that other type.
  const renamed = { ...sealText("{}", "busy"), innerType: "peer-list-request" };
  assert.equal(open(renamed, B).inner.type, "peer-list-request");
  assert.deepEqual(envelopeDigest(renamed), envelopeDigest(sealText("{}", "busy")));
});

Deno.test("seal() refuses commands that never travel sealed and unusable keys", () => {
  const ping: Command = { type: "ping", originTimestamp: 1n };
  const abort: Command = { type: "ceremony-abort", ceremonyId: new Uint8Array(32), reason: "" };
  for (const inner of [abort, { ...abort, type: "ceremony-result", success: true, error: "" }]) {
    assert.throws(() => seal(inner as Command, B.naclPublic, A, systemRandom), WireError);
  }
  assert.throws(() => seal(vectorCommand, B.naclPublic, A, systemRandom), WireError);
  for (const key of [new Uint8Array(0), new Uint8Array(31), new Uint8Array(32)]) {
    assert.throws(() => seal(ping, key, A, systemRandom), WireError);
  }
  const sealed = seal(ping, B.naclPublic, A, systemRandom);
  assert.deepEqual(open(sealed, B), { sender: A.identity, inner: ping });
  assert.notDeepEqual(seal(ping, B.naclPublic, A, systemRandom).ciphertext, sealed.ciphertext);
});
