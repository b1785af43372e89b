import assert from "node:assert/strict";
import { AuditRefused, auditTranscript } from "../../lib/ceremony/audit.ts";
import { Recorder, transcriptDigest } from "../../lib/ceremony/recorder.ts";
import type { CeremonySpec } from "../../lib/ceremony/spec.ts";
import { identityToInt, NodeIdentity } from "../../lib/crypto/identity.ts";
import { toBase64, toHex } from "../../lib/encoding/bytes.ts";
import { signTss } from "../../lib/mesh/tss_command.ts";
import { keygen, shifted, sign, verdicts, withCluster } from "../attacks/byzantine/kit.ts";
import { freshId } from "./cluster.ts";

const CURVE = "ed25519";

/** Transcripts of one key's life: made, used, handed on; the secrets are numbers of the shares. */
const life = (() => {
  let made: Promise<{ texts: string[]; secrets: string[] }> | undefined;
  return () =>
    made ??= (async () => {
      let out: { texts: string[]; secrets: string[] } = { texts: [], secrets: [] };
      await withCluster(3, async (cluster) => {
        const keys = await cluster.complete("keygen", [0, 1, 2], keygen(cluster, CURVE, 0, 1, 2));
        await cluster.complete("sign", [0, 2], sign(cluster, CURVE, keys, 0, 2));
        const id = freshId();
        const committee = cluster.ids(0, 1, 2);
        await cluster.complete("reshare", [0, 1, 2], (i): CeremonySpec => ({
          kind: "reshare",
          curve: CURVE,
          id,
          keyId: keys[0]!.keyId,
          publicKey: keys[0]!.publicKey,
          oldCommittee: cluster.ids(0, 1),
          newCommittee: committee,
          oldThreshold: 1,
          newThreshold: 1,
          newKeys: committee.map((member) => identityToInt(member) ^ 1n),
          share: keys[i]!.shareCiphertext,
        }));
        const secrets = keys.map((key, i) =>
          String(cluster.open(i, key.keyId, key.shareCiphertext).get("Xi"))
        );
        out = { texts: cluster.transcripts.map((t) => t.text), secrets };
      });
      return out;
    })();
})();

Deno.test("auditTranscript() finds nothing wrong in a key's life, by every recorder", async () => {
  const { texts } = await life();
  assert.equal(texts.length, 3 + 2 + 3);
  for (const text of texts) {
    const report = await auditTranscript(text);
    assert.deepEqual([report.state, report.faults, report.incomplete], ["complete", [], false]);
    assert.ok(report.checked.length >= 4, report.checked.join());
    assert.ok(report.messages.broadcast > 0);
  }
});

Deno.test("a transcript holds no share, and of what went to one member only a hash", async () => {
  const { texts, secrets } = await life();
  for (const text of texts) {
    for (const secret of secrets) assert.ok(!text.includes(secret));
    for (const line of text.trimEnd().split("\n").slice(1, -2)) {
      const message = JSON.parse(line);
      const shown = message.data === undefined ? "" : atob(message.data);
      assert.ok(!/Round\dMessage1"|"Share"/.test(shown), shown.slice(0, 60));
      assert.equal("data" in message, !("signed" in message));
    }
  }
});

const changes: [what: string, change: (text: string) => string, refusal: RegExp][] = [
  ["a byte of a message", (t) => t.replace('"data":"eyJ0', '"data":"eyJ1'), /the seal is not/],
  ["the verdict", (t) => t.replace('"state":"complete"', '"state":"aborted"'), /the seal is not/],
  ["the recorder", (t) => t.replace(/"recorder":"../, '"recorder":"00'), /the seal is not/],
  ["a line left out", (t) => t.split("\n").toSpliced(2, 1).join("\n"), /the seal is not/],
  ["its end", (t) => t.slice(0, -3), /cut off/],
  ["everything", () => "hello\n", /cut off, or no transcript/],
];
for (const [what, change, refusal] of changes) {
  Deno.test(`auditTranscript() refuses a transcript that was changed in ${what}`, async () => {
    const [text] = (await life()).texts;
    const changed = change(text!);
    assert.notEqual(changed, text);
    await assert.rejects(
      auditTranscript(changed),
      (e: unknown) => e instanceof AuditRefused && refusal.test(e.message),
    );
  });
}

const recorder = NodeIdentity.fromPrivateKey(new Uint8Array(32).fill(1));

/** Seals a changed transcript anew, as a lying recorder would that is node 0. */
function resealed(text: string): string {
  const body = text.split("\n").slice(0, -2).map((line) => line + "\n").join("")
    .replace(/"recorder":"[0-9a-f]{40}"/, `"recorder":"${recorder.identity}"`);
  return body + JSON.stringify({ seal: toBase64(recorder.sign(transcriptDigest(body))) }) + "\n";
}

const lies: [what: string, change: (text: string) => string, refusal: RegExp][] = [
  [
    "another member's message changed",
    (t) => t.replace(/"data":"[^"]*"/, (all) => all.replace(/.{6}"$/, 'AAAAAA"')),
    /line 2: the signature is not/,
  ],
  [
    "another ceremony id",
    (t) => t.replace(/"ceremony":"../, '"ceremony":"ff'),
    /line 2: the signature is not/,
  ],
  [
    "another public key as the result",
    (t) => t.replace(/("outcome".*"public_key":")..(..)/, "$1$2"),
    /"public_key"|not the one that the messages give/,
  ],
  [
    "another threshold, under which nobody's proof holds",
    (t) => t.replace('"threshold":1', '"threshold":2'),
    /the recorder's own messages do not fit/,
  ],
  [
    "a member put in the place of another",
    (t) => t.replace(/"identity":"[0-9a-f]{2}/, '"identity":"00'),
    /the parties are not the committee/,
  ],
];
for (const [what, change, refusal] of lies) {
  Deno.test(`auditTranscript() refuses what a lying recorder sealed: ${what}`, async () => {
    const [text] = (await life()).texts;
    const changed = change(text!);
    assert.notEqual(changed, text);
    await assert.rejects(
      auditTranscript(resealed(changed)),
      (e: unknown) => e instanceof AuditRefused && refusal.test(e.message),
    );
  });
}

Deno.test("auditTranscript() names who sent a wrong partial signature", () =>
  withCluster(3, async (cluster) => {
    const keys = await cluster.complete("keygen", [0, 1, 2], keygen(cluster, CURVE, 0, 1, 2));
    cluster.transcripts.length = 0;
    cluster.tamper = ({ from, type }) =>
      from === 1 && type === "SignRound3Message" ? [{ S: 5n }] : undefined;
    const ceremonies = cluster.start([0, 1, 2], sign(cluster, CURVE, keys, 0, 1, 2));
    await verdicts(ceremonies, [0, 2]);
    const text = cluster.transcripts.find((t) => t.by === 0)!.text;
    const { faults, verdict, culprits } = await auditTranscript(text);
    assert.deepEqual([verdict, culprits], ["invalid", cluster.ids(1)]);
    assert.deepEqual(faults.map((f) => [f.kind, f.round, f.members]), [
      ["invalid", 4, cluster.ids(1)],
    ]);
  }));

Deno.test("auditTranscript() names who opened something else than it committed to", () =>
  withCluster(3, async (cluster) => {
    cluster.tamper = (passing) =>
      passing.from === 1 && passing.type === "KGRound2Message2"
        ? [shifted("DeCommitment")(passing.content)]
        : undefined;
    const ceremonies = cluster.start([0, 1, 2], keygen(cluster, CURVE, 0, 1, 2));
    await verdicts(ceremonies, [0, 2]);
    const text = cluster.transcripts.find((t) => t.by === 2)!.text;
    const { faults } = await auditTranscript(text);
    assert.deepEqual(faults.map((f) => [f.kind, f.round, f.members]), [
      ["invalid", 3, cluster.ids(1)],
    ]);
  }));

Deno.test("Recorder without transcripts keeps proofs alone, and they convict by themselves", async () => {
  const nodes = [1, 2, 3].map((n) => NodeIdentity.fromPrivateKey(new Uint8Array(32).fill(n)));
  const spec: CeremonySpec = {
    kind: "keygen",
    curve: CURVE,
    id: new Uint8Array(32).fill(9),
    committee: nodes.map((n) => n.identity),
    threshold: 1,
  };
  const said = (commitment: number) =>
    signTss(
      nodes[1]!,
      spec.id,
      1,
      1,
      new TextEncoder().encode(
        `{"t":"eddsa.keygen.KGRound1Message","c":{"Commitment":${commitment}}}`,
      ),
    );
  const messages = [said(5), said(6)] as const;
  const quiet = new Recorder(spec, nodes[0]!.identity, 0, false);
  quiet.add(messages[0]);
  assert.equal(quiet.finish({ state: "aborted", reason: "no" }, (d) => nodes[0]!.sign(d)), null);
  const loud = new Recorder(spec, nodes[0]!.identity, 0, false);
  const transcript = loud.finish({
    state: "failed",
    code: "TF-PROTOCOL",
    reason: "equivocating",
    round: 1,
    culprits: [nodes[1]!.identity],
    proof: {
      member: nodes[1]!.identity,
      committee: "single",
      type: "eddsa.keygen.KGRound1Message",
      messages,
    },
  }, (d) => nodes[0]!.sign(d))!;
  assert.equal(transcript.ceremony, toHex(spec.id));
  const { faults, incomplete } = await auditTranscript(transcript.text);
  assert.deepEqual(faults.map((f) => [f.kind, f.members, f.lines]), [
    ["equivocating", [nodes[1]!.identity], [2, 3]],
  ]);
  assert.equal(incomplete, true);
});
