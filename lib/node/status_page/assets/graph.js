/**
 * The picture of the mesh.
 *
 * @module
 */

import { at, match, s, say, set } from "./dom.js";
import { middle, short, trip } from "./format.js";
import { FEW, layout, linkPath } from "./layout.js";

/** With more lines of its own than this a node shows round trips in its tool tip only. */
const PILLS = 12;

let svg;
let groups;
let shape = "";
let places;

/** Draws the mesh as `view` has it; `awaited` and `busy` are sets of identities. */
export function drawMesh(view, awaited, busy) {
  if (svg === undefined) open();
  const self = view.node.identity;
  const nodes = nodesOf(view);
  const ids = nodes.map((node) => node.identity);
  const narrow = at("graph").clientWidth < 520;
  const next = JSON.stringify([
    self,
    narrow,
    [...ids].sort(),
    view.links.map((l) => [l.a, l.b, l.session]),
  ]);
  if (next !== shape) {
    shape = next;
    places = layout(self, ids, view.links, narrow);
    frame(nodes, narrow);
  }
  svg.classList.toggle("many", !places.few);
  svg.classList.toggle("crowd", view.links.length > 4 * ids.length && ids.length > FEW);
  const place = (id) => places.nodes.get(id);
  const links = view.links.filter((l) => place(l.a) && place(l.b)).map((link) => ({
    ...link,
    own: link.a === self || link.b === self,
    kind: link.ready === true ? "ready" : link.ready === false ? "notready" : "unknown",
  })).sort((a, b) => Number(a.own) - Number(b.own));
  const name = (link) => `${link.a}-${link.b}`;
  match(groups.links, links, name, makeLink, (element, link) => {
    set(element, {
      d: linkPath(place(link.a), place(link.b)),
      class: `link ${link.kind} ${link.own ? "own" : "others"}`,
    });
    say(element.firstChild, linkText(link));
  });
  const pills = links.filter((l) => Number.isFinite(l.rtt_ms) && l.own);
  const shown = pills.length > PILLS ? [] : pills;
  match(groups.pills, shown, name, makePill, (element, link) => {
    const other = place(link.a === self ? link.b : link.a);
    const text = trip(link.rtt_ms);
    const width = 9 + 6.4 * text.length;
    set(element, { transform: `translate(${other.x * 0.6} ${other.y * 0.6})` });
    set(element.firstChild, { x: -width / 2, width });
    say(element.lastChild, text);
  });
  match(
    groups.nodes,
    nodes,
    (n) => `${n.identity} ${n.software === "go"}`,
    makeNode,
    (element, node) => {
      updateNode(element, node, place(node.identity), awaited, busy, narrow);
    },
  );
  const far = nodes.filter((node) => !node.self && !node.connected).length;
  say(
    at("graph-note"),
    nodes.length === 1
      ? "No other node is known yet. Peers are named in TRF_CONNECT or TRF_SEEDS, or they dial in."
      : `${nodes.length - 1} other ${nodes.length === 2 ? "node" : "nodes"}` +
        (far > 0 ? `, ${far} of them without a session here.` : ", each with a session here."),
  );
}

/** The nodes of the view, and those that only a line or a committee names. */
function nodesOf(view) {
  const nodes = new Map(view.peers.map((peer) => [peer.identity, peer]));
  for (const { a, b } of view.links) {
    for (const identity of [a, b]) {
      if (!nodes.has(identity)) nodes.set(identity, { identity, address: "" });
    }
  }
  return [...nodes.values()];
}

function open() {
  groups = {
    rings: s("g", { class: "rings" }),
    links: s("g", { class: "links" }),
    pills: s("g", { class: "pills" }),
    nodes: s("g", { class: "nodes" }),
  };
  svg = s("svg", { role: "group", "aria-label": "Nodes and their connections" });
  svg.append(groups.rings, groups.links, groups.pills, groups.nodes);
  at("graph").replaceChildren(svg);
  for (const name of ["pointerover", "focusin"]) {
    svg.addEventListener(name, (event) => light(event.target.closest?.("a.node")));
  }
  for (const name of ["pointerleave", "focusout"]) svg.addEventListener(name, () => light(null));
}

/** Shows one node's lines and dims the others. */
function light(node) {
  const id = node?.dataset.id;
  svg.classList.toggle("lit", id !== undefined);
  const near = new Set([id]);
  for (const line of groups.links.children) {
    const ends = line.dataset.ends.split(" ");
    const on = id !== undefined && ends.includes(id);
    line.classList.toggle("on", on);
    if (on) { for (const end of ends) near.add(end); }
  }
  for (const other of groups.nodes.children) {
    other.classList.toggle("on", id !== undefined && near.has(other.dataset.id));
  }
}

/** Cuts the picture to what is in it, names included. */
function frame(nodes, narrow) {
  const { few, radii } = places;
  const box = { left: -60, right: 60, top: -30, bottom: 54 };
  for (const node of nodes) {
    const { x, y, ring } = places.nodes.get(node.identity);
    const text = narrow ? 60 : Math.max(60, 6.8 * middle(node.address ?? "", 24).length);
    const [dx, dy] = few ? [ring === 0 ? 60 : text + 30, 56] : [86, 86];
    box.left = Math.min(box.left, x - (few && x > 40 ? 30 : dx));
    box.right = Math.max(box.right, x + (few && x < -40 ? 30 : dx));
    box.top = Math.min(box.top, y - dy);
    box.bottom = Math.max(box.bottom, y + dy);
  }
  const width = Math.ceil(box.right - box.left);
  const height = Math.ceil(box.bottom - box.top);
  set(svg, { viewBox: `${Math.floor(box.left)} ${Math.floor(box.top)} ${width} ${height}` });
  // A small mesh is not blown up, a large one scrolls rather than shrink out of sight.
  svg.style.maxWidth = `${Math.round(width * (few ? 1.1 : 1.3))}px`;
  svg.style.minWidth = `${Math.round(width * 0.75)}px`;
  match(
    groups.rings,
    few ? [] : radii,
    String,
    () => s("circle"),
    (circle, r) => set(circle, { r }),
  );
  const region = at("graph");
  region.scrollLeft = (region.scrollWidth - region.clientWidth) / 2;
}

function makeLink(link) {
  const path = s("path", { fill: "none" }, s("title"));
  path.dataset.ends = `${link.a} ${link.b}`;
  return path;
}

function makePill() {
  return s(
    "g",
    { class: "pill-label", "aria-hidden": "true" },
    s("rect", { y: -9, height: 18, rx: 9 }),
    s("text", { "text-anchor": "middle", dy: "0.34em" }),
  );
}

function makeNode(node) {
  const mark = node.software === "go"
    ? s("rect", { class: "mark", x: -8.5, y: -8.5, width: 17, height: 17, rx: 3 })
    : s("circle", { class: "mark", r: node.self ? 13 : 9.5 });
  const element = s(
    "a",
    { href: `#peer-${node.identity}` },
    s("title"),
    s("circle", { class: "halo", r: node.self ? 20 : 16 }),
    mark,
    s("text", { class: "name" }),
    s("text", { class: "where" }),
  );
  element.dataset.id = node.identity;
  return element;
}

function updateNode(element, node, place, awaited, busy, narrow) {
  const [title, , , name, where] = element.children;
  const state = stateOf(node);
  const classes = ["node", state];
  if (node.self) classes.push("self");
  else if (!node.connected) classes.push("far");
  if (awaited.has(node.identity)) classes.push("awaited");
  else if (busy.has(node.identity)) classes.push("busy");
  if (element.classList.contains("on")) classes.push("on");
  const words = nodeText(node, awaited);
  set(element, {
    class: classes.join(" "),
    transform: `translate(${place.x.toFixed(1)} ${place.y.toFixed(1)})`,
    "aria-label": words,
  });
  say(title, words);
  say(name, node.self ? "this node" : short(node.identity));
  const more = node.self ? short(node.identity) : middle(node.address ?? "", 24);
  say(where, places.few && !narrow ? more : "");
  label(name, where, place, places.few);
}

/** Puts a node's texts outside of its circle: upright in a small mesh, else along the radius. */
function label(name, where, { angle, ring }, few) {
  if (ring === 0) {
    set(name, { x: 0, y: 30, "text-anchor": "middle", transform: null });
    set(where, { x: 0, y: 44, "text-anchor": "middle" });
    return;
  }
  const left = Math.cos(angle) < -0.001;
  if (!few) {
    const turn = (angle * 180) / Math.PI + (left ? 180 : 0);
    set(name, {
      x: left ? -19 : 19,
      y: 0,
      dy: "0.34em",
      "text-anchor": left ? "end" : "start",
      transform: `rotate(${turn.toFixed(2)})`,
    });
    return;
  }
  const steep = Math.abs(Math.cos(angle)) < 0.35;
  if (steep) {
    const above = Math.sin(angle) < 0;
    set(name, { x: 0, y: above ? -37 : 31, "text-anchor": "middle" });
    set(where, { x: 0, y: above ? -23 : 45, "text-anchor": "middle" });
  } else {
    const anchor = left ? "end" : "start";
    const x = left ? -23 : 23;
    set(name, { x, y: -2, "text-anchor": anchor });
    set(where, { x, y: 12, "text-anchor": anchor });
  }
}

/** How a node stands to this one. */
export function stateOf(node) {
  if (node.self || node.ready === true) return "ready";
  return node.ready === false || !("ready" in node) && node.address === "" ? "notready" : "unknown";
}

function nodeText(node, awaited) {
  if (node.self) return `this node, ${short(node.identity)}`;
  const words = [short(node.identity)];
  if (node.address) words.push(node.address);
  words.push({ ready: "ready", notready: "not ready", unknown: "unknown" }[stateOf(node)]);
  if (node.not_ready) words.push(node.not_ready);
  if (Number.isFinite(node.rtt_ms)) words.push(trip(node.rtt_ms));
  if (awaited.has(node.identity)) words.push("awaited in a ceremony");
  return words.join(", ");
}

function linkText(link) {
  const state = { ready: "ready for each other", notready: "not ready", unknown: "session" };
  const words = [`${short(link.a)} – ${short(link.b)}: ${state[link.kind]}`];
  if (link.reason) words.push(link.reason);
  if (Number.isFinite(link.rtt_ms)) words.push(trip(link.rtt_ms));
  return words.join(", ");
}
