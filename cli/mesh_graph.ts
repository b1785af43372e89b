/**
 * Pictures of the mesh: text, DOT, SVG.
 *
 * @module
 */

/** One node of the picture. */
export interface GraphNode {
  /** 40 hex digits. */
  readonly identity: string;
  readonly self: boolean;
  /** There is a session with it. */
  readonly connected: boolean;
  /** Absent where it cannot be known. */
  readonly ready?: boolean;
  readonly software?: string;
}

/** One link. */
export interface GraphLink {
  readonly a: string;
  readonly b: string;
  /** Both ends tell of it. */
  readonly confirmed: boolean;
}

/** The mesh as one node knows it. */
export interface Graph {
  readonly nodes: readonly GraphNode[];
  readonly links: readonly GraphLink[];
}

/** Digits that tell identities apart in a picture. */
const SHORT = 8;

const short = (identity: string) => identity.slice(0, SHORT);

function neighbours(graph: Graph): Map<string, GraphLink[]> {
  const out = new Map(graph.nodes.map((n) => [n.identity, [] as GraphLink[]]));
  for (const link of graph.links) {
    out.get(link.a)?.push(link);
    out.get(link.b)?.push(link);
  }
  return out;
}

/** Number of links from this node to each other one; absent where no way is known. */
function distances(graph: Graph): Map<string, number> {
  const links = neighbours(graph);
  const out = new Map(graph.nodes.filter((n) => n.self).map((n) => [n.identity, 0]));
  const queue = [...out.keys()];
  for (const node of queue) {
    for (const { a, b } of links.get(node) ?? []) {
      const other = a === node ? b : a;
      if (out.has(other)) continue;
      out.set(other, out.get(node)! + 1);
      queue.push(other);
    }
  }
  return out;
}

/** One line for each node, nearest first: distance, identity, neighbours. */
export function graphText(graph: Graph): string {
  const links = neighbours(graph);
  const far = distances(graph);
  const nodes = [...graph.nodes].sort((x, y) =>
    (far.get(x.identity) ?? Infinity) - (far.get(y.identity) ?? Infinity) ||
    (x.identity < y.identity ? -1 : 1)
  );
  const lines = nodes.map((node) => {
    const others = links.get(node.identity)!.map(({ a, b, confirmed }) =>
      `${short(a === node.identity ? b : a)}${confirmed ? "" : "?"}`
    );
    const distance = far.get(node.identity);
    const hops = distance === undefined ? "-" : String(distance);
    return `${hops.padStart(4)}  ${node.identity}${node.self ? " *" : "  "}  ${
      others.length === 0 ? "-" : others.join(" ")
    }`;
  });
  return `${graph.nodes.length} nodes, ${graph.links.length} links\n` +
    `HOPS  ${"IDENTITY".padEnd(42)}  NEIGHBOURS (? only one end tells of the link)\n` +
    lines.join("\n") + "\n";
}

/** For Graphviz: `neato -Tpng`. */
export function graphDot(graph: Graph): string {
  const nodes = graph.nodes.map((n) =>
    `  "${short(n.identity)}" [tooltip="${n.identity}"${
      n.self ? ", penwidth=3" : n.connected ? "" : ", color=gray50"
    }${n.ready === false ? ", fontcolor=red" : ""}];`
  );
  const links = graph.links.map(({ a, b, confirmed }) =>
    `  "${short(a)}" -- "${short(b)}"${confirmed ? "" : " [style=dashed]"};`
  );
  return ["graph mesh {", "  node [shape=circle];", ...nodes, ...links, "}", ""].join("\n");
}

/** Colours that keep apart on screens and for most colour-blind people. */
const COLOURS = { self: "#0072b2", connected: "#009e73", known: "#999999", unready: "#d55e00" };

/** A picture of its own: this node in the middle, the others in rings by distance. */
export function graphSvg(graph: Graph): string {
  const far = distances(graph);
  const rings = new Map<number, GraphNode[]>();
  const last = Math.max(0, ...far.values()) + 1;
  for (const node of graph.nodes) {
    const ring = far.get(node.identity) ?? last;
    rings.set(ring, [...rings.get(ring) ?? [], node]);
  }
  // Rings far enough apart, and large enough for their nodes.
  const spots = new Map<string, { x: number; y: number }>();
  let radius = 0;
  for (const [ring, nodes] of [...rings].sort(([a], [b]) => a - b)) {
    radius = ring === 0 ? 0 : Math.max(radius + 110, (nodes.length * 80) / (2 * Math.PI));
    nodes.forEach((node, i) => {
      const angle = (2 * Math.PI * (i + ring / 7)) / nodes.length - Math.PI / 2;
      spots.set(node.identity, { x: radius * Math.cos(angle), y: radius * Math.sin(angle) });
    });
  }
  const edge = radius + 60;
  const at = (n: number) => n.toFixed(1);
  const lines = graph.links.map(({ a, b, confirmed }) => {
    const from = spots.get(a)!, to = spots.get(b)!;
    return `<line x1="${at(from.x)}" y1="${at(from.y)}" x2="${at(to.x)}" y2="${at(to.y)}"${
      confirmed ? "" : ' stroke-dasharray="4 4"'
    }/>`;
  });
  const circles = graph.nodes.map((node) => {
    const { x, y } = spots.get(node.identity)!;
    const colour = node.self
      ? COLOURS.self
      : node.ready === false
      ? COLOURS.unready
      : node.connected
      ? COLOURS.connected
      : COLOURS.known;
    return `<g><title>${node.identity}</title><circle cx="${at(x)}" cy="${
      at(y)
    }" r="10" fill="${colour}"/><text x="${at(x)}" y="${at(y + 24)}">${
      short(node.identity)
    }</text></g>`;
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="${at(-edge)} ${at(-edge)} ${at(2 * edge)} ${
      at(2 * edge)
    }" font-family="monospace" font-size="11" text-anchor="middle">`,
    `<g stroke="#bbbbbb">`,
    ...lines,
    "</g>",
    ...circles,
    "</svg>",
    "",
  ].join("\n");
}
