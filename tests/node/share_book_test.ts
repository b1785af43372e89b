import assert from "node:assert/strict";
import type { Identity } from "../../lib/crypto/identity.ts";
import type { Keystore } from "../../lib/keystore/keystore.ts";
import { NodeError } from "../../lib/node/errors.ts";
import type { PresignBook } from "../../lib/node/presign_book.ts";
import type { PreParamsSupply } from "../../lib/node/preparams_supply.ts";
import type { ReshareRequest } from "../../lib/node/request.ts";
import { KeystoreBook } from "../../lib/node/share_book.ts";
import { CEREMONY_1, KEY_A, sampleMeta } from "../keystore/helpers.ts";
import { VirtualClock } from "../support/virtual_clock.ts";

const [A, B, C] = ["01", "02", "03"].map((n) => n.repeat(20)) as [Identity, Identity, Identity];
const NEWCOMER = "04".repeat(20) as Identity;

Deno.test("KeystoreBook.check() refuses a later resharing that leaves a newcomer's key open", async () => {
  const check = (generation: number, newCommittee: Identity[], newKeys?: readonly bigint[]) => {
    const keystore = {
      readMeta: () => Promise.resolve(sampleMeta(KEY_A, { generation })),
      staged: () => Promise.resolve([]),
    } as unknown as Keystore;
    const book = new KeystoreBook({
      self: A,
      keystore,
      supply: {} as PreParamsSupply,
      presignatures: {} as PresignBook,
      clock: new VirtualClock(),
      deadlines: { roundTimeoutMs: 1, ceremonyTimeoutMs: 1 },
    });
    const request: ReshareRequest = {
      kind: "reshare",
      id: CEREMONY_1,
      requester: B,
      keyId: KEY_A,
      curve: "secp256k1",
      oldCommittee: [A, B],
      oldThreshold: 1,
      newCommittee,
      newThreshold: 1,
      ...(newKeys === undefined ? {} : { newKeys }),
    };
    return book.check(request);
  };
  await check(0, [A, B, NEWCOMER]);
  await check(1, [A, B, C]);
  await check(1, [A, NEWCOMER], [1n, 4n]);
  await check(2, [A, NEWCOMER]);
  await assert.rejects(check(1, [A, B, NEWCOMER]), (e) => {
    assert(e instanceof NodeError && e.code === "TF-REQUEST");
    assert.match(e.message, new RegExp(`does not tell ${NEWCOMER} which form`));
    return true;
  });
});
