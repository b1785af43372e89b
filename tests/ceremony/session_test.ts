import assert from "node:assert/strict";
import { failMessage, JobError, withoutValues } from "../../lib/ceremony/session.ts";
import { seatHolders, seatKeygen, seatReshare } from "../../lib/ceremony/seating.ts";
import type { Identity } from "../../lib/crypto/identity.ts";
import { ProtocolError } from "../../lib/tss/errors.ts";

const who = (n: number) => n.toString(16).padStart(40, "0") as Identity;

Deno.test("failMessage() names culprits and keeps the protocol's reason", () => {
  const error = new ProtocolError({
    task: "t",
    round: 3,
    reason: "vss verify failed",
    culprits: [1, 9],
    committee: "old",
  });
  const nameOf = (c: string, i: number) => c === "old" && i === 1 ? who(7) : undefined;
  assert.deepEqual(failMessage(error, 1, nameOf), {
    did: "fail",
    code: "TF-PROTOCOL",
    reason: "vss verify failed",
    round: 3,
    culprits: [who(7)],
  });
});

Deno.test("failMessage() tells own failures from internal ones and shows no values", () => {
  const of = (error: unknown) => {
    const message = failMessage(error, 2, () => undefined);
    return message.did === "fail" ? [message.code, message.reason] : [];
  };
  assert.deepEqual(of(new JobError("TF-SHARE", "it is damaged")), ["TF-SHARE", "it is damaged"]);
  assert.deepEqual(of(new RangeError(`Cannot use ${2n ** 200n} here`)), [
    "TF-INTERNAL",
    "RangeError: Cannot use … here",
  ]);
  assert.deepEqual(of("a bare text"), ["TF-INTERNAL", "unknown error"]);
});

Deno.test("withoutValues() blanks numbers, hex and base64, and cuts long texts", () => {
  assert.equal(withoutValues("key deadbeef0123 of 12 bytes"), "key … of 12 bytes");
  assert.equal(withoutValues("share q83vEjRWeJCrze8SNFZ4kKvN7w=="), "share …");
  assert.ok(withoutValues("long ".repeat(1000)).length <= 200);
});

const shareOf = (ks: bigint[], shareId: bigint) => ({ ks, shareId });

Deno.test("seatKeygen() orders members by identity as integer", () => {
  assert.deepEqual(seatKeygen([who(9), who(2), who(5)]).map((p) => p.key), [2n, 5n, 9n]);
});

Deno.test("seatHolders() takes plain or flipped keys, and sorts by them", () => {
  const share = shareOf([3n, 4n, 9n], 4n);
  assert.deepEqual(seatHolders([who(2), who(5)], share, who(5)), [
    { identity: who(2), key: 3n },
    { identity: who(5), key: 4n },
  ]);
  // Neighbours change places when the lowest bit flips.
  assert.deepEqual(
    seatHolders([who(6), who(9)], shareOf([6n, 9n], 9n), who(9)).map((p) => p.identity),
    [who(6), who(9)],
  );
});

Deno.test("seatHolders() refuses strangers and another node's share", () => {
  const share = shareOf([3n, 4n, 9n], 4n);
  assert.throws(() => seatHolders([who(2), who(40)], share, who(2)), JobError);
  assert.throws(() => seatHolders([who(2), who(5)], share, who(2)), /another node/);
});

Deno.test("seatReshare() flips the form at each resharing", () => {
  const request = { self: who(2), oldCommittee: [who(2), who(4)], newCommittee: [who(4), who(6)] };
  const first = seatReshare(request, shareOf([2n, 4n], 2n));
  assert.deepEqual(first.newParties.map((p) => p.key), [5n, 7n]);
  const second = seatReshare(request, shareOf([3n, 5n], 3n));
  assert.deepEqual(second.oldParties.map((p) => p.key), [3n, 5n]);
  assert.deepEqual(second.newParties.map((p) => p.key), [4n, 6n]);
});

Deno.test("seatReshare() lets a newcomer follow the request", () => {
  const request = { self: who(6), oldCommittee: [who(2), who(4)], newCommittee: [who(4), who(6)] };
  const assume = seatReshare(request, null);
  assert.deepEqual(assume.oldParties.map((p) => p.key), [2n, 4n]);
  assert.deepEqual(assume.newParties.map((p) => p.key), [5n, 7n]);
  const back = seatReshare({ ...request, newKeys: [4n, 6n] }, null);
  assert.deepEqual(back.oldParties.map((p) => p.key), [3n, 5n]);
  assert.deepEqual(back.newParties.map((p) => p.key), [4n, 6n]);
});

Deno.test("seatReshare() refuses keys that are of no form, mixed, or the old ones", () => {
  const request = { self: who(2), oldCommittee: [who(2), who(4)], newCommittee: [who(4), who(6)] };
  for (const newKeys of [[4n, 7n], [5n, 8n], [5n]]) {
    assert.throws(() => seatReshare({ ...request, newKeys }, null), JobError);
  }
  assert.throws(
    () => seatReshare({ ...request, newKeys: [4n, 6n] }, shareOf([2n, 4n], 2n)),
    /party keys that the old one has/,
  );
});
