import assert from "node:assert/strict";
import fc from "fast-check";
import { noteCommand, readNote, type Standing } from "../../lib/node/reshare_notes.ts";
import { CEREMONY, type Disk, ReshareWorld } from "./reshare_kit.ts";
import { tally } from "../support/tally.ts";

const refusal = noteCommand(CEREMONY, { standing: "refused", asking: false, reason: "timed out" });
const yes = noteCommand(CEREMONY, { standing: "finished", asking: false, reason: "" });

Deno.test("readNote() reads back what noteCommand() wrote", () => {
  const standings: Standing[] = ["finished", "staged", "leaving", "settled"];
  for (const standing of standings) {
    for (const asking of [false, true]) {
      const note = { standing, asking, reason: "" };
      assert.deepEqual(readNote(noteCommand(CEREMONY, note)), note);
    }
  }
  for (const asking of [false, true]) {
    const note = { standing: "refused" as const, asking, reason: "disk full" };
    assert.deepEqual(readNote(noteCommand(CEREMONY, note)), note);
  }
  assert.deepEqual([yes.success, yes.error], [true, ""]);
});

Deno.test("ReshareCommit makes new shares current and destroys old ones when all have confirmed", async () => {
  const w = new ReshareWorld(4, 1);
  for (const i of [0, 1, 3]) w.nodes[i]!.begin();
  await w.clock.advance(5_000);
  assert.deepEqual(w.disks, ["staged", "staged", "staged", "marked"]);
  w.nodes[2]!.begin();
  await w.clock.settle();
  assert.deepEqual(w.disks, ["new", "new", "new", "gone"]);
  assert.deepEqual(w.nodes.map((n) => n.decision?.state), Array(4).fill("committed"));
  // The requester hears from everybody that it is settled.
  const settled = w.sent.filter((s) => readNote(s.command).standing === "settled");
  assert(settled.every((s) => s.to === w.ids[0]));
  assert.deepEqual(settled.map((s) => s.from).sort(), w.ids.slice(1));
});

Deno.test("ReshareCommit does not take silence of our own software for consent", async () => {
  const w = new ReshareWorld(3);
  w.nodes[0]!.begin();
  w.nodes[1]!.begin();
  await w.clock.advance(1_000);
  w.nodes[2]!.crash();
  await w.clock.advance(600_000);
  assert.deepEqual(w.disks, ["staged", "staged", "staged"]);
  assert.deepEqual(w.nodes[0]!.commit!.undecided()[0]!.waitingFor, [w.ids[2]]);
});

Deno.test("ReshareCommit counts Go members by the protocol, unknown ones after a minute", async () => {
  const w = new ReshareWorld(4);
  w.nodes[2]!.software = "go";
  w.nodes[3]!.software = undefined;
  w.nodes[2]!.commit!.stop();
  w.nodes[3]!.commit!.stop();
  w.nodes[0]!.begin();
  w.nodes[1]!.begin();
  await w.clock.advance(59_000);
  assert.deepEqual(w.disks.slice(0, 2), ["staged", "staged"]);
  await w.clock.advance(17_000);
  assert.deepEqual(w.disks.slice(0, 2), ["new", "new"]);
  assert(w.nodes[0]!.log.has("warn", "cannot confirm"));
  assert(!w.sent.some((s) => s.to === w.ids[2]), "nothing is sent to a Go node");
});

Deno.test("ReshareCommit does not count a Go member before somebody's protocol has ended", async () => {
  const w = new ReshareWorld(2);
  w.nodes[1]!.software = "go";
  w.nodes[0]!.crash();
  w.nodes[0]!.restart();
  await w.clock.advance(300_000);
  assert.equal(w.nodes[0]!.disk, "staged");
});

for (const when of ["before it told", "after some heard it", "after everybody heard it"] as const) {
  Deno.test(`ReshareCommit settles after kill -9 of a new member ${when}`, async () => {
    const w = new ReshareWorld(4, 1);
    w.lose = (from, to) =>
      from === w.nodes[2] && to === w.nodes[1] && when !== "after everybody heard it";
    for (const i of [0, 1, 3]) w.nodes[i]!.begin();
    if (when !== "before it told") w.nodes[2]!.begin();
    w.nodes[2]!.crash();
    await w.clock.advance(20_000);
    const survivors = w.disks.slice(0, 2);
    if (when === "before it told") assert.deepEqual(survivors, ["staged", "staged"]);
    if (when === "after everybody heard it") assert.deepEqual(survivors, ["new", "new"]);
    assert.equal(w.nodes[2]!.disk, "staged");
    w.lose = () => false;
    w.nodes[2]!.restart();
    await w.clock.advance(40_000);
    assert.deepEqual(w.disks, ["new", "new", "new", "gone"]);
  });
}

Deno.test("ReshareCommit settles after all nodes died at once", async () => {
  const w = new ReshareWorld(4, 1);
  for (const n of w.nodes) n.begin();
  for (const n of w.nodes) n.crash();
  assert.deepEqual(w.disks, ["staged", "staged", "staged", "marked"]);
  for (const n of w.nodes) n.restart();
  await w.clock.advance(40_000);
  assert.deepEqual(w.disks, ["new", "new", "new", "gone"]);
});

Deno.test("ReshareCommit goes back when a member that never confirmed refuses", async () => {
  const w = new ReshareWorld(4, 1);
  w.nodes[2]!.disk = "old"; // its own run failed
  for (const i of [0, 1, 3]) w.nodes[i]!.begin();
  await w.clock.advance(1_000);
  for (const i of [0, 1, 3]) w.forge(2, i, refusal);
  await w.clock.advance(40_000);
  assert.deepEqual(w.disks, ["old", "old", "old", "old"]);
  assert.deepEqual(w.nodes.map((n) => n.decision?.state), [
    "discarded",
    "discarded",
    undefined,
    "discarded",
  ]);
});

Deno.test("ReshareCommit of a leaving member goes back without the dead, that of a new one does not", async () => {
  const w = new ReshareWorld(4, 1);
  w.nodes[2]!.disk = "old";
  for (const i of [0, 3]) w.nodes[i]!.begin();
  w.nodes[1]!.crash();
  for (const i of [0, 3]) w.forge(2, i, refusal);
  await w.clock.advance(90_000);
  assert.deepEqual([w.disks[0], w.disks[3]], ["staged", "old"]);
});

Deno.test("ReshareCommit goes back when the refusal itself got lost: asking brings it", async () => {
  const w = new ReshareWorld(3);
  w.nodes[2]!.disk = "old";
  w.nodes[0]!.begin();
  w.nodes[1]!.begin();
  await w.clock.advance(40_000);
  assert.deepEqual(w.disks, ["old", "old", "old"]);
});

Deno.test("ReshareCommit destroys nothing on one member's word: a liar that tells both things", async () => {
  const w = new ReshareWorld(3);
  // Member 2 says yes to 0 and no to 1, and nothing else ever.
  w.lose = (from) => from === w.nodes[2];
  w.nodes[2]!.commit!.stop();
  w.nodes[0]!.begin();
  w.nodes[1]!.begin();
  await w.clock.settle();
  w.forge(2, 1, refusal);
  w.forge(2, 0, yes);
  await w.clock.advance(300_000);
  // 0 has gone ahead; 1 keeps the old and the new share, and says that something is wrong.
  assert.deepEqual(w.disks.slice(0, 2), ["new", "staged"]);
  assert.match(w.nodes[1]!.commit!.undecided()[0]!.doubt!, /timed out/);
  await w.nodes[1]!.commit!.settle(CEREMONY, "committed");
  assert.equal(w.nodes[1]!.disk, "new");
});

Deno.test("ReshareCommit ignores what members that leave or strangers say about the outcome", async () => {
  const w = new ReshareWorld(4, 1);
  w.nodes[0]!.begin();
  w.nodes[1]!.begin();
  await w.clock.settle();
  w.forge(3, 0, refusal);
  w.forge(3, 0, yes);
  assert.equal(w.nodes[0]!.commit!.undecided()[0]!.doubt, undefined);
  assert.deepEqual(w.nodes[0]!.commit!.undecided()[0]!.waitingFor, [w.ids[2]]);
});

Deno.test("ReshareCommit tries again when the disk fails at the decision", async () => {
  const w = new ReshareWorld(2);
  w.nodes[0]!.diskFails = true;
  for (const n of w.nodes) n.begin();
  await w.clock.advance(20_000);
  assert.deepEqual(w.disks, ["staged", "new"]);
  assert.equal(w.nodes[0]!.decision, undefined);
  w.nodes[0]!.diskFails = false;
  await w.clock.advance(20_000);
  assert.deepEqual(w.disks, ["new", "new"]);
});

Deno.test("ReshareCommit answers a peer once in ten seconds, and decided nodes never go on talking", async () => {
  const w = new ReshareWorld(2);
  for (const n of w.nodes) n.begin();
  await w.clock.settle();
  const before = w.sent.length;
  const question = noteCommand(CEREMONY, { standing: "staged", asking: true, reason: "" });
  for (let i = 0; i < 50; i++) w.forge(1, 0, question);
  await w.clock.settle();
  assert.equal(w.sent.length, before + 1);
  await w.clock.advance(600_000);
  assert.equal(w.sent.length, before + 1);
  w.forge(1, 0, question);
  await w.clock.advance(600_000);
  assert.equal(w.sent.length, before + 2);
  const other = noteCommand("00".repeat(32), { standing: "staged", asking: true, reason: "" });
  w.forge(1, 0, other);
  await w.clock.settle();
  assert.equal(w.sent.length, before + 2, "an unknown ceremony is not answered");
});

Deno.test("ReshareCommit says nothing about a ceremony that still runs", async () => {
  const w = new ReshareWorld(2);
  w.nodes[0]!.disk = "old";
  const question = noteCommand(CEREMONY, { standing: "staged", asking: true, reason: "" });
  w.nodes[0]!.commit!.hear(w.ids[1]!, question, true);
  await w.clock.settle();
  assert.equal(w.sent.length, 0);
});

Deno.test("ReshareCommit never leaves old and new apart, whatever is lost and whoever dies", async () => {
  const ends = new Set<string>();
  const act = fc.constantFrom("begin", "fail", "crash", "restart", "wait", "crash", "restart");
  const steps = fc.array(fc.record({ at: fc.nat(3), act }), { minLength: 4, maxLength: 20 });
  await fc.assert(
    fc.asyncProperty(steps, fc.infiniteStream(fc.boolean()), async (plan, losses) => {
      const w = new ReshareWorld(4, 1);
      const state = w.nodes.map(() => "running");
      let crashes = 0;
      w.lose = () => losses.next().value!;
      for (const { at, act } of plan) {
        const node = w.nodes[at]!;
        if (act === "wait") await w.clock.advance(7_000);
        else if (act === "crash" && node.commit !== undefined) {
          node.crash();
          crashes++;
        } else if (act === "restart" && node.commit === undefined) {
          if (state[at] === "running") state[at] = "died";
          node.restart();
        } else if (node.commit !== undefined && state[at] === "running") {
          if (act === "begin") {
            state[at] = "ended";
            node.begin();
          } else if (act === "fail" && w.isNew(at)) {
            // Its run failed before it said yes: it drops its share and tells the others, perhaps.
            state[at] = "failed";
            node.disk = "old";
            for (const id of w.ids) {
              if (id !== node.id) await w.carry(node, id, refusal).catch(() => {});
            }
          }
        }
        await w.clock.settle();
      }
      // In the end everybody is up, nothing gets lost, and all runs that still hang have failed.
      w.lose = () => false;
      for (const [i, node] of w.nodes.entries()) {
        if (node.commit === undefined) {
          if (state[i] === "running") state[i] = "died";
          node.restart();
        } else if (state[i] === "running") {
          if (w.isNew(i)) node.disk = "old";
          else node.begin(false);
        }
      }
      await w.clock.advance(600_000);
      const disks = new Set<Disk>(w.disks.slice(0, 3));
      ends.add(w.disks.join(" "));
      assert.equal(disks.size, 1, w.disks.join(" "));
      assert.equal(w.disks[3], disks.has("new") ? "gone" : "old", w.disks.join(" "));
      tally("faults injected", crashes);
      tally("faults survived", crashes);
    }),
    { numRuns: 400 },
  );
  assert.deepEqual([...ends].sort(), ["new new new gone", "old old old old"]);
});
