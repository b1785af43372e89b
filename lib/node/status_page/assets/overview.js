/**
 * The head of the page: who this node is, whether all is well, and what is not.
 *
 * @module
 */

import { at, h, match, say, set } from "./dom.js";
import { count, duration } from "./format.js";

/** Brings head, tiles and notices up to date. */
export function drawOverview(view) {
  const { node } = view;
  say(at("identity"), node.identity);
  say(
    at("facts"),
    `version ${node.version} · up ${duration(node.uptime_ms)} · listens on ${node.listen}`,
  );
  say(at("state"), view.ready ? "Ready" : "Not ready");
  set(at("state"), { class: `pill ${view.ready ? "good" : "bad"}` });
  document.title = `${view.ready ? "" : "⚠ "}${node.identity.slice(0, 8)} · transfunctioner`;
  match(at("tiles"), tilesOf(view), (tile) => tile.name, makeTile, updateTile);
  match(at("notices"), noticesOf(view), (notice) => notice.text, makeNotice, () => {});
}

function tilesOf(view) {
  const { totals, keys, pre_params: stock, ceremonies } = view;
  const able = keys.filter((key) => key.can_sign).length;
  const live = keys.filter((key) => key.status !== "retired").length;
  return [
    {
      name: "Sessions",
      value: String(totals.sessions),
      detail: totals.peers_known === 0
        ? "no other node known"
        : `of ${count(totals.peers_known, "known node")}`,
      state: totals.sessions > 0 ? "good" : "bad",
    },
    {
      name: "Ready nodes",
      value: String(totals.peers_ready),
      detail: totals.bans > 0
        ? `${count(totals.bans, "ban")} in force`
        : "to start a ceremony with",
      state: totals.peers_ready > 0 ? "good" : "bad",
    },
    {
      name: "Keys that can sign",
      value: live === 0 ? "–" : `${able} of ${live}`,
      detail: live === 0 ? "no key yet" : able === live ? "all of them" : "members are missing",
      state: live === 0 ? "plain" : able === live ? "good" : "bad",
    },
    {
      name: "Ceremonies",
      value: String(ceremonies.running),
      detail: `running, ${ceremonies.waiting} waiting for approval`,
      state: ceremonies.waiting > 0 ? "warn" : "plain",
    },
    {
      name: "Since the start",
      value: `${ceremonies.complete} ✓`,
      detail: `complete, ${ceremonies.failed} failed`,
      state: "plain",
    },
    {
      name: "Pre-parameters",
      value: `${stock.ready} of ${stock.wanted}`,
      detail: stock.making
        ? `making a set: ${stock.found} of ${stock.of} primes`
        : stock.ready === 0
        ? "none ready"
        : "sets ready",
      state: stock.ready > 0 ? "good" : stock.making ? "warn" : "bad",
    },
  ];
}

function makeTile(tile) {
  return h("div", {}, h("dt", {}, tile.name), h("dd"), h("dd", { class: "quiet" }));
}

function updateTile(element, tile) {
  set(element, { class: `tile ${tile.state}` });
  say(element.children[1], tile.value);
  say(element.children[2], tile.detail);
}

function noticesOf(view) {
  const notices = view.reasons.map((text) => ({ text, state: "bad" }));
  for (const key of view.keys) {
    if (key.status === "damaged") {
      notices.push({
        text: `key ${key.key_id} is damaged on this node: see transfunctioner keys`,
        state: "bad",
      });
    }
  }
  for (const text of view.warnings) {
    if (!notices.some((n) => n.text === text)) notices.push({ text, state: "warn" });
  }
  return [...new Map(notices.map((n) => [n.text, n])).values()];
}

function makeNotice({ text, state }) {
  return h("li", { class: state }, text);
}
