/**
 * Home directories as a Go node leaves them, for three nodes of the vectors that have one 2-of-3
 * key together. Written with primitives of their own (node:crypto, tweetnacl), not with the code
 * that reads them.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { createHash, hkdfSync } from "node:crypto";
import nacl from "tweetnacl";
import { secp256k1 } from "@noble/curves/secp256k1.js";
import { fixtureSets } from "../../cli/demo/fixtures.ts";
import { type Json, type JsonInput, parseJson, stringifyJson } from "../../lib/encoding/json.ts";
import { obj } from "../tss/core_vectors.ts";
import mesh from "../../testdata/mesh.json" with { type: "json" };

/** One Go node. */
export interface GoNode {
  readonly home: string;
  readonly identity: string;
  /** 64 hex digits. */
  readonly privateKey: string;
}

/** Three Go nodes with a key. */
export interface GoNodes {
  readonly nodes: readonly GoNode[];
  readonly keyId: string;
  /** Compressed, hex. */
  readonly publicKey: string;
}

const Q = secp256k1.Point.Fn.ORDER;
const hex = (text: string) => new Uint8Array(Buffer.from(text, "hex"));
const be32 = (n: bigint) => n.toString(16).padStart(64, "0");

/** The text that Go's encoder writes with two blanks a level; numbers keep all their digits. */
function indented(json: Json, indent = ""): string {
  if (!(json instanceof Map)) return stringifyJson(json);
  const deeper = indent + "  ";
  const lines = [...json].map(([k, v]) => `${deeper}${JSON.stringify(k)}: ${indented(v, deeper)}`);
  return `{\n${lines.join(",\n")}\n${indent}}`;
}

/** Seals a file of the Go service's store (mesh specification, section 16). */
export function sealGoFile(privateKey: string, keyId: string, plaintext: string): Uint8Array {
  const key = new Uint8Array(
    hkdfSync("sha256", hex(privateKey), "continuum-hkdf-salt-v1", "continuum-store-v1", 32),
  );
  const nonce = crypto.getRandomValues(new Uint8Array(24));
  const bound = Buffer.concat([hex("00000010"), hex(keyId), Buffer.from(plaintext)]);
  return new Uint8Array(Buffer.concat([nonce, nacl.secretbox(new Uint8Array(bound), nonce, key)]));
}

/** Makes the homes `goA`, `goB` and `goC` in `root`. */
export async function makeGoHomes(root: string): Promise<GoNodes> {
  const people = (["A", "B", "C"] as const).map((name) => ({ name, ...mesh.identities[name] }));
  const committee = people.map((p) => p.identity);
  const sets = (await fixtureSets()).slice(3, 6).map((text) => obj(parseJson(text)));
  // f(x) = a + b·x; shares are f(identity), the key is a·G.
  const [a, b] = [2, 3].map((n) =>
    BigInt("0x" + createHash("sha256").update(`${n}`).digest("hex"))
  );
  const members = people.map((p, i) => {
    const k = BigInt("0x" + p.identity);
    return { k, xi: (a! + b! * k) % Q, set: sets[i]!, ...p };
  }).sort((x, y) => x.k < y.k ? -1 : 1);
  const point = (n: bigint): JsonInput => {
    const { x, y } = secp256k1.Point.BASE.multiply(n % Q).toAffine();
    return { Curve: "secp256k1", Coords: [x, y] };
  };
  const shared: Record<string, JsonInput> = {
    Ks: members.map((m) => m.k),
    NTildej: members.map((m) => m.set.get("NTildei") as bigint),
    H1j: members.map((m) => m.set.get("H1i") as bigint),
    H2j: members.map((m) => m.set.get("H2i") as bigint),
    BigXj: members.map((m) => point(m.xi)),
    PaillierPKs: members.map((m) => ({ N: obj(m.set.get("PaillierSK")!).get("N") as bigint })),
    ECDSAPub: point(a!),
  };
  const key = secp256k1.Point.BASE.multiply(a! % Q);
  const { x, y } = key.toAffine();
  const minimal = hex(x.toString(16).replace(/^(.(..)*)$/, "0$1"));
  const keyId = createHash("sha256").update(minimal).digest("hex").slice(0, 32);
  const meta = JSON.stringify({
    committee,
    threshold: 1,
    key_id: Buffer.from(keyId, "hex").toString("base64"),
    public_key: Buffer.from(be32(x) + be32(y), "hex").toString("base64"),
    created_at: "2026-01-02T03:04:05.6789Z",
  });
  const nodes: GoNode[] = [];
  for (const m of members) {
    const home = `${root}/go${m.name}`;
    const tss = `${home}/${m.identity}/tss`;
    await Deno.mkdir(tss, { recursive: true, mode: 0o700 });
    await Deno.writeTextFile(`${home}/${m.identity}/preparams.json`, indented(m.set) + "\n", {
      mode: 0o400,
    });
    const share = stringifyJson({
      ...(Object.fromEntries(m.set) as Record<string, Json>),
      Xi: m.xi,
      ShareID: m.k,
      ...shared,
    });
    for (const [ending, text] of [["key", share], ["meta", meta]] as const) {
      await Deno.writeFile(`${tss}/${keyId}.${ending}`, sealGoFile(m.private_key, keyId, text), {
        mode: 0o600,
      });
    }
    nodes.push({ home, identity: m.identity, privateKey: m.private_key });
  }
  return { nodes, keyId, publicKey: key.toHex(true) };
}
