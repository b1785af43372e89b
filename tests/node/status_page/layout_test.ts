import assert from "node:assert/strict";
// @ts-types="./page_types.d.ts"
import { layout, linkPath } from "../../../lib/node/status_page/assets/layout.js";
import { fakeSnapshot } from "./fake_snapshot.ts";

for (const [size, degree] of [[1, 0], [2, 2], [3, 4], [10, 4], [60, 8], [60, 120], [400, 8]]) {
  Deno.test(`layout() places ${size} nodes of degree ${degree} apart, in rings around this one`, () => {
    const { node, peers, links } = fakeSnapshot(size!, degree!);
    const ids = peers.map((peer) => String(peer["identity"]));
    const { nodes, radii, few } = layout(node.identity, ids, links);
    assert.equal(nodes.size, size);
    assert.equal(few, size! <= 14);
    const { x, y, ring } = nodes.get(node.identity)!;
    assert.deepEqual([x, y, ring], [0, 0, 0]);
    const placed = [...nodes.values()];
    for (const [i, a] of placed.entries()) {
      assert(Math.abs(Math.hypot(a.x, a.y) - (a.ring === 0 ? 0 : radii[a.ring - 1]!)) < 1e-6);
      for (const b of placed.slice(i + 1)) {
        // The marks are at most 26 wide.
        assert(Math.hypot(a.x - b.x, a.y - b.y) > 24, `${a.id} and ${b.id} touch`);
      }
    }
    for (const { a, b, session } of links) {
      const [from, to] = [nodes.get(a)!, nodes.get(b)!];
      if (session) assert(Math.abs(from.ring - to.ring) <= 1, "a session joins neighbouring rings");
      assert.match(linkPath(from, to), /^M[-\d. ]+(L|Q[-\d. ]+ )[-\d. ]+$/);
    }
  });
}

Deno.test("layout() gives the same picture whatever the order of nodes and links", () => {
  const { node, peers, links } = fakeSnapshot(30, 6);
  const ids = peers.map((peer) => String(peer["identity"]));
  const there = layout(node.identity, ids, links).nodes;
  const back = layout(node.identity, [...ids].reverse(), [...links].reverse()).nodes;
  for (const id of ids) {
    const [a, b] = [there.get(id)!, back.get(id)!];
    assert(Math.hypot(a.x - b.x, a.y - b.y) < 1e-6, id);
  }
});

Deno.test("layout() puts nodes without any way outside, and takes links of strangers for nothing", () => {
  const link = { a: "self", b: "near", session: true };
  const { nodes } = layout("self", ["self", "near", "far"], [
    link,
    { a: "near", b: "far", session: false },
    { a: "near", b: "stranger", session: true },
  ]);
  assert.deepEqual([nodes.get("near")!.ring, nodes.get("far")!.ring], [1, 2]);
  assert.equal(nodes.size, 3);
});
