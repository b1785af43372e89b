import assert from "node:assert/strict";
import fc from "fast-check";
import { fromHex, fromUtf8, toHex, utf8 } from "../../lib/encoding/bytes.ts";
import { sha256 } from "../../lib/crypto/kdf.ts";
import { type Identity, ZERO_IDENTITY } from "../../lib/crypto/identity.ts";
import {
  COMMAND_TYPES,
  decodeCommand,
  encodeCommand,
  isCanonical,
  SEALED_ONLY,
} from "../../lib/mesh/commands.ts";
import {
  decodeEnvelope,
  encodeEnvelope,
  encodeMessage,
  encodeOneHop,
  type HeaderFields,
  isBroadcast,
} from "../../lib/mesh/envelope.ts";
import { WireError } from "../../lib/mesh/errors.ts";
import { vectors } from "./vectors.ts";

interface EnvelopeVector {
  cleartext_utf8: string;
  cleartext_length: number;
  cleartext_sha256: string;
  command_json: string;
  header_json: string;
  header_length: number;
  payload_hash: string;
  payload_type: string;
}

const envelopes = Object.entries(vectors.envelopes)
  .filter((entry): entry is [string, EnvelopeVector] => typeof entry[1] !== "string");

const A = vectors.identities.A.identity as Identity;

Deno.test("decodeEnvelope() reads every vector and encodeEnvelope() rebuilds it (group envelopes)", () => {
  assert.ok(envelopes.length >= 29, `${envelopes.length}`);
  for (const [name, v] of envelopes) {
    const cleartext = utf8(v.cleartext_utf8);
    assert.equal(cleartext.length, v.cleartext_length, name);
    assert.equal(toHex(sha256(cleartext)), v.cleartext_sha256, name);
    const { header, command, commandBytes, canonical } = decodeEnvelope(cleartext);
    assert.equal(header.payloadType, v.payload_type, name);
    assert.equal(command.type, v.payload_type, name);
    assert.equal(toHex(header.payloadHash), v.payload_hash, name);
    assert.equal(fromUtf8(commandBytes), v.command_json, name);
    assert.ok(canonical, name);
    assert.ok(isCanonical(header.payloadType, commandBytes), name);
    assert.equal(fromUtf8(encodeCommand(command)), v.command_json, name);
    assert.equal(v.header_json.length, v.header_length);
    assert.equal(fromUtf8(encodeMessage(command, header)), v.cleartext_utf8, name);
    const { payloadHash: _, ...fields } = header;
    assert.equal(fromUtf8(encodeEnvelope(fields, commandBytes)), v.cleartext_utf8, name);
  }
});

Deno.test("COMMAND_TYPES are all covered by an envelope vector", () => {
  const seen = new Set(envelopes.map(([, v]) => v.payload_type));
  for (const type of COMMAND_TYPES) assert.ok(seen.has(type), type);
});

Deno.test("decodeEnvelope() and encodeEnvelope() refuse types that only travel sealed", () => {
  const origin = "00".repeat(19) + "01" as Identity;
  const bytes = utf8("{}");
  for (const payloadType of SEALED_ONLY) {
    assert.throws(() => encodeEnvelope({ payloadType, origin, ttl: 8 }, bytes), RangeError);
    const text = fromUtf8(encodeEnvelope({ payloadType: "ping", origin, ttl: 8 }, bytes));
    assert.throws(
      () => decodeEnvelope(utf8(text.replace('"ping"', `"${payloadType}"`))),
      (error) => error instanceof WireError && error.kind === "unknown-type",
    );
  }
});

/**
 * Verdicts of ours that differ from the Go node's. None of these texts is ever written by a Go
 * node, also not when it forwards somebody else's message, so refusing them closes no honest link.
 */
const TIGHTENINGS: Record<string, string> = {
  "header fields in another order, same length":
    "the header must be Go's own text, so that nobody can disagree where it ends",
  "upper-case hex in header payloadhash": "the same",
  "header key in upper case, same length": "the same",
};

Deno.test("decodeEnvelope() gives the Go node's verdicts (group receiver_acceptance)", () => {
  const cases = vectors.receiver_acceptance.vectors;
  assert.equal(cases.length, 39);
  const tightened = new Set<string>();
  for (const v of cases) {
    const cleartext = utf8(v.cleartext_utf8);
    if (!v.accepted || v.case in TIGHTENINGS) {
      if (v.accepted) tightened.add(v.case);
      assert.throws(() => decodeEnvelope(cleartext), WireError, v.case);
      continue;
    }
    const { header, command, canonical } = decodeEnvelope(cleartext);
    assert.equal(canonical, v.survives_one_forward_by_a_go_node, v.case);
    // What a Go forwarder would send on: the same header, the command encoded anew.
    assert.equal(
      fromUtf8(encodeEnvelope(header, encodeCommand(command))),
      v.re_encoded_utf8,
      v.case,
    );
  }
  assert.deepEqual([...tightened], Object.keys(TIGHTENINGS));
});

Deno.test("decodeEnvelope() reports unknown types as such, after the hash", () => {
  const kind = (type: string, hash?: Uint8Array) => {
    const fields: HeaderFields = { payloadType: type, origin: A, ttl: 1 };
    const cleartext = encodeEnvelope(hash ? { ...fields, payloadHash: hash } : fields, utf8("{}"));
    try {
      decodeEnvelope(cleartext);
      return "accepted";
    } catch (error) {
      return (error as WireError).kind;
    }
  };
  assert.equal(kind("busy"), "accepted");
  assert.equal(kind("Busy"), "unknown-type");
  assert.equal(kind("__proto__"), "unknown-type");
  assert.equal(kind("constructor"), "unknown-type");
  assert.equal(kind(""), "unknown-type");
  assert.equal(kind("Busy", new Uint8Array(32)), "envelope");
  assert.equal(kind("a\tb"), "envelope");
  assert.equal(kind("a<b"), "envelope");
  assert.equal(kind("x".repeat(64)), "unknown-type");
  assert.equal(kind("x".repeat(65)), "envelope");
});

Deno.test("decodeEnvelope() closes the gap between header end and hashed bytes", () => {
  // Both pass a Go node, whose L comes from the re-encoded header (mesh section 4).
  const spaced = (hash: string) =>
    `{"payloadtype":"busy","payloadhash":"${hash}","origin":"${A}","ttl": 1}{}`;
  const withSpace = spaced(toHex(sha256(utf8("}{}"))));
  assert.throws(() => decodeEnvelope(utf8(withSpace)), WireError);
  const command = '{"address":"x"}';
  const noTtl = `{"payloadtype":"peer-add","payloadhash":"${
    toHex(sha256(utf8(command.slice(8))))
  }","origin":"${A}"}${command}`;
  assert.throws(() => decodeEnvelope(utf8(noTtl)), WireError);
});

Deno.test("encodeEnvelope() refuses a ttl that is no byte", () => {
  for (const ttl of [-1, 256, 1.5, NaN]) {
    assert.throws(
      () => encodeEnvelope({ payloadType: "busy", origin: A, ttl }, utf8("{}")),
      RangeError,
    );
  }
});

Deno.test("isBroadcast() holds for the zero destination only", () => {
  const header = (destination?: Identity) =>
    decodeEnvelope(encodeMessage({ type: "busy" }, {
      origin: A,
      ttl: 8,
      ...(destination ? { destination } : {}),
    })).header;
  assert.ok(isBroadcast(header(ZERO_IDENTITY)));
  assert.ok(!isBroadcast(header(A)));
  assert.ok(!isBroadcast(header()));
  assert.equal(decodeEnvelope(encodeOneHop({ type: "busy" }, A)).header.ttl, 1);
});

Deno.test("forwarding changes the ttl and nothing else (header_after_one_forward)", () => {
  const cleartext = utf8(vectors.e2e.envelope.cleartext_utf8);
  const { header, commandBytes } = decodeEnvelope(cleartext);
  const forwarded = encodeEnvelope({ ...header, ttl: header.ttl - 1 }, commandBytes);
  assert.equal(
    fromUtf8(forwarded),
    vectors.e2e.header_after_one_forward + vectors.e2e.envelope.command_json,
  );
});

function survivable(read: () => unknown): void {
  try {
    read();
  } catch (error) {
    assert.ok(error instanceof WireError, `${error}`);
  }
}

Deno.test("decodeEnvelope() throws nothing but WireError: random bytes", () => {
  fc.assert(fc.property(
    fc.uint8Array({ maxLength: 600 }),
    (bytes) => survivable(() => decodeEnvelope(bytes)),
  ));
});

Deno.test("decodeEnvelope() throws nothing but WireError: any command bytes under a right hash", () => {
  const junk = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc.json().map(utf8),
    fc.string({ unit: "binary", maxLength: 80 }).map(utf8),
  );
  fc.assert(fc.property(fc.constantFrom(...COMMAND_TYPES), junk, (payloadType, command) => {
    survivable(() => decodeEnvelope(encodeEnvelope({ payloadType, origin: A, ttl: 1 }, command)));
  }));
});

Deno.test("decodeCommand() throws nothing but WireError: vectors with bytes changed", () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...envelopes.map(([, v]) => v)),
      fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 }),
      (v, changes) => {
        const bytes = utf8(v.command_json);
        for (const [at, value] of changes) bytes[at % bytes.length] = value;
        survivable(() => {
          const command = decodeCommand(v.payload_type, bytes);
          // Whatever was read can be written, and what is written is stable.
          const written = encodeCommand(command);
          assert.deepEqual(encodeCommand(decodeCommand(v.payload_type, written)), written);
        });
      },
    ),
    { numRuns: 2000 },
  );
});

Deno.test("encodeEnvelope() then decodeEnvelope() gives the fields back", () => {
  const identity = fc.uint8Array({ minLength: 20, maxLength: 20 })
    .map((b) => toHex(b) as Identity);
  fc.assert(fc.property(
    identity,
    fc.option(identity, { nil: undefined }),
    fc.nat(255),
    (origin, destination, ttl) => {
      const fields = destination === undefined ? { origin, ttl } : { origin, destination, ttl };
      const { header } = decodeEnvelope(encodeMessage({ type: "busy" }, fields));
      assert.deepEqual(header, {
        ...fields,
        payloadType: "busy",
        payloadHash: fromHex(toHex(sha256(utf8("{}")))),
      });
    },
  ));
});
