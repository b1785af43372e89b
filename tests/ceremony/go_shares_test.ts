/**
 * Shares made by the Go library sign and are handed on by our workers: fresh ones, and ones that Go
 * has reshared, whose party keys have the other form.
 */

import assert from "node:assert/strict";
import { systemRandom } from "../../lib/arith/random.ts";
import { keyIdOfPublicKey, verifyEcdsa, verifyEddsa } from "../../lib/ceremony/verify.ts";
import type { CurveName } from "../../lib/ceremony/spec.ts";
import { loadWorkers } from "../../lib/ceremony/worker_host.ts";
import { type Identity, identityToInt, parseIdentity } from "../../lib/crypto/identity.ts";
import { fromHex, intToBytes, toHex, utf8 } from "../../lib/encoding/bytes.ts";
import { type Json, type JsonObject, parseJson, stringifyJson } from "../../lib/encoding/json.ts";
import { sealStoreFile } from "../../lib/keystore/store_file.ts";
import { list, obj, sub } from "../tss/core_vectors.ts";
import { fixturePreParams, freshId } from "./cluster.ts";
import { describe, type Member, runWorkers } from "./worker_mesh.ts";

const workers = await loadWorkers();
const NEWCOMER = parseIdentity("77".repeat(20));

interface GoKey {
  readonly curve: CurveName;
  readonly keyId: Uint8Array;
  readonly publicKey: Uint8Array;
  readonly threshold: number;
  readonly members: readonly Member[];
  readonly shares: ReadonlyMap<Identity, Uint8Array>;
}

function memberOf(identity: Identity): Member {
  return { identity, storeKey: systemRandom(32) as Uint8Array<ArrayBuffer> };
}

/** The key that a transcript of the Go library ends with, as files of its members' stores. */
function goKey(file: string): GoKey {
  const url = new URL(`../../testdata/${file}.json`, import.meta.url);
  const vector: JsonObject = obj(parseJson(Deno.readFileSync(url)));
  const reshared = vector.get("ceremony") === "reshare";
  const curve: CurveName = file.startsWith("ecdsa") ? "secp256k1" : "ed25519";
  const result = sub(vector, "public_result");
  const point = sub(result, "public_key");
  const publicKey = curve === "ed25519"
    ? fromHex(result.get("public_key_compressed") as string)
    : Uint8Array.from([
      ...intToBytes(point.get("x") as bigint, 32),
      ...intToBytes(point.get("y") as bigint, 32),
    ]);
  const keyId = keyIdOfPublicKey(curve, publicKey);
  const parties = list(vector, reshared ? "new_parties" : "parties");
  const saved = list(sub(vector, "secrets"), "save_data");
  const members = parties.map((p) => memberOf(parseIdentity(obj(p).get("identity") as string)));
  const shares = members.map(({ identity, storeKey }, i): [Identity, Uint8Array] => {
    const plaintext = utf8(stringifyJson(saved[i] as Json));
    return [identity, sealStoreFile(storeKey, keyId, plaintext, systemRandom)];
  });
  const threshold = Number(vector.get(reshared ? "new_threshold" : "threshold"));
  return { curve, keyId, publicKey, threshold, members, shares: new Map(shares) };
}

/** Signs with the first `threshold + 1` members and checks every member's signature. */
async function signs(key: GoKey): Promise<void> {
  const { curve, keyId, publicKey, threshold, shares } = key;
  const signers = key.members.slice(0, threshold + 1);
  const message = curve === "secp256k1" ? new Uint8Array(32).fill(0x21) : utf8("\0made by Go");
  const id = freshId();
  const results = await runWorkers(workers, signers, ({ identity }) => ({
    kind: "sign",
    self: identity,
    curve,
    id,
    keyId,
    committee: signers.map((m) => m.identity),
    threshold,
    message,
    publicKey,
    share: shares.get(identity)!,
  }));
  for (const result of results.values()) {
    if (result.kind === "sign") assert.ok(verifyEcdsa(publicKey, message, result));
    else {
      assert.ok(result.kind === "sign-eddsa");
      assert.ok(verifyEddsa(publicKey, message, result.signature));
    }
  }
}

/** Hands the key to one of its members and a newcomer. */
async function handedOn(key: GoKey, flipped: boolean): Promise<GoKey> {
  const { curve, keyId, threshold } = key;
  const old = key.members.slice(0, threshold + 1);
  const fresh = [old[0]!, memberOf(NEWCOMER)];
  const id = freshId();
  const newCommittee = fresh.map((m) => m.identity);
  const results = await runWorkers(workers, [...old, fresh[1]!], ({ identity, storeKey }) => ({
    kind: "reshare",
    self: identity,
    curve,
    id,
    keyId,
    oldCommittee: old.map((m) => m.identity),
    newCommittee,
    oldThreshold: threshold,
    newThreshold: 1,
    newKeys: newCommittee.map((m) => identityToInt(m) ^ (flipped ? 0n : 1n)),
    ...(key.shares.has(identity) ? { share: key.shares.get(identity)! } : {}),
    ...(curve === "secp256k1" && newCommittee.includes(identity)
      ? { preParams: fixturePreParams(identity === NEWCOMER ? 6 : 7, storeKey) }
      : {}),
  }));
  const shares = new Map<Identity, Uint8Array>();
  for (const { identity } of fresh) {
    const result = results.get(identity);
    assert.ok(result?.kind === "reshare" && result.share !== null);
    assert.deepEqual(result.share.publicKey, key.publicKey);
    shares.set(identity, result.share.shareCiphertext);
  }
  return { ...key, threshold: 1, members: fresh, shares };
}

for (
  const [file, flipped] of [
    ["eddsa-keygen-3-1", false],
    ["eddsa-reshare-3to4", true],
    ["ecdsa-keygen-3-1", false],
    ["ecdsa-reshare-3to3", true],
  ] as const
) {
  Deno.test(`shares made by the Go library sign here and are handed on: ${file}`, async () => {
    const key = goKey(file);
    const committee = key.members.map((m) => m.identity);
    const at = (k: GoKey, member: Member, holders: readonly Identity[]) =>
      describe(workers, member, {
        curve: k.curve,
        keyId: k.keyId,
        share: k.shares.get(member.identity)!,
        committee: holders,
      });
    for (const member of key.members) {
      const seen = await at(key, member, committee);
      assert.equal(seen.flipped, flipped);
      assert.equal(toHex(seen.publicKey), toHex(key.publicKey));
    }
    const [first] = key.members;
    await assert.rejects(at(key, first!, committee.slice(1)), /does not belong to the committee/);
    await assert.rejects(at(key, first!, [...committee.slice(1), NEWCOMER]), /committee on record/);
    const stranger = { ...first!, identity: committee[1]! };
    await assert.rejects(
      describe(workers, stranger, { ...key, share: key.shares.get(committee[0]!)!, committee }),
      /does not belong/,
    );

    await signs(key);
    const after = await handedOn(key, flipped);
    const holders = after.members.map((m) => m.identity);
    assert.equal((await at(after, after.members[0]!, holders)).flipped, !flipped);
    await signs(after);
  });
}
