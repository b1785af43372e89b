/**
 * Ceremony requests on the wire, as our own nodes and as clients of the Go service write them.
 */

import assert from "node:assert/strict";
import { identityToInt, parseIdentity } from "../../lib/crypto/identity.ts";
import { fromHex, minimalBytes } from "../../lib/encoding/bytes.ts";
import type { PartyId, ReshareCommand } from "../../lib/mesh/command_types.ts";
import { NodeError } from "../../lib/node/errors.ts";
import {
  commandFromRequest,
  requestFromCommand,
  type ReshareRequest,
} from "../../lib/node/request.ts";

const id = (n: number) => parseIdentity(n.toString(16).padStart(40, "0"));
const [A, B, C, D] = [id(0x10), id(0x20), id(0x30), id(0x40)] as const;

const request: ReshareRequest = {
  kind: "reshare",
  id: "ab".repeat(32),
  requester: A,
  keyId: "cd".repeat(16),
  curve: "secp256k1",
  oldCommittee: [A, B],
  oldThreshold: 1,
  newCommittee: [C, D, A],
  newThreshold: 2,
};

/** What `hemictl` writes: plain identities in both committees, whatever form the key has. */
function asGoClient(): ReshareCommand {
  const plain = (n: number): PartyId => ({
    id: id(n),
    moniker: id(n),
    key: minimalBytes(BigInt(n)),
    index: -1n,
  });
  return {
    type: "reshare",
    ceremonyId: fromHex(request.id),
    curve: "secp256k1",
    keyId: fromHex(request.keyId),
    oldCommittee: [plain(0x10), plain(0x20)],
    newCommittee: [plain(0x30), plain(0x40), plain(0x10)],
    oldThreshold: 1n,
    newThreshold: 2n,
  };
}

const written = (r: ReshareRequest): ReshareCommand => {
  const command = commandFromRequest(r);
  assert(command.type === "reshare");
  return command;
};

for (const [form, mask] of [["flipped", 1n], ["plain", 0n]] as const) {
  Deno.test(`requestFromCommand() reads back a resharing to ${form} keys`, () => {
    const full = {
      ...request,
      newKeys: request.newCommittee.map((m) => identityToInt(m) ^ mask),
    };
    const command = written(full);
    assert.deepEqual(requestFromCommand(command, A), full);
    // The old keys are of the other form, so that a newcomer cannot mistake the new ones.
    const old = full.oldCommittee.map((m) => minimalBytes(identityToInt(m) ^ 1n ^ mask));
    assert.deepEqual(command.oldCommittee.map((p) => p.key), old);
  });
}

Deno.test("commandFromRequest() writes identity XOR 1 for a resharing without new keys", () => {
  const keys = request.newCommittee.map((m) => minimalBytes(identityToInt(m) ^ 1n));
  assert.deepEqual(written(request).newCommittee.map((p) => p.key), keys);
});

Deno.test("requestFromCommand() takes a Go client's plain keys as saying nothing", () => {
  assert.deepEqual(requestFromCommand(asGoClient(), A), request);
  const empty = (parties: readonly PartyId[]) =>
    parties.map((p) => ({ ...p, key: new Uint8Array(0) }));
  const command = asGoClient();
  const bare = {
    ...command,
    oldCommittee: empty(command.oldCommittee),
    newCommittee: empty(command.newCommittee),
  };
  assert.deepEqual(requestFromCommand(bare, A), request);
});

Deno.test("commandFromRequest() carries the new generation where a Go node does not look", () => {
  const command = written({ ...request, newGeneration: 7 });
  assert.deepEqual(command.newCommittee.map((p) => p.index), [7n, 7n, 7n]);
  assert.equal((requestFromCommand(command, A) as ReshareRequest).newGeneration, 7);
  const [first, ...rest] = command.newCommittee;
  const bent = { ...command, newCommittee: [{ ...first!, index: 8n }, ...rest] };
  assert.throws(() => requestFromCommand(bent, A), /different generations/);
});

Deno.test("requestFromCommand() refuses a new member's key that is not its own", () => {
  const command = asGoClient();
  const [first, ...rest] = command.newCommittee;
  const bent = { ...command, newCommittee: [{ ...first!, key: new Uint8Array([0x99]) }, ...rest] };
  assert.throws(() => requestFromCommand(bent, A), NodeError);
});
