import assert from "node:assert/strict";
import { defaultArithmetic } from "../../lib/arith/mod.ts";
import { parseJson, stringifyJson } from "../../lib/encoding/json.ts";
import { ContentError } from "../../lib/tss/errors.ts";
import {
  paillierModulusToJson,
  PaillierPrivate,
  paillierPrivateToJson,
  PaillierPublic,
  parsePaillierModulus,
  parsePaillierPrivate,
} from "../../lib/tss/paillier.ts";
import { seededRandom } from "../support/seeded_random.ts";
import { big, core, list, obj, sub } from "./core_vectors.ts";

const arith = defaultArithmetic();
const table = sub(core, "paillier");
const key = parsePaillierPrivate(table.get("sk"), "sk");
const pub = new PaillierPublic(key.n);

function rows(name: string) {
  const out = list(table, name).map(obj);
  assert(out.length > 0);
  return out;
}

Deno.test("encrypt() gives the reference's ciphertexts, with and without the factors", () => {
  for (const row of rows("encrypt")) {
    const [m, x, c] = [big(row, "m"), big(row, "x"), big(row, "c")];
    assert.equal(pub.encrypt(m, x, arith), c);
    assert.equal(key.encrypt(m, x, arith), c);
    assert.equal(key.decrypt(c, arith), m);
    assert(pub.isCiphertext(c) && key.isCiphertext(c));
  }
});

Deno.test("encrypt() refuses plaintexts outside [0, N)", () => {
  for (const row of rows("encrypt_reject")) {
    assert.throws(() => pub.encrypt(big(row, "m"), 2n, arith), RangeError);
    assert.throws(() => key.encrypt(big(row, "m"), 2n, arith), RangeError);
  }
});

Deno.test("decrypt() refuses what is no ciphertext", () => {
  for (const row of rows("decrypt_reject")) {
    const c = big(row, "c");
    assert.throws(() => key.decrypt(c, arith), RangeError);
    assert(!pub.isCiphertext(c) && !key.isCiphertext(c));
    assert.throws(() => pub.multiply(1n, c, arith), RangeError);
    assert.throws(() => pub.add(c, 1n), RangeError);
    assert.throws(() => pub.add(1n, c), RangeError);
  }
});

Deno.test("multiply() and add() give the reference's results", () => {
  for (const row of rows("homo_mult")) {
    const out = pub.multiply(big(row, "m"), big(row, "c"), arith);
    assert.equal(out, big(row, "out"));
    assert.equal(key.decrypt(out, arith), big(row, "decrypts_to"));
    assert.throws(() => pub.multiply(-1n, big(row, "c"), arith), RangeError);
    assert.throws(() => pub.multiply(key.n, big(row, "c"), arith), RangeError);
  }
  for (const row of rows("homo_add")) {
    const out = pub.add(big(row, "c1"), big(row, "c2"));
    assert.equal(out, big(row, "out"));
    assert.equal(key.decrypt(out, arith), big(row, "decrypts_to"));
  }
});

Deno.test("decrypt() undoes encrypt() over the whole plaintext range", () => {
  const random = seededRandom("paillier");
  for (const m of [0n, 1n, key.p, key.q, key.n - 1n, pub.randomness(random)]) {
    assert.equal(key.decrypt(key.encrypt(m, pub.randomness(random), arith), arith), m);
  }
});

Deno.test("powN() agrees with and without the factors", () => {
  const xs = [1n, 2n, key.n - 1n, pub.randomness(seededRandom("powN"))];
  assert.deepEqual(key.powN(xs, arith), pub.powN(xs, arith));
});

Deno.test("a private key shows neither in JSON nor in inspection", () => {
  const texts = [JSON.stringify({ key }), Deno.inspect(key), `${Deno.inspect({ key })}`];
  for (const text of texts) {
    assert.match(text, /redacted/);
    for (const secret of [key.p, key.q, key.phi, key.lambda]) {
      assert(!text.includes(secret.toString()));
      assert(!text.includes(secret.toString(16)));
    }
  }
});

Deno.test("paillierPrivateToJson() and parsePaillierPrivate() are inverse", () => {
  const text = stringifyJson(paillierPrivateToJson(key));
  assert.equal(text, stringifyJson(table.get("sk")!));
  assert.equal(parsePaillierPrivate(parseJson(text), "sk").n, key.n);
});

Deno.test("parsePaillierPrivate() refuses an inconsistent key without naming a value", () => {
  const sk = obj(table.get("sk"));
  for (const name of ["N", "LambdaN", "PhiN", "P", "Q"]) {
    for (const wrong of [big(sk, name) + 2n, -big(sk, name), 0n, null]) {
      assert.throws(
        () => parsePaillierPrivate(new Map([...sk, [name, wrong]]), "sk"),
        (error) => error instanceof ContentError && !/[0-9]{6}/.test(error.message),
      );
    }
  }
});

Deno.test("PaillierPrivate.fromPrimes() refuses primes of no use", () => {
  for (const [p, q] of [[7n, 7n], [4n, 7n], [3n, 7n], [1n, 7n]] as const) {
    assert.throws(() => PaillierPrivate.fromPrimes(p, q), RangeError);
  }
});

Deno.test("PaillierPublic refuses an even or tiny modulus", () => {
  for (const n of [0n, 1n, 2n, 4n, -5n]) assert.throws(() => new PaillierPublic(n), RangeError);
});

Deno.test("parsePaillierModulus() bounds the number and leaves the rest to the rounds", () => {
  const read = (text: string) => parsePaillierModulus(parseJson(text), "PaillierPK");
  assert.equal(read(stringifyJson(paillierModulusToJson(key.n))), key.n);
  for (const text of ["null", "{}", '{"N":null}', '{"N":0}', '{"N":-5}', `{"N":${1n << 2048n}}`]) {
    assert.throws(() => read(text), ContentError);
  }
});
