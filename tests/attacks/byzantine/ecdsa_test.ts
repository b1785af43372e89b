/**
 * ECDSA committees in which one member tells another one something else than the rest, in every
 * broadcast of signing and of key generation: its own signatures convict it, at all honest members
 * alike (attack table C12, E4, mesh-25, keygen-4, signing-2).
 */

import assert from "node:assert/strict";
import { secp256k1 } from "../../../lib/crypto/curve.ts";
import type { Json } from "../../../lib/encoding/json.ts";
import type { KeygenResult } from "../../../lib/ceremony/verdict.ts";
import { auditTranscript } from "../../../lib/ceremony/audit.ts";
import { failureOf } from "../../ceremony/cluster.ts";
import { keygen, shifted, sign, toldOtherwise, verdicts, withCluster } from "./kit.ts";

const CURVE = "secp256k1";
let made: Promise<KeygenResult[]> | undefined;
let keygenTranscript = "";

/** A key of nodes 0 to 2, made once; every cluster has the same nodes. */
function sharedKey(): Promise<KeygenResult[]> {
  made ??= (async () => {
    let keys: KeygenResult[] = [];
    await withCluster(3, async (cluster) => {
      keys = await cluster.complete("keygen", [0, 1, 2], keygen(cluster, CURVE, 0, 1, 2));
      assert.equal(cluster.witnessed, 6);
      keygenTranscript = cluster.transcripts[0]!.text;
    });
    return keys;
  })();
  return made;
}

const below = (field: string) => (content: Map<string, Json>): Map<string, Json> =>
  new Map([...content, [field, ((content.get(field) as bigint) + 1n) % secp256k1.q]]);

const signing: [type: string, change: (content: Map<string, Json>) => Map<string, Json>][] = [
  ["SignRound1Message2", shifted("Commitment")],
  ["SignRound3Message", below("Theta")],
  ["SignRound4Message", shifted("DeCommitment")],
  ["SignRound5Message", shifted("Commitment")],
  ["SignRound6Message", shifted("DeCommitment")],
  ["SignRound7Message", shifted("Commitment")],
  ["SignRound8Message", shifted("DeCommitment")],
];
for (const [type, change] of signing) {
  Deno.test(`two different ${type}s convict their signer, and no part of a signature leaves`, async () => {
    const keys = await sharedKey();
    await withCluster(3, async (cluster) => {
      const bend = toldOtherwise(1, 0, type, change);
      const released = new Set<number>();
      cluster.tamper = (passing) => {
        if (passing.type === "SignRound9Message") released.add(passing.from);
        return bend(passing);
      };
      const ceremonies = cluster.start([0, 1, 2], sign(cluster, CURVE, keys, 0, 1, 2));
      const { blame, all } = await verdicts(ceremonies, [0, 2]);
      assert.deepEqual([blame.kind, blame.culprits], ["equivocating", cluster.ids(1)]);
      assert.ok(all.every(({ proof }) => proof!.type.endsWith(type)));
      for (const { by, proof, text } of cluster.transcripts) {
        if (by === 1 || !proof) continue;
        const { faults } = await auditTranscript(text);
        assert.deepEqual(faults.map((f) => [f.kind, f.members]), [
          ["equivocating", cluster.ids(1)],
        ]);
      }
      if (type !== "SignRound8Message") {
        assert.deepEqual([...released].filter((i) => i !== 1), []);
      }
    });
  });
}

Deno.test("a wrong last part to one signer convicts whoever gave another one a right part", async () => {
  const keys = await sharedKey();
  await withCluster(3, async (cluster) => {
    cluster.tamper = toldOtherwise(1, 0, "SignRound9Message", below("S"));
    const ceremonies = cluster.start([0, 1, 2], sign(cluster, CURVE, keys, 0, 1, 2));
    const { blame } = await verdicts(ceremonies, [0]);
    assert.deepEqual([blame.kind, blame.culprits], ["equivocating", cluster.ids(1)]);
    // Node 2 has a signature, or the proof if that comes first; never another verdict.
    const other = await ceremonies[2]!.result;
    if (other.state !== "complete") assert.deepEqual(failureOf(other).blame, blame);
  });
});

Deno.test("three honest signers compare and sign", async () => {
  const keys = await sharedKey();
  await withCluster(3, async (cluster) => {
    await cluster.complete("sign", [0, 1, 2], sign(cluster, CURVE, keys, 0, 1, 2));
    assert.equal(cluster.witnessed, 6);
    const report = await auditTranscript(cluster.transcripts[0]!.text);
    assert.deepEqual([report.state, report.faults, report.incomplete], ["complete", [], false]);
    assert.match(report.checked.join(), /Gamma.*V and A.*U and T.*signature that verifies/);
  });
});

Deno.test("auditTranscript() checks an ECDSA key generation: moduli, proofs, openings, key", async () => {
  await sharedKey();
  const report = await auditTranscript(keygenTranscript);
  assert.deepEqual([report.state, report.faults, report.incomplete], ["complete", [], false]);
  assert.match(report.checked.join(), /DLN.*modulus proofs.*sum of what.*Paillier key proofs/);
});

Deno.test("two different parameters and commitments in a key generation convict their sender", () =>
  withCluster(3, async (cluster) => {
    cluster.tamper = toldOtherwise(1, 0, "KGRound1Message", shifted("Commitment"));
    const ceremonies = cluster.start([0, 1, 2], keygen(cluster, CURVE, 0, 1, 2));
    const { blame } = await verdicts(ceremonies, [0, 2]);
    assert.deepEqual([blame.kind, blame.culprits], ["equivocating", cluster.ids(1)]);
  }));
