/**
 * One party tells others different things (attack table D1, E4). The wire has no echo, so the aim is
 * that nothing bad comes out, and that nobody honest is blamed where that can be avoided.
 */

import assert from "node:assert/strict";
import { secp256k1 } from "../../lib/crypto/curve.ts";
import type { Json } from "../../lib/encoding/json.ts";
import { signingRound1, signingRound2 } from "../../lib/tss/eddsa/messages.ts";
import { parseShare } from "../../lib/tss/eddsa/share.ts";
import { ProtocolError } from "../../lib/tss/errors.ts";
import { failureOf, Stalled, type Tamper } from "../tss/local_run.ts";
import { runSigning } from "../tss/eddsa/support.ts";
import { at, testdata } from "../tss/replay.ts";
import { changeAt, plusOne } from "../tss/ecdsa/change.ts";
import {
  nodesOf,
  recordedKey,
  reshareLocally,
  reshareSetup,
  signLocally,
} from "../tss/ecdsa/parties.ts";

const key = recordedKey("ecdsa-keygen-3-1.json");
const nodes = (...numbers: number[]) => nodesOf(key, ...numbers);

/** Sends `to` something else than the others. */
function toldOtherwise(type: string, index: number, to: number, change: (c: Json) => Json): Tamper {
  return (f) =>
    f.type.endsWith(type) && f.index === index && f.toSeat === to ? change(f.content) : f.content;
}

const shifted = (v: Json) => ((v as bigint) + 1n) % secp256k1.q;

Deno.test("two thetas from one signer: no signature, and who was lied to blames nobody", async () => {
  const tamper = toldOtherwise("SignRound3Message", 1, 0, (c) => changeAt(c, ["Theta"], shifted));
  const outcome = await signLocally(key, nodes(0, 1, 2), new Uint8Array(32), tamper);
  assert.ok(outcome.results.every((r) => r.status === "rejected"));
  assert.deepEqual(failureOf(outcome, 0).culprits, []);
  // Node 2 sees only that node 0 uses another R. That node 1 caused it shows in no message that
  // node 2 gets; it takes the signed messages of both.
  assert.equal(failureOf(outcome, 2).round, 7);
  assert.match(failureOf(outcome, 2).reason, /or the broadcasts differ/);
});

Deno.test("two nonce points from one Ed25519 signer: no signature, who was lied to blames nobody", async () => {
  const shares = (at(testdata("eddsa-keygen-3-1.json"), "secrets", "save_data") as Json[])
    .map(parseShare);
  const message = Uint8Array.of(1, 2, 3);
  // Party 1 shows party 0 the nonce of another session with the same SSID, the others the right one.
  const other = await runSigning(shares, 1, message, undefined, "another nonce");
  const types = [signingRound1.type, signingRound2.type];
  const outcome = await runSigning(shares, 1, message, (f) => {
    if (f.index !== 1 || f.toSeat !== 0 || !types.includes(f.type)) return f.content;
    return other.flights.find((g) => g.index === 1 && g.type === f.type)!.content;
  });
  assert.ok(outcome.results.every((r) => r.status === "rejected"));
  const failure = failureOf(outcome, 0);
  assert.deepEqual([failure.round, failure.culprits], [4, []]);
});

Deno.test("a wrong signature share with two signers can only be the other's", async () => {
  const tamper = toldOtherwise("SignRound9Message", 1, 0, (c) => changeAt(c, ["S"], shifted));
  const outcome = await signLocally(key, nodes(0, 1), new Uint8Array(32), tamper);
  assert.deepEqual(failureOf(outcome, 0).culprits, [1]);
});

Deno.test("a theta that makes the sum zero with two signers can only be the other's", async () => {
  // Theta is sent in the open: who hears the other's first can answer with its negative.
  let heard = 0n;
  const outcome = await signLocally(key, nodes(0, 1), new Uint8Array(32), (f) => {
    if (!f.type.endsWith("SignRound3Message")) return f.content;
    if (f.index === 0) heard = at(f.content, "Theta") as bigint;
    else return changeAt(f.content, ["Theta"], () => (secp256k1.q - heard) % secp256k1.q);
    return f.content;
  });
  const failure = failureOf(outcome, 0);
  assert.deepEqual([failure.round, failure.culprits, failure.reason], [4, [1], "theta is zero"]);
});

Deno.test("a wrong theta with two signers can only be the other's", async () => {
  const tamper = toldOtherwise("SignRound3Message", 1, 0, (c) => changeAt(c, ["Theta"], shifted));
  const outcome = await signLocally(key, nodes(0, 1), new Uint8Array(32), tamper);
  assert.deepEqual(failureOf(outcome, 0).culprits, [1]);
});

Deno.test("a bad factor proof to one new party lets nobody finish a resharing", async () => {
  // Old 0 and 1; new 0, 2 and 3. Node 1 only leaves: it may drop its share when this returns.
  const setup = reshareSetup(key, nodes(0, 1), nodes(0, 2, 3));
  const victim = setup.seats.findIndex((seat) => seat.new === 0);
  const outcome = await reshareLocally(
    key,
    setup,
    1,
    toldOtherwise("DGRound4Message1", 1, victim, (c) => changeAt(c, ["FacProof", "Z2"], plusOne)),
  );
  const failure = failureOf(outcome, victim);
  assert.deepEqual([failure.committee, failure.culprits], ["new", [1]]);
  for (const [seat, result] of outcome.results.entries()) {
    if (seat === victim) continue;
    assert.equal(
      result.status,
      "rejected",
      `node ${seat} is done although a new party has refused`,
    );
    const { reason } = result as PromiseRejectedResult;
    assert.ok(reason instanceof Stalled || reason instanceof ProtocolError);
  }
});

Deno.test("a new party that never sends its factor proof to one other lets nobody finish", async () => {
  const setup = reshareSetup(key, nodes(0, 1), nodes(0, 2));
  const victim = setup.seats.findIndex((seat) => seat.new === 0);
  const outcome = await reshareLocally(
    key,
    setup,
    1,
    (f) =>
      f.type.endsWith("DGRound4Message1") && f.index === 1 && f.toSeat === victim
        ? null
        : f.content,
  );
  for (const [seat, result] of outcome.results.entries()) {
    assert.equal(result.status, "rejected", `node ${seat} is done`);
  }
});

Deno.test("a share for another receiver of the same resharing is refused", async () => {
  const setup = reshareSetup(key, nodes(0, 1), nodes(0, 2));
  let other: Json = null;
  const tamper: Tamper = (f) => {
    if (!f.type.endsWith("DGRound3Message1") || f.index !== 1) return f.content;
    if (setup.seats[f.toSeat]!.new === 0) other = structuredClone(f.content);
    return setup.seats[f.toSeat]!.new === 1 ? other : f.content;
  };
  const outcome = await reshareLocally(key, setup, 1, tamper);
  const victim = setup.seats.findIndex((seat) => seat.new === 1);
  assert.deepEqual(failureOf(outcome, victim).culprits, [1]);
  assert.equal(failureOf(outcome, victim).committee, "old");
  assert.ok(at(other, "Share") !== undefined);
});
