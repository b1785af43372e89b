/**
 * Where the nodes of the mesh picture stand: this node in the middle, its neighbours around it, then
 * those that are reached through them, ring by ring, and outside of all those of which there is only
 * hearsay. The same mesh always gives the same picture, so that nothing jumps about.
 *
 * @module
 */

/** Distance between the rings at least, and between neighbours on a ring, in units of the picture. */
const GAP = 130;
const STEP_FEW = 92;
const STEP_MANY = 26;
/** Up to this many nodes labels stand upright, with an address; above they run along the radius. */
export const FEW = 14;

/**
 * @param self identity of the node in the middle.
 * @param ids all identities.
 * @param links pairs `{a, b, session}`; only sessions make neighbours.
 * @param narrow whether there is little room.
 * @returns `{few, radii, nodes: Map(id → {id, x, y, angle, ring, radius})}`; `radii` are those of the
 *   rings, the middle is at 0, 0.
 */
export function layout(self, ids, links, narrow = false) {
  const neighbours = new Map(ids.map((id) => [id, []]));
  for (const { a, b, session } of links) {
    if (!session || !neighbours.has(a) || !neighbours.has(b)) continue;
    neighbours.get(a).push(b);
    neighbours.get(b).push(a);
  }
  const few = ids.length <= FEW;
  const step = few ? (narrow ? 74 : STEP_FEW) : STEP_MANY;
  const nodes = new Map([[self, { id: self, x: 0, y: 0, angle: 0, ring: 0, radius: 0 }]]);
  const radii = [];
  let radius = 0;
  ringsOf(self, ids, neighbours).forEach((ring, index) => {
    const gap = few ? (narrow ? 105 : GAP) : index === 0 ? GAP : 90;
    radius = Math.max(radius + gap, (ring.length * step) / (2 * Math.PI));
    radii.push(radius);
    const turned = index === 0 ? firstRing(ring, neighbours) : outerRing(ring, neighbours, nodes);
    for (const [id, angle] of turned) {
      const x = radius * Math.cos(angle);
      const y = radius * Math.sin(angle);
      nodes.set(id, { id, angle, ring: index + 1, radius, x, y });
    }
  });
  return { few, radii, nodes };
}

/** The path of a line between two placed nodes; bends around the middle where it is not the end. */
export function linkPath(a, b) {
  const from = `M${round(a.x)} ${round(a.y)}`;
  const to = `${round(b.x)} ${round(b.y)}`;
  if (a.ring === 0 || b.ring === 0) return `${from}L${to}`;
  const turn = normal(b.angle - a.angle);
  const between = a.angle + turn / 2;
  // Near ones are joined almost straight; opposite ones pass at a distance from the middle.
  const reach = Math.min(a.radius, b.radius) * (1 - 0.45 * Math.abs(turn) / Math.PI);
  return `${from}Q${round(reach * Math.cos(between))} ${round(reach * Math.sin(between))} ${to}`;
}

/** Nodes by distance from `self`, nearest first; the last ring has those without any way. */
function ringsOf(self, ids, neighbours) {
  const rings = [];
  const placed = new Set([self]);
  let edge = [self];
  while (edge.length > 0) {
    const next = [];
    for (const id of edge) {
      for (const other of neighbours.get(id) ?? []) {
        if (placed.has(other)) continue;
        placed.add(other);
        next.push(other);
      }
    }
    if (next.length > 0) rings.push(next.sort());
    edge = next;
  }
  const rest = ids.filter((id) => !placed.has(id)).sort();
  if (rest.length > 0) rings.push(rest);
  return rings;
}

/**
 * Angles of the neighbours: those with the most in common stand side by side, and nobody stands
 * below the middle, where the name of this node is.
 */
function firstRing(ring, neighbours) {
  const left = [...ring];
  const order = [left.shift()];
  while (left.length > 0) {
    const last = new Set(neighbours.get(order.at(-1)));
    const score = (id) =>
      (last.has(id) ? 1 : 0) + neighbours.get(id).filter((other) => last.has(other)).length;
    let best = 0;
    for (let i = 1; i < left.length; i++) if (score(left[i]) > score(left[best])) best = i;
    order.push(...left.splice(best, 1));
  }
  // Two make a triangle with the middle, not a line through it.
  const apart = ring.length === 2 ? (2 * Math.PI) / 3 : (2 * Math.PI) / ring.length;
  const start = ring.length === 2 ? -Math.PI * 5 / 6 : Math.PI / 2 + apart / 2;
  return order.map((id, i) => [id, start + i * apart]);
}

/** Angles of the nodes of a further ring: evenly spread, each near its neighbours further in. */
function outerRing(ring, neighbours, nodes) {
  const wanted = new Map(ring.map((id, i) => [id, direction(neighbours.get(id), i, nodes)]));
  const order = [...ring].sort((a, b) => wanted.get(a) - wanted.get(b) || (a < b ? -1 : 1));
  const apart = (2 * Math.PI) / ring.length;
  let x = 0, y = 0;
  order.forEach((id, i) => {
    x += Math.cos(wanted.get(id) - i * apart);
    y += Math.sin(wanted.get(id) - i * apart);
  });
  const best = Math.hypot(x, y) < 1e-9 ? -Math.PI / 2 : Math.atan2(y, x);
  const inner = [...nodes.values()].filter((node) => node.ring > 0).map((node) => node.angle);
  // A little turn keeps names from lying behind each other on one ray.
  const turns = [0, 1, -1, 2, -2, 3, -3, 4, -4].map((n) => best + n * Math.min(apart, 0.6) / 9);
  const room = (start) => Math.min(0.3, nearest(order.map((_, i) => start + i * apart), inner));
  const start = turns.reduce((a, b) => room(b) > room(a) + 0.01 ? b : a);
  return order.map((id, i) => [id, start + i * apart]);
}

/** The direction in which a node's placed neighbours lie, from 0 to 2π. */
function direction(others, index, nodes) {
  let x = 0, y = 0;
  for (const other of others) {
    const node = nodes.get(other);
    if (node === undefined || node.ring === 0) continue;
    x += Math.cos(node.angle);
    y += Math.sin(node.angle);
  }
  if (Math.hypot(x, y) < 1e-9) return index * 1e-6;
  return (Math.atan2(y, x) + 2 * Math.PI) % (2 * Math.PI);
}

/** The smallest angle between one of `some` and one of `others`. */
function nearest(some, others) {
  let least = Math.PI;
  for (const a of some) for (const b of others) least = Math.min(least, Math.abs(normal(a - b)));
  return least;
}

/** An angle from -π to π. */
function normal(angle) {
  const turned = ((angle + Math.PI) % (2 * Math.PI) + 2 * Math.PI) % (2 * Math.PI);
  return turned - Math.PI;
}

function round(n) {
  return Math.round(n * 10) / 10;
}
