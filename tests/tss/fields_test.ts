import assert from "node:assert/strict";
import { ed25519, secp256k1 } from "../../lib/crypto/curve.ts";
import { type Json, parseJson, stringifyJson } from "../../lib/encoding/json.ts";
import { ContentError } from "../../lib/tss/errors.ts";
import {
  bytes,
  checkInt,
  checkIntList,
  int,
  intList,
  object,
  pathOf,
  point,
  value,
} from "../../lib/tss/fields.ts";
import { parsePoint, pointToJson } from "../../lib/tss/points.ts";

function read(text: string) {
  return object(parseJson(text), "M");
}

function refused(action: () => unknown, field: string, rule?: RegExp): void {
  assert.throws(action, (error) => {
    assert(error instanceof ContentError);
    assert.equal(error.field, field);
    if (rule !== undefined) assert.match(error.rule, rule);
    return true;
  });
}

Deno.test("object() takes objects only", () => {
  for (const text of ["null", "1", "[]", '"x"', "true"]) refused(() => read(text), "M");
  refused(() => object(undefined, "M"), "M", /missing/);
  assert.equal(read("{}").path, "M");
});

Deno.test("int() refuses what is missing, no integer, of the wrong sign or too big", () => {
  for (const text of ["{}", '{"A":null}', '{"a":1}']) {
    refused(() => int(read(text), "A"), "M.A", /missing/);
  }
  for (const text of ['{"A":"1"}', '{"A":1.0}', '{"A":1e3}', '{"A":[1]}', '{"A":true}']) {
    refused(() => int(read(text), "A"), "M.A", /integer/);
  }
  refused(() => int(read('{"A":-1}'), "A"), "M.A", /negative/);
  refused(() => int(read('{"A":0}'), "A", { min: 1n }), "M.A", /positive/);
  refused(() => int(read('{"A":5}'), "A", { min: 6n }), "M.A", /small/);
  refused(() => int(read('{"A":5}'), "A", { max: 4n }), "M.A", /large/);
  refused(() => int(read('{"A":256}'), "A", { bits: 8 }), "M.A", /8 bits/);
  refused(() => int(read('{"A":-256}'), "A", { min: -1000n, bits: 8 }), "M.A", /8 bits/);
  assert.equal(int(read('{"A":255}'), "A", { bits: 8 }), 255n);
  assert.equal(int(read('{"A":-255}'), "A", { min: -255n, bits: 8 }), -255n);
  assert.equal(int(read('{"A":0}'), "A"), 0n);
});

Deno.test("intList() holds every element to the rules and the list to its length", () => {
  const rules = { min: 1n, bits: 8 };
  assert.deepEqual(intList(read('{"L":[1,2]}'), "L", { ...rules, length: 2 }), [1n, 2n]);
  refused(() => intList(read("{}"), "L"), "M.L", /missing/);
  refused(() => intList(read('{"L":{}}'), "L"), "M.L", /list/);
  refused(() => intList(read('{"L":[1]}'), "L", { length: 2 }), "M.L", /2 elements/);
  refused(() => intList(read('{"L":[1,2,3]}'), "L", { length: 2 }), "M.L", /2 elements/);
  refused(() => intList(read('{"L":[1]}'), "L", { minLength: 2 }), "M.L", /at least 2/);
  refused(() => intList(read('{"L":[1,1,1]}'), "L", { maxLength: 2 }), "M.L", /at most 2/);
  refused(() => intList(read('{"L":[1,null]}'), "L", rules), "M.L[1]", /missing/);
  refused(() => intList(read('{"L":[1,0]}'), "L", rules), "M.L[1]", /positive/);
  refused(() => intList(read('{"L":[256,1]}'), "L", rules), "M.L[0]", /bits/);
  const long: Json = Array.from({ length: 257 }, () => 1n);
  refused(() => checkIntList(long, "L"), "L", /at most 256/);
  assert.equal(checkInt(7n, "x"), 7n);
});

Deno.test("bytes() reads base64 of a bounded length", () => {
  assert.deepEqual([...bytes(read('{"R":"AQI="}'), "R")], [1, 2]);
  refused(() => bytes(read("{}"), "R"), "M.R", /missing/);
  refused(() => bytes(read('{"R":1}'), "R"), "M.R", /base64/);
  refused(() => bytes(read('{"R":[1,2]}'), "R"), "M.R", /base64/);
  refused(() => bytes(read('{"R":"AQI"}'), "R"), "M.R", /base64/);
  refused(() => bytes(read('{"R":""}'), "R"), "M.R", /at least 1/);
  refused(() => bytes(read('{"R":"AQI="}'), "R", { length: 3 }), "M.R", /at least 3/);
  refused(() => bytes(read('{"R":"AQI="}'), "R", { length: 1 }), "M.R", /at most 1/);
  refused(() => bytes(read(`{"R":"${"A".repeat(4000)}"}`), "R"), "M.R", /at most 64/);
});

Deno.test("value() and pathOf() reach into nested objects", () => {
  const outer = read('{"P":{"X":1},"N":null}');
  const inner = object(value(outer, "P"), pathOf(outer, "P"));
  assert.equal(int(inner, "X"), 1n);
  refused(() => int(inner, "Y"), "M.P.Y");
  refused(() => value(outer, "N"), "M.N");
  assert.equal(pathOf(object(new Map(), ""), "X"), "X");
});

const [gx, gy] = [secp256k1.base.x, secp256k1.base.y];

Deno.test("pointToJson() and parsePoint() are inverse", () => {
  const text = stringifyJson(pointToJson(secp256k1.base));
  assert.equal(text, `{"Curve":"secp256k1","Coords":[${gx},${gy}]}`);
  for (const curve of [secp256k1, ed25519]) {
    const p = curve.base.multiply(77n);
    const json = parseJson(stringifyJson(pointToJson(p)));
    assert(parsePoint(json, curve, "P").equals(p));
  }
});

Deno.test("parsePoint() takes a missing or empty curve name for secp256k1", () => {
  for (const name of ["", '"Curve":"",', '"Curve":null,', '"Curve":"secp256k1",']) {
    const json = parseJson(`{${name}"Coords":[${gx},${gy}]}`);
    assert(parsePoint(json, secp256k1, "P").equals(secp256k1.base));
    refused(() => parsePoint(json, ed25519, "P"), "P", /ed25519/);
  }
});

Deno.test("parsePoint() refuses every other form", () => {
  const p = secp256k1.p;
  for (
    const text of [
      "null",
      "{}",
      "[]",
      "5",
      `{"Curve":"P-256","Coords":[${gx},${gy}]}`,
      `{"Curve":"Secp256k1","Coords":[${gx},${gy}]}`,
      `{"Curve":1,"Coords":[${gx},${gy}]}`,
      `{"Curve":"ed25519","Coords":[${gx},${gy}]}`,
      `{"Coords":[${gx}]}`,
      `{"Coords":[${gx},${gy},1]}`,
      `{"Coords":[${gx},null]}`,
      `{"Coords":["${gx}",${gy}]}`,
      `{"Coords":[${gx},-${gy}]}`,
      `{"Coords":[-${gx},${gy}]}`,
      `{"Coords":[${gx + p},${gy}]}`,
      `{"Coords":[${gx},${gy + p}]}`,
      `{"Coords":[${gx},${gy + 1n}]}`,
      `{"Coords":[0,0]}`,
      `{"coords":[${gx},${gy}]}`,
    ]
  ) refused(() => parsePoint(parseJson(text), secp256k1, "P"), "P");
  refused(() => parsePoint(undefined, secp256k1, "P"), "P", /missing/);
  refused(() => point(read("{}"), "Alpha", secp256k1), "M.Alpha", /missing/);
});
