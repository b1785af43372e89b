/**
 * Pictures of the mesh.
 */
import assert from "node:assert/strict";
import { type Graph, graphDot, graphSvg, graphText } from "../../cli/mesh_graph.ts";

const id = (n: number) => `${n}`.repeat(40);
const node = (n: number, fields = {}) => ({
  identity: id(n),
  self: n === 1,
  connected: false,
  ...fields,
});

/** 1 - 2 - 3, an island 4, and a link 2 - 5 that only one end tells of. */
const GRAPH: Graph = {
  nodes: [node(1), node(2, { connected: true, ready: true }), node(3), node(4), node(5)],
  links: [
    { a: id(1), b: id(2), confirmed: true },
    { a: id(2), b: id(3), confirmed: true },
    { a: id(2), b: id(5), confirmed: false },
  ],
};

Deno.test("graphText() lists nodes by distance with their neighbours", () => {
  assert.deepEqual(graphText(GRAPH).split("\n").map((line) => line.trimEnd()), [
    "5 nodes, 3 links",
    "HOPS  IDENTITY                                    NEIGHBOURS (? only one end tells of the link)",
    `   0  ${id(1)} *  22222222`,
    `   1  ${id(2)}    11111111 33333333 55555555?`,
    `   2  ${id(3)}    22222222`,
    `   2  ${id(5)}    22222222?`,
    `   -  ${id(4)}    -`,
    "",
  ]);
});

Deno.test("graphDot() and graphSvg() have every node and link once", () => {
  const dot = graphDot(GRAPH);
  assert.equal(dot.match(/ -- /g)!.length, 3);
  assert.equal(dot.match(/tooltip=/g)!.length, 5);
  assert.match(dot, /"22222222" -- "55555555" \[style=dashed\];/);
  const svg = graphSvg(GRAPH);
  assert.equal(svg.match(/<line /g)!.length, 3);
  assert.equal(svg.match(/<circle /g)!.length, 5);
  assert.equal(svg.match(/stroke-dasharray/g)!.length, 1);
  assert.doesNotMatch(svg, /NaN|Infinity|undefined/);
  // The empty mesh is a picture too.
  const alone = graphSvg({ nodes: [node(1)], links: [] });
  assert.match(alone, /cx="0.0" cy="0.0"/);
});

Deno.test("graphSvg() keeps a thousand nodes apart", () => {
  const nodes = Array.from({ length: 1_000 }, (_, i) => ({
    ...node(2),
    identity: i.toString(16).padStart(40, "0"),
    self: i === 0,
  }));
  const links = nodes.slice(1).map((n, i) => ({
    a: nodes[Math.floor(i / 3)]!.identity,
    b: n.identity,
    confirmed: true,
  }));
  const svg = graphSvg({ nodes, links });
  const spots = [...svg.matchAll(/cx="(-?[\d.]+)" cy="(-?[\d.]+)"/g)].map(([, x, y]) => [
    Number(x),
    Number(y),
  ]);
  assert.equal(spots.length, 1_000);
  for (let i = 1; i < spots.length; i++) {
    const [x, y] = spots[i]!, [u, v] = spots[i - 1]!;
    assert.ok(Math.hypot(x! - u!, y! - v!) > 15, `nodes ${i - 1} and ${i}`);
  }
});
