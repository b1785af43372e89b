/** docs/PROTOCOL.md against the source and the vectors: commands, fields, labels, the example. */
import assert from "node:assert/strict";
import { COMMAND_TYPES, SEALED_ONLY } from "../../lib/mesh/commands.ts";
import { decodeEnvelope } from "../../lib/mesh/envelope.ts";
import { utf8 } from "../../lib/encoding/bytes.ts";
import { vectors } from "../wire/vectors.ts";
import { document, sourceFiles } from "./source_tree.ts";

const PROTOCOL = await document("docs/PROTOCOL.md");
const SOURCE = [...(await sourceFiles("lib")).values()].join("\n");

Deno.test("docs/PROTOCOL.md names every command, round message and hash label, and no others", () => {
  for (const type of [...COMMAND_TYPES, ...SEALED_ONLY]) {
    assert(PROTOCOL.includes(`\`${type}\``), type);
  }
  const messages = SOURCE.matchAll(/"(?:ecdsa|eddsa)\.(?:keygen|signing|resharing)\.(\w+)"/g);
  const names = new Set([...messages].map(([, name]) => name!));
  assert(names.size > 15);
  for (const name of names) {
    // The middle of "SignRound3Message to SignRound9Message" goes without saying.
    if (/^SignRound[4-8]Message$/.test(name)) continue;
    assert(PROTOCOL.includes(name), name);
  }
  const labels = (text: string) => [...new Set(text.match(/continuum-[a-z0-9-]+-v\d/g))].sort();
  const inSource = labels([...SOURCE.matchAll(/"(continuum-[a-z0-9-]+-v\d)"/g)].join("\n"));
  assert.deepEqual(labels(PROTOCOL), inSource);
});

Deno.test("docs/PROTOCOL.md names every field of the commands in the vectors", () => {
  let seen = 0;
  for (const [name, vector] of Object.entries(vectors.envelopes)) {
    if (typeof vector === "string") continue;
    const { command_json, header_json } = vector as { command_json: string; header_json: string };
    const { payloadtype } = JSON.parse(header_json) as { payloadtype: string };
    // What Go answers its own tools with, and what it never sends, is not spelt out.
    const spelt = !/-response$/.test(payloadtype) || /^(hello|ping|peer-list)-/.test(payloadtype);
    const fields = `${header_json}${spelt ? command_json : ""}`.matchAll(/[{,]"([a-z_]+)":/g);
    for (const [, field] of fields) {
      assert(new RegExp(`\\b${field}\\b`).test(PROTOCOL), `${name}: ${field}`);
      seen++;
    }
  }
  assert(seen > 100);
});

Deno.test("the message in docs/PROTOCOL.md is one that nodes take", () => {
  const [, message] = /```text\n(\{"payloadtype.*)\n```/.exec(PROTOCOL)!;
  const { command, header } = decodeEnvelope(utf8(message!));
  assert.deepEqual(command, { type: "ping", originTimestamp: 1_767_225_600n });
  assert.equal(header.ttl, 1);
});
