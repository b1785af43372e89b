/**
 * Nodes with their sessions, and keys.
 *
 * @module
 */

import { at, cell, h, match, say, set } from "./dom.js";
import { ago, bytes, count, duration, middle, moment, quorum, short, trip } from "./format.js";
import { stateOf } from "./graph.js";

/** Brings the table of nodes up to date. */
export function drawPeers(view) {
  const others = view.peers.filter((peer) => !peer.self);
  match(at("peers"), others, (peer) => peer.identity, makePeer, updatePeer);
  set(at("peers").parentElement.tHead, { hidden: others.length === 0 });
  const left = view.totals.peers_known - others.length;
  say(
    at("peers-empty"),
    others.length === 0 ? "No other node is known." : `${count(left, "more node")} not shown.`,
  );
  set(at("peers-empty"), { hidden: others.length > 0 && left <= 0 });
}

function makePeer(peer) {
  return h(
    "tr",
    { id: `peer-${peer.identity}`, tabindex: "-1" },
    h("th", { scope: "row" }, h("code", { title: peer.identity }, short(peer.identity))),
    cell("State", "stack", h("span", { class: "tag" }), h("span", { class: "quiet reason" })),
    cell("Address"),
    cell("Round trip", "number"),
    cell("Session", "number"),
    cell("In / out", "number"),
    cell("Software"),
    cell("Sets", "number"),
  );
}

function updatePeer(row, peer) {
  const [, state, address, rtt, session, traffic, software, sets] = row.children;
  const kind = stateOf(peer);
  set(state.children[0], {
    class: `tag ${{ ready: "good", notready: "bad", unknown: "plain" }[kind]}`,
  });
  say(state.children[0], { ready: "ready", notready: "not ready", unknown: "unknown" }[kind]);
  const skew = Math.abs(peer.clock_skew_ms ?? 0) > 5_000
    ? `its clock is ${duration(Math.abs(peer.clock_skew_ms))} ${
      peer.clock_skew_ms > 0 ? "ahead" : "behind"
    }`
    : "";
  say(state.children[1], [peer.not_ready, skew].filter(Boolean).join("; "));
  say(address, middle(peer.address ?? "", 46));
  set(address, { title: peer.address });
  say(rtt, trip(peer.rtt_ms));
  set(rtt, { title: `last answer ${ago(peer.answered_ms_ago)}` });
  say(session, peer.connected ? duration(peer.session_ms) : "none");
  set(session, { title: peer.direction });
  say(
    traffic,
    peer.connected ? `${bytes(peer.bytes_in)} / ${bytes(peer.bytes_out)}` : "",
  );
  say(software, middle(peer.version ?? (peer.software === "go" ? "Go service" : ""), 40));
  say(sets, peer.pre_params ?? "");
  for (const td of [address, rtt, traffic, software, sets]) {
    td.classList.toggle("blank", td.textContent === "");
  }
}

/** Brings the keys up to date. */
export function drawKeys(view) {
  const self = view.node.identity;
  match(at("keys"), view.keys, (key) => key.key_id, makeKey, (card, key) => {
    updateKey(card, key, view, self);
  });
  say(
    at("keys-empty"),
    "No key yet: transfunctioner keygen makes one together with other nodes.",
  );
  set(at("keys-empty"), { hidden: view.keys.length > 0 });
}

function makeKey(key) {
  const title = `key-${key.key_id}`;
  return h(
    "article",
    { class: "card key", "aria-labelledby": title },
    h("h3", { id: title }, h("code", {}, key.key_id), " ", h("span", { class: "tag" })),
    h("p", { class: "quiet" }),
    h("dl", { class: "facts" }),
    h("ul", { class: "members", "aria-label": "Committee" }),
  );
}

function updateKey(card, key, view, self) {
  const [title, facts, details, members] = card.children;
  const tag = title.lastChild;
  const [word, state] = keyState(key);
  set(tag, { class: `tag ${state}` });
  say(tag, word);
  say(
    facts,
    key.status === "damaged" ? "Its files on this node are damaged." : [
      key.curve,
      `${quorum(key.threshold, key.committee)} sign`,
      `${key.live} of ${key.committee.length} live`,
      `generation ${key.generation}`,
      `made ${moment(key.created_at)}`,
    ].join(" · "),
  );
  const rows = [["Public key", key.public_key], ...Object.entries(key.encodings ?? {})]
    .filter(([, value]) => typeof value === "string" && value !== "")
    .filter(([, value], i, all) => all.findIndex(([, other]) => other === value) === i);
  match(
    details,
    rows,
    ([name]) => name,
    ([name]) => h("div", {}, h("dt", {}, name.replaceAll("_", " ")), h("dd", {}, h("code"))),
    (row, [, value]) => say(row.lastChild.firstChild, value),
  );
  const peers = new Map(view.peers.map((peer) => [peer.identity, peer]));
  match(members, key.committee, String, (id) => h("li", { title: id }), (li, id) => {
    const kind = stateOf(peers.get(id) ?? { identity: id, address: "" });
    set(li, { class: { ready: "heard", notready: "missing", unknown: "" }[kind] });
    const mark = { ready: "✓ ", notready: "✗ ", unknown: "? " }[kind];
    say(li, `${mark}${id === self ? "this node" : short(id)}`);
  });
}

function keyState(key) {
  if (key.status === "damaged") return ["damaged", "bad"];
  if (key.status !== "active") return [key.status, "plain"];
  return key.can_sign ? ["can sign", "good"] : ["cannot sign now", "bad"];
}
