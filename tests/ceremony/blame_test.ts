import assert from "node:assert/strict";
import fc from "fast-check";
import {
  type Blame,
  deliberate,
  type Finding,
  type FindingKind,
} from "../../lib/ceremony/blame.ts";
import { mostLiars } from "../../lib/ceremony/spec.ts";
import type { Identity } from "../../lib/crypto/identity.ts";
import { verifyTss } from "../../lib/mesh/tss_command.ts";
import { NodeIdentity } from "../../lib/crypto/identity.ts";
import { signTss } from "../../lib/mesh/tss_command.ts";

const nodes = [1, 2, 3, 4, 5].map((n) => NodeIdentity.fromPrivateKey(new Uint8Array(32).fill(n)));
const ids = nodes.map((n) => n.identity);
const [A, B, C, D] = ids as [Identity, Identity, Identity, Identity];

const finding = (kind: FindingKind, ...culprits: Identity[]): Finding => ({
  kind,
  round: 3,
  reason: "why",
  culprits,
});

function verdict(self: Identity, all: Record<string, Finding>, liars = 1): Blame {
  const others = new Map(Object.entries(all).filter(([id]) => id !== self)) as Map<
    Identity,
    Finding
  >;
  return deliberate({ self, own: all[self]!, others, proof: null, liars });
}

Deno.test("deliberate() believes the own check, and no other's alone", () => {
  const all = { [A]: finding("invalid", C), [B]: finding("gave-up") };
  assert.deepEqual(verdict(A, all).culprits, [C]);
  const other = verdict(B, all);
  assert.deepEqual([other.kind, other.culprits, other.suspects], ["unknown", [], [A, C].sort()]);
});

Deno.test("deliberate() believes more accusers than can lie", () => {
  const all = { [A]: finding("invalid", C), [B]: finding("invalid", C), [D]: finding("gave-up") };
  assert.deepEqual([verdict(D, all).kind, verdict(D, all).culprits], ["invalid", [C]]);
  assert.equal(verdict(D, all, 2).kind, "unknown");
});

Deno.test("deliberate() names the silent if everybody waited for it, late or offline", () => {
  const late = { [A]: finding("late", C), [B]: finding("late", C, D), [D]: finding("late", C) };
  assert.deepEqual([verdict(A, late).kind, verdict(A, late).culprits], ["late", [C]]);
  const offline = { [A]: finding("offline", C), [B]: finding("offline", C) };
  assert.equal(verdict(B, offline).kind, "offline");
  // One can still reach it: slow, not gone.
  assert.equal(verdict(B, { ...offline, [D]: finding("late", C) }).kind, "late");
});

Deno.test("deliberate() names nobody when one member alone lacked what others had", () => {
  // B waits for C; A and D, who heard C, wait for B.
  const all = { [A]: finding("late", B), [B]: finding("late", C), [D]: finding("late", B) };
  for (const self of [A, B, D]) {
    const { kind, culprits, suspects } = verdict(self, all);
    assert.deepEqual([kind, culprits, suspects], ["unknown", [], [B, C].sort()]);
  }
});

Deno.test("deliberate() names two who wait for each other as suspects, not those behind them", () => {
  const all = { [A]: finding("late", B), [B]: finding("late", C), [C]: finding("late", B) };
  assert.deepEqual(verdict(A, all).suspects, [B, C].sort());
});

Deno.test("deliberate() convicts on signatures, whatever anybody says", () => {
  const said = (text: string) =>
    signTss(nodes[2]!, new Uint8Array(32), 1, 1, new TextEncoder().encode(text));
  const messages = [said("a"), said("b")] as const;
  assert.ok(messages.every(verifyTss));
  const proof = { member: C, committee: "single", type: "x.Round2Message", messages } as const;
  const blame = deliberate({
    self: A,
    own: finding("invalid", B),
    others: new Map([[B, finding("late", A)]]),
    proof,
    liars: 1,
  });
  assert.deepEqual([blame.kind, blame.culprits, blame.round], ["equivocating", [C], 2]);
});

const kinds: FindingKind[] = ["late", "offline", "unknown", "gave-up", "complete"];
const anyFinding = fc.record({
  kind: fc.constantFrom(...kinds),
  round: fc.integer({ min: 1, max: 9 }),
  reason: fc.constantFrom("why", "because"),
  culprits: fc.subarray(ids),
});

Deno.test("deliberate() gives all honest members that heard the same the same verdict", () => {
  // Where nobody checked a rule itself: all that is left follows from what everybody heard.
  fc.assert(
    fc.property(fc.array(anyFinding, { minLength: 2, maxLength: 5 }), (findings) => {
      const all = Object.fromEntries(findings.map((f, i) => [ids[i]!, f]));
      const blames = findings.map((_, i) => verdict(ids[i]!, all));
      const silence = findings.some((f) =>
        (f.kind === "late" || f.kind === "offline") && f.culprits.length > 0
      );
      for (const blame of blames) {
        assert.ok(["late", "offline", "unknown"].includes(blame.kind), "never called cheating");
        assert.equal(blame.culprits.length > 0, blame.kind !== "unknown");
        // Whoever heard it only from as few as may lie says that it cannot tell.
        const named = blames.filter((b) => b.kind !== "unknown");
        if (silence && blame.kind !== "unknown") assert.deepEqual(blame, named[0]);
      }
    }),
    { numRuns: 500 },
  );
});

Deno.test("deliberate() never names an honest member that at most `liars` members accuse", () => {
  const accusation = fc.record({
    kind: fc.constantFrom<FindingKind>("invalid", "late", "offline", "unknown"),
    round: fc.constant(2),
    reason: fc.constant("lie"),
    culprits: fc.subarray(ids),
  });
  fc.assert(
    fc.property(accusation, fc.constantFrom<FindingKind>("gave-up", "unknown"), (lie, honest) => {
      // D lies; the others found nothing and have heard everybody.
      const all = { [A]: finding(honest), [B]: finding(honest), [D]: lie };
      const { kind, culprits } = verdict(A, all);
      assert.deepEqual([kind, culprits], ["unknown", []]);
    }),
    { numRuns: 300 },
  );
});

Deno.test("deliberate() holds nothing against a member that was asked for something else", () => {
  const trial = {
    self: A,
    own: finding("invalid", B),
    others: new Map([[B, finding("invalid", A)]]),
    proof: null,
    liars: 1,
  };
  assert.deepEqual(deliberate(trial).culprits, [B]);
  const requests = new Map([[A, "1"], [B, "2"], [D, "1"]]);
  const blame = deliberate({ ...trial, requests });
  assert.deepEqual([blame.kind, blame.culprits], ["unknown", []]);
  assert.deepEqual(blame.suspects, [A, B, D].sort());
  // Who says the same, or nothing, stays where it is; so does another culprit.
  assert.deepEqual(
    deliberate({ ...trial, requests: new Map([[A, "1"], [B, "1"]]) }).culprits,
    [B],
  );
  assert.deepEqual(deliberate({ ...trial, requests: new Map([[A, "1"]]) }).culprits, [B]);
  const two = { ...trial, own: finding("invalid", B, C), requests };
  assert.deepEqual([deliberate(two).kind, deliberate(two).culprits], ["invalid", [C]]);
  // Nor do accusers count that were asked for something else than whom they accuse.
  const accused = {
    ...trial,
    own: finding("gave-up"),
    others: new Map([[C, finding("invalid", B)], [D, finding("invalid", B)]]),
  };
  assert.deepEqual(deliberate(accused).culprits, [B]);
  const otherwise = new Map([[B, "2"], [C, "1"], [D, "1"]]);
  assert.equal(deliberate({ ...accused, requests: otherwise }).kind, "unknown");
});

Deno.test("mostLiars() counts both committees of a resharing, and nobody twice", () => {
  const E = ids[4]!;
  const reshare = (old: Identity[], fresh: Identity[], oldThreshold = 1, newThreshold = 1) =>
    mostLiars({
      kind: "reshare",
      curve: "ed25519",
      id: new Uint8Array(32),
      keyId: new Uint8Array(16),
      oldCommittee: old,
      newCommittee: fresh,
      oldThreshold,
      newThreshold,
    });
  assert.equal(reshare([A, B], [C, D]), 2);
  assert.equal(reshare([A, B, C], [A, B, C]), 1);
  assert.equal(reshare([A, B, C], [B, C, D]), 2);
  assert.equal(reshare([A, B, C], [A, B, C, D, E], 2, 3), 3);
  assert.equal(reshare([A, B, C, D, E], [A, B, C], 3, 1), 3);
});
