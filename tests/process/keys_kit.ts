/**
 * Keys of real daemons in tests: what the commands print of them, what lies on disk, and whether
 * the runtime's own crypto accepts what they sign.
 *
 * @module
 */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import type { DemoNode } from "../../cli/demo/processes.ts";
import { verifyEd25519, verifyIndependently } from "../../cli/demo/verify.ts";
import { fromHex } from "../../lib/encoding/bytes.ts";
import type { Cluster } from "./cluster.ts";

/** A row of `keys`, and what `keygen` prints. */
export interface Key {
  readonly key_id: string;
  readonly curve: string;
  readonly public_key: string;
  readonly encodings: Readonly<Record<string, string>>;
  readonly committee: readonly string[];
  readonly threshold: number;
  readonly generation: number;
  readonly status: string;
  readonly history: readonly { readonly event: string; readonly generation: number }[];
}

/** What `reshare` prints. */
export interface Reshared {
  readonly ceremony_id: string;
  readonly public_key: string;
  readonly committee: readonly string[];
  readonly threshold: number;
  readonly generation: number;
  readonly leaving: readonly string[];
  readonly old_shares_kept: readonly string[];
  readonly confirmed_by: readonly string[];
  readonly unconfirmed: readonly string[];
}

/** What `sign` prints. */
export interface Signature {
  readonly r: string;
  readonly s: string;
  readonly signature: string;
  readonly committee: readonly string[];
}

/** What to sign. */
export type Payload =
  | { readonly message: Uint8Array }
  | { readonly digest: string }
  | { readonly file: string };

/** The keys of a node. */
export async function keysOf(node: DemoNode): Promise<readonly Key[]> {
  return (await node.ask<{ keys: Key[] }>(["keys"])).keys;
}

/** The ends of the names of a key's files on a node's disk, sorted. */
export async function filesOf(cluster: Cluster, at: number, keyId: string): Promise<string[]> {
  const folder = `${cluster.nodes[at]!.options.home}/${cluster.identities[at]}/tss`;
  const names = await Array.fromAsync(Deno.readDir(folder), (e) => e.name);
  return names.filter((n) => n.startsWith(keyId)).map((n) => n.slice(keyId.length + 1)).sort();
}

/** Signs on `node` and checks the signature with `node:crypto`. */
export async function signs(
  node: DemoNode,
  key: Key,
  payload: Payload,
  members?: readonly string[],
): Promise<Signature> {
  let args: string[];
  let reads: string[] = [];
  let signed: Uint8Array; // what Ed25519 signs
  if ("message" in payload) {
    const path = await Deno.makeTempFile();
    await Deno.writeFile(path, payload.message);
    [args, reads, signed] = [["--message-file", path], [path], payload.message];
  } else if ("digest" in payload) {
    [args, signed] = [["--digest", payload.digest], fromHex(payload.digest)];
  } else {
    const { file } = payload;
    const data = await Deno.readFile(file);
    [args, reads, signed] = [["--file", file], [file], createHash("sha256").update(data).digest()];
  }
  const who = members === undefined ? [] : ["--members", members.join(",")];
  try {
    const result = await node.ask<Signature>(
      ["sign", "--key", key.key_id, ...args, ...who],
      reads,
    );
    if (key.curve === "ed25519") {
      assert.ok(verifyEd25519(signed, key.public_key, result.signature), "signature verifies");
    } else {
      assert.ok("file" in payload, "an ECDSA test signs a file");
      const data = await Deno.readFile(payload.file);
      assert.ok(verifyIndependently(data, key.public_key, result.r, result.s));
    }
    return result;
  } finally {
    if ("message" in payload) await Deno.remove(reads[0]!);
  }
}
