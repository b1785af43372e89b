import assert from "node:assert/strict";
import { fromHex, fromUtf8, toBase64, toHex, utf8 } from "../../lib/encoding/bytes.ts";
import { decodeEnvelope, encodeOneHop } from "../../lib/mesh/envelope.ts";
import {
  CEREMONY_TYPE,
  signTss,
  TSS_FLAG,
  tssDigest,
  verifyTss,
} from "../../lib/mesh/tss_command.ts";
import { vectorNode, vectors } from "./vectors.ts";

const v = vectors.tss_message;
const id = fromHex(v.ceremony_id);
const data = utf8(v.data_utf8);
const A = vectorNode("A");

Deno.test("signTss() makes the vectors' messages (group tss_message)", () => {
  assert.equal(toBase64(data), v.data_b64);
  assert.equal(toHex(tssDigest(id, data)), v.hash);
  assert.equal(toHex(tssDigest(id, new Uint8Array(0))), v.hash_of_empty_data);
  const p2p = signTss(A, id, CEREMONY_TYPE.keygen, 0, data);
  assert.equal(toHex(p2p.signature), v.signature);
  assert.equal(fromUtf8(encodeOneHop(p2p, A.identity)), v.keygen_p2p.cleartext_utf8);
  const flags = TSS_FLAG.broadcast | TSS_FLAG.toNew | TSS_FLAG.fromNew;
  const broadcast = signTss(A, id, CEREMONY_TYPE.reshare, flags, data);
  assert.equal(
    fromUtf8(encodeOneHop(broadcast, A.identity)),
    v.reshare_broadcast_tonew_fromnew.cleartext_utf8,
  );
});

Deno.test("verifyTss() accepts the vectors' messages and refuses changed ones", () => {
  for (const one of [v.keygen_p2p, v.reshare_broadcast_tonew_fromnew]) {
    const { command } = decodeEnvelope(utf8(one.cleartext_utf8));
    assert.ok(command.type === "tss");
    assert.ok(verifyTss(command));
    // Neither type nor flags are signed (mesh section 15.1).
    assert.ok(verifyTss({ ...command, ceremonyType: 3, flags: 255 }));
    assert.ok(!verifyTss({ ...command, from: vectorNode("B").identity }));
    assert.ok(!verifyTss({ ...command, data: utf8(v.data_utf8 + " ") }));
    assert.ok(!verifyTss({ ...command, ceremonyId: new Uint8Array(32) }));
    assert.ok(!verifyTss({ ...command, ceremonyId: id.subarray(1) }));
    assert.ok(!verifyTss({ ...command, signature: command.signature.slice(0, 64) }));
  }
});

Deno.test("signTss() refuses a ceremony id that is not 32 bytes", () => {
  assert.throws(() => signTss(A, new Uint8Array(31), 1, 0, data), RangeError);
});
