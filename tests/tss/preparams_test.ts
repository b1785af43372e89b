import assert from "node:assert/strict";
import { defaultArithmetic } from "../../lib/arith/mod.ts";
import { isProbablePrime } from "../../lib/arith/primes.ts";
import { bitLength } from "../../lib/encoding/bytes.ts";
import { type JsonObject, parseJson, stringifyJson } from "../../lib/encoding/json.ts";
import { ContentError } from "../../lib/tss/errors.ts";
import {
  assemblePreParams,
  generatePreParams,
  parsePreParams,
  type PreParams,
  preParamsToJson,
} from "../../lib/tss/ecdsa/preparams.ts";
import { seeded } from "../arith/seeded.ts";

const text = await Deno.readTextFile(new URL("../../testdata/preparams.json", import.meta.url));
const sets = parseJson(text) as JsonObject[];

/** The first stored set with some members replaced (undefined: removed). */
function changed(changes: Readonly<Record<string, bigint | null | undefined>>): JsonObject {
  const copy = new Map(sets[0]!);
  for (const [name, value] of Object.entries(changes)) {
    const [head, tail] = name.split(".");
    const target = tail === undefined ? copy : new Map(copy.get(head!) as JsonObject);
    if (tail !== undefined) copy.set(head!, target);
    if (value === undefined) target.delete(tail ?? name);
    else target.set(tail ?? name, value);
  }
  return copy;
}

function member(name: string): bigint {
  return sets[0]!.get(name) as bigint;
}

/** Everything that sections 8 and 14.1 promise of fresh pre-parameters. */
function checkFresh(params: PreParams): void {
  const arith = defaultArithmetic();
  const random = seeded("check");
  const { paillier, nTilde, h1, h2, alpha, beta, p, q } = params;
  assert.equal(bitLength(paillier.n), 2048);
  assert.equal(bitLength(nTilde), 2048);
  assert.equal(paillier.p * paillier.q, paillier.n);
  assert(bitLength(paillier.p - paillier.q) >= 1021);
  assert.equal((2n * p + 1n) * (2n * q + 1n), nTilde);
  const safe = [paillier.p, paillier.q, 2n * p + 1n, 2n * q + 1n];
  assert.equal(new Set(safe).size, 4);
  for (const prime of safe) {
    assert.equal(prime >> 1022n, 3n, "both top bits are set");
    assert.equal(prime & 3n, 3n);
    assert(isProbablePrime(prime, arith, random));
    assert(isProbablePrime(prime >> 1n, arith, random));
  }
  assert.equal(alpha * beta % (p * q), 1n);
  const modulus = { n: nTilde };
  assert.equal(arith.pow(h1, alpha, modulus), h2);
  assert.equal(arith.pow(h2, beta, modulus), h1);
  assert.equal(arith.pow(h1, p * q, modulus), 1n, "h1 is a square");
}

Deno.test("parsePreParams() reads every stored set; preParamsToJson() writes it back byte for byte", () => {
  assert.equal(sets.length, 8);
  const written = sets.map((set) => stringifyJson(preParamsToJson(parsePreParams(set))));
  assert.equal("[" + written.join(",") + "]", text.replace(/\s/g, ""));
});

Deno.test("the stored sets are what section 14 says", () => {
  for (const set of sets.slice(0, 2)) checkFresh(parsePreParams(set));
});

Deno.test("parsePreParams() refuses anything missing, null or inconsistent, and names the field", () => {
  const p = member("P");
  const q = member("Q");
  const nTilde = member("NTildei");
  const cases: readonly [string, Record<string, bigint | null | undefined>][] = [
    ...["NTildei", "H1i", "H2i", "Alpha", "Beta", "P", "Q", "PaillierSK"].flatMap((name) => [
      [name, { [name]: undefined }] as [string, Record<string, undefined>],
      [name, { [name]: null }] as [string, Record<string, null>],
    ]),
    ...["N", "LambdaN", "PhiN", "P", "Q"].map((name) =>
      [`PaillierSK.${name}`, { [`PaillierSK.${name}`]: undefined }] as [
        string,
        Record<string, undefined>,
      ]
    ),
    ["P", { P: -p }],
    ["P", { P: q, Q: q, NTildei: (2n * q + 1n) ** 2n }],
    ["NTildei", { P: p + 2n }],
    ["NTildei", { NTildei: nTilde + 2n }],
    ["H1i", { H1i: 1n }],
    ["H1i", { H1i: nTilde }],
    ["H1i", { H1i: member("H1i") + nTilde }],
    ["H2i", { H2i: 0n }],
    ["H2i", { H2i: member("H1i") }],
    ["H2i", { H2i: nTilde - member("H2i") }],
    ["H2i", {
      Alpha: member("Alpha") + p * q < nTilde ? member("Alpha") : 2n,
      Beta: (p * q + 1n) / 2n,
    }],
    ["Alpha", { Alpha: 0n }],
    ["Alpha", { Alpha: member("Alpha") + nTilde }],
    ["Beta", { Beta: member("Beta") + 1n }],
    ["PaillierSK", { "PaillierSK.P": 3n }],
    ["PaillierSK", { "PaillierSK.PhiN": 3n }],
    ["PaillierSK", { "PaillierSK.LambdaN": 3n }],
  ];
  for (const [field, changes] of cases) {
    assert.throws(
      () => parsePreParams(changed(changes)),
      (error: unknown) => {
        assert(error instanceof ContentError);
        assert(error.field === field || error.field.startsWith(`${field}.`), error.message);
        assert(!/[0-9]{20}/.test(error.message), "no value shows");
        return true;
      },
      `${field} ${Object.keys(changes)}`,
    );
  }
  for (const json of [null, [], "x", 5n]) {
    assert.throws(() => parsePreParams(json), ContentError);
  }
});

Deno.test("parsePreParams() refuses a Paillier modulus shared with NTilde", () => {
  const paillier = sets[0]!.get("PaillierSK") as JsonObject;
  const [p, q] = [paillier.get("P") as bigint, paillier.get("Q") as bigint];
  const set = changed({ NTildei: p * q, P: p >> 1n, Q: q >> 1n, Alpha: 1n, Beta: 1n });
  assert.throws(() => parsePreParams(set), /^ContentError: NTildei: must not be the Paillier/);
});

Deno.test("generatePreParams() makes sets that keep all conditions and report progress", () => {
  const reports: [number, number][] = [];
  const params = generatePreParams(seeded("generate"), (done, total, detail) => {
    assert(detail.tested >= 0 && detail.windows >= 0);
    reports.push([done, total]);
  });
  checkFresh(params);
  assert.deepEqual(reports[0], [0, 4]);
  assert.deepEqual(reports.at(-1), [4, 4]);
  const counts = reports.map(([done]) => done);
  assert.deepEqual(counts, [...counts].sort());
  const again = parsePreParams(parseJson(stringifyJson(preParamsToJson(params))));
  assert.equal(again.paillier.n, params.paillier.n);
});

Deno.test("assemblePreParams() takes primes found elsewhere in any order", () => {
  const paillier = sets[0]!.get("PaillierSK") as JsonObject;
  const primes = [
    2n * member("P") + 1n,
    paillier.get("P") as bigint,
    2n * member("Q") + 1n,
    paillier.get("Q") as bigint,
  ];
  const params = assemblePreParams(primes, seeded("assemble"));
  checkFresh(params);
  const again = assemblePreParams(primes, seeded("assemble again"));
  assert.notEqual(again.h1, params.h1);
});

Deno.test("assemblePreParams() refuses wrong numbers of primes, repeats, bad shapes, near primes", () => {
  const random = seeded("refuse");
  const q = 2n * member("P") + 1n;
  const r = 2n * member("Q") + 1n;
  const near = [q, q + 4n, q + 8n, q + 12n];
  assert.throws(() => assemblePreParams([q, r], random), RangeError);
  assert.throws(() => assemblePreParams([q, r, q, r], random), RangeError);
  assert.throws(() => assemblePreParams([q, r, q + 1n, r + 4n], random), RangeError);
  assert.throws(() => assemblePreParams([q, r, 7n, 11n], random), RangeError);
  assert.throws(() => assemblePreParams(near, random), /too close/);
});

Deno.test("PreParams show no secret in JSON text or inspection", () => {
  const params = parsePreParams(sets[0]!);
  for (const shown of [JSON.stringify({ params }), Deno.inspect(params, { depth: 9 })]) {
    assert(!/[0-9]{10}/.test(shown), shown);
  }
});
