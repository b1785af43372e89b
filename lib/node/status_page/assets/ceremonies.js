/**
 * Ceremonies: a card for each that goes on, a line for each that ended.
 *
 * @module
 */

import { at, cell, h, match, say, set } from "./dom.js";
import { count, duration, kindName, moment, quorum, short } from "./format.js";

const OPEN = ["waiting", "starting", "running", "confirming", "requested"];

/** Whether a ceremony has not ended here. */
export function isOpen(ceremony) {
  return OPEN.includes(ceremony.state);
}

/** Brings cards and lines up to date. */
export function drawCeremonies(view) {
  const self = view.node.identity;
  const open = view.ceremonies.list.filter(isOpen);
  set(at("running-section"), { hidden: open.length === 0 });
  match(at("running"), open, (c) => c.id, makeCard, (card, c) => updateCard(card, c, self));
  const ended = view.ceremonies.list.filter((c) => !isOpen(c));
  match(at("recent"), ended, (c) => c.id, makeRow, (row, c) => updateRow(row, c, self));
  set(at("recent").parentElement.tHead, { hidden: ended.length === 0 });
  say(at("recent-empty"), "Nothing yet since this daemon was started.");
  set(at("recent-empty"), { hidden: ended.length > 0 });
}

function makeCard(ceremony) {
  const title = `ceremony-${ceremony.id.slice(0, 12)}`;
  return h(
    "article",
    { class: "card ceremony", "aria-labelledby": title },
    h("h3", { id: title }),
    h("p", { class: "quiet" }),
    h("div", { class: "rounds", role: "progressbar" }),
    h("p", { class: "step" }),
    h("ul", { class: "members", "aria-label": "Members" }),
  );
}

function updateCard(card, c, self) {
  const [title, facts, rounds, step, members] = card.children;
  say(title, [kindName(c.kind), c.curve].filter(Boolean).join(" · "));
  say(
    facts,
    `${short(c.id)} · ${quorum(c.threshold, c.committee)} members` +
      (c.key_id ? ` · key ${short(c.key_id)}` : "") +
      ` · ${duration(c.age_ms)}`,
  );
  const total = c.rounds ?? 0;
  const done = Math.max(0, (c.round ?? 0) - 1);
  set(rounds, {
    hidden: total === 0,
    "aria-valuemin": 0,
    "aria-valuemax": total,
    "aria-valuenow": c.round ?? 0,
    "aria-valuetext": `round ${c.round ?? 0} of ${total}`,
    "aria-label": "Rounds",
  });
  match(
    rounds,
    Array.from({ length: total }, (_, i) => i),
    String,
    () => h("span"),
    (span, i) => set(span, { class: i < done ? "done" : i === done ? "now" : "" }),
  );
  const waiting = c.waiting_for ?? [];
  set(card, { class: `card ceremony ${c.state}` });
  say(step, stepText(c, waiting));
  match(members, everybody(c), String, (id) => h("li", { title: id }), (li, id) => {
    const awaited = waiting.includes(id);
    const state = awaited ? "awaited" : c.state === "running" ? "heard" : "";
    set(li, { class: state });
    const mark = awaited ? "… " : state === "heard" ? "✓ " : "";
    say(li, `${mark}${id === self ? "this node" : short(id)}${awaited ? " is awaited" : ""}`);
  });
}

function stepText(c, waiting) {
  switch (c.state) {
    case "waiting":
      return `Waits for approval: transfunctioner ceremonies approve ${short(c.id)}`;
    case "starting":
      return "Getting ready";
    case "requested":
      return "Asked for here; carried out by others";
    case "confirming":
      return `New members confirm their shares, ${waiting.length} to come`;
    default: {
      const round = c.rounds ? `Round ${c.round} of ${c.rounds}: ` : "";
      return `${round}${c.step ?? ""}` +
        (waiting.length > 0 ? ` from ${count(waiting.length, "member")}` : "");
    }
  }
}

function everybody(c) {
  return [...new Set([...(c.old_committee ?? []), ...(c.new_committee ?? []), ...c.committee])];
}

function makeRow() {
  return h(
    "tr",
    {},
    h("th", { scope: "row" }, h("span"), " ", h("code")),
    cell("Outcome", "stack", h("span", { class: "tag" }), h("span", { class: "quiet reason" })),
    cell("Key", "", h("code")),
    cell("Begun"),
    cell("Asked by", "", h("code")),
  );
}

function updateRow(row, c, self) {
  const [name, outcome, key, begun, by] = row.children;
  say(name.children[0], kindName(c.kind));
  say(name.children[1], short(c.id));
  set(name.children[1], { title: c.id });
  const state = c.state === "complete" || c.state === "answered" ? "good" : "bad";
  set(outcome.children[0], { class: `tag ${state}` });
  say(outcome.children[0], c.state);
  const blamed = (c.culprits ?? []).map(short).join(", ");
  say(
    outcome.children[1],
    [c.code, c.reason, blamed === "" ? "" : `(${blamed})`].filter(Boolean).join(" "),
  );
  say(key.firstChild, c.key_id ? short(c.key_id) : "");
  set(key.firstChild, { title: c.key_id });
  key.classList.toggle("blank", !c.key_id);
  say(begun, moment(c.received_at));
  say(by.firstChild, c.requester === self ? "this node" : short(c.requester));
  set(by.firstChild, { title: c.requester });
}
