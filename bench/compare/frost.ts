// deno-lint-ignore-file no-console -- prints its rows
/**
 * FROST over Ed25519 (RFC 9591) by @noble/curves, on the jobs of threshold Ed25519: key generation
 * without a dealer, and a signature that every signer puts together and verifies itself.
 *
 * @module
 */

import { parseArgs } from "node:util";
import { ed25519_FROST as frost } from "@noble/curves/ed25519.js";
import { inThisProcess, type Measured, type Row, rowOf } from "../rows.ts";

const size = (value: unknown): number =>
  value instanceof Uint8Array
    ? value.length
    : typeof value === "string"
    ? value.length / 2
    : Array.isArray(value)
    ? value.reduce((sum, v) => sum + size(v), 0)
    : typeof value === "object" && value !== null
    ? size(Object.values(value))
    : 0;

type Key = ReturnType<typeof frost.DKG.round3>;

function keygen(n: number, min: number): { keys: Key[]; messages: number; bytes: number } {
  const signers = { min, max: n };
  const ids = Array.from({ length: n }, (_, i) => frost.Identifier.fromNumber(i + 1));
  const first = ids.map((id) => frost.DKG.round1(id, signers));
  let bytes = 0;
  const others = <T>(list: readonly T[], i: number) => list.filter((_, j) => j !== i);
  const publics = first.map((f) => f.public);
  const second = first.map((f, i) => frost.DKG.round2(f.secret, others(publics, i)));
  bytes += publics.reduce((sum, p) => sum + size(p) * (n - 1), 0);
  const keys = first.map((f, i) => {
    const mine = others(second, i).map((packages) => packages[ids[i]!]!);
    bytes += size(mine);
    return frost.DKG.round3(f.secret, others(publics, i), mine);
  });
  return { keys, messages: 2 * n * (n - 1), bytes };
}

function sign(keys: readonly Key[], message: Uint8Array): { messages: number; bytes: number } {
  const nonces = keys.map((k) => frost.commit(k.secret));
  const list = nonces.map((x) => x.commitments);
  const shares = Object.fromEntries(
    keys.map((k, i) =>
      [
        k.secret.identifier,
        frost.signShare(k.secret, k.public, nonces[i]!.nonces, list, message),
      ] as const
    ),
  );
  // Every signer puts the signature together and checks it, as the nodes of this project do.
  for (const k of keys) {
    const signature = frost.aggregate(k.public, list, message, shares);
    if (!frost.verify(signature, message, k.public.commitments[0]!)) throw new Error("bad FROST");
  }
  const pairs = keys.length - 1;
  return {
    messages: 2 * keys.length * pairs,
    bytes: (size(list) + size(shares)) * pairs,
  };
}

const { values } = parseArgs({
  options: {
    n: { type: "string", default: "3" },
    threshold: { type: "string", default: "1" },
    runs: { type: "string", default: "5" },
  },
});
const n = Number(values.n);
const threshold = Number(values.threshold);
const count = threshold + 1;
const message = new Uint8Array(32).fill(7);
const of = "FROST of @noble/curves";
let { keys } = keygen(n, count);
sign(keys.slice(0, count), message);
const made: Measured[] = [];
const signed: Measured[] = [];
for (let i = 0; i < Number(values.runs); i++) {
  made.push(
    await inThisProcess(n, () => {
      const run = keygen(n, count);
      keys = run.keys;
      return Promise.resolve(run);
    }),
  );
  signed.push(
    await inThisProcess(count, () => Promise.resolve(sign(keys.slice(0, count), message))),
  );
}
const rows: Row[] = [
  rowOf({ of, job: "eddsa keygen", n, threshold }, made),
  rowOf({ of, job: `eddsa sign, ${count} signers`, n, threshold }, signed),
];
console.log(JSON.stringify({ rows }));
