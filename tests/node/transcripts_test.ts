import assert from "node:assert/strict";
import { denoFiles } from "../../lib/keystore/files.ts";
import { EVIDENCE_FOLDER, TranscriptFiles } from "../../lib/node/transcripts.ts";
import { collectingLogger } from "../../lib/observe/logger.ts";

async function world(folder: string | null) {
  const home = await Deno.makeTempDir({ prefix: "transfunctioner-test-" });
  const log = collectingLogger();
  const kept = new TranscriptFiles({ files: denoFiles(), home, folder, log });
  const names = async (place: string) => {
    const out: string[] = [];
    try {
      for await (const { name } of Deno.readDir(`${home}/${place}`)) out.push(name);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
    return out.sort();
  };
  const end = () => Deno.remove(home, { recursive: true });
  return { home, log, kept, names, end };
}

Deno.test("TranscriptFiles.keep() writes one private file for each ceremony, proofs apart as well", async () => {
  const { home, kept, names, end } = await world("kept/transcripts");
  try {
    kept.keep({ ceremony: "aa", proof: false, text: "one\n" });
    kept.keep({ ceremony: "bb", proof: true, text: "two\n" });
    await kept.settled;
    assert.deepEqual(await names("kept/transcripts"), ["aa.jsonl", "bb.jsonl"]);
    assert.deepEqual(await names(EVIDENCE_FOLDER), ["bb.jsonl"]);
    assert.equal(await Deno.readTextFile(`${home}/kept/transcripts/aa.jsonl`), "one\n");
    const { mode } = await Deno.stat(`${home}/${EVIDENCE_FOLDER}/bb.jsonl`);
    assert.equal(mode! & 0o777, 0o600);
  } finally {
    await end();
  }
});

Deno.test("TranscriptFiles without a folder keeps proofs only, and no more than a hundred", async () => {
  const { log, kept, names, end } = await world(null);
  try {
    kept.keep({ ceremony: "aa", proof: false, text: "one\n" });
    for (let i = 0; i < 102; i++) kept.keep({ ceremony: `b${i}`, proof: true, text: "two\n" });
    await kept.settled;
    assert.equal((await names(EVIDENCE_FOLDER)).length, 100);
    assert.equal(log.lines.filter((l) => l.message.includes("not kept")).length, 2);
  } finally {
    await end();
  }
});

Deno.test("TranscriptFiles says so when the disk refuses, and goes on", async () => {
  const { home, log, kept, names, end } = await world("taken/inside");
  try {
    await Deno.writeTextFile(`${home}/taken`, "a file");
    kept.keep({ ceremony: "aa", proof: false, text: "one\n" });
    await kept.settled;
    assert.ok(log.has("error", "a transcript could not be kept"));
    await Deno.remove(`${home}/taken`);
    kept.keep({ ceremony: "bb", proof: false, text: "two\n" });
    await kept.settled;
    assert.deepEqual(await names("taken/inside"), ["bb.jsonl"]);
  } finally {
    await end();
  }
});
