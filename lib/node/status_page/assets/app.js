/**
 * Asks the node for its state again and again and shows it; says so when the node does not answer.
 *
 * @module
 */

import { drawCeremonies, isOpen } from "./ceremonies.js";
import { at, say, set } from "./dom.js";
import { duration } from "./format.js";
import { drawMesh } from "./graph.js";
import { drawOverview } from "./overview.js";
import { drawKeys, drawPeers } from "./tables.js";

/** Milliseconds between questions: while a ceremony goes on, at rest, in a hidden tab. */
const BUSY = 750;
const CALM = 2_000;
const HIDDEN = 20_000;
/** No answer for this long is none. */
const PATIENCE = 6_000;
/** Longest pause while the node does not answer. */
const LONGEST = 10_000;

let last;
let lastAt = 0;
let failures = 0;
let timer;
let asking = false;

async function ask() {
  if (asking) return;
  asking = true;
  clearTimeout(timer);
  try {
    const response = await fetch("status.json", { signal: AbortSignal.timeout(PATIENCE) });
    if (!response.ok) throw new Error(`the node answers ${response.status}`);
    const view = await response.json();
    if (view.schema !== "transfunctioner/status-page/1") location.reload();
    last = view;
    lastAt = Date.now();
    failures = 0;
  } catch (error) {
    failures++;
    lose(error);
  }
  asking = false;
  timer = setTimeout(ask, pause());
  // After the next question is settled: a mistake in here must not stop the page.
  if (failures === 0) draw(last);
}

function pause() {
  if (document.hidden) return HIDDEN;
  if (failures > 0) return Math.min(LONGEST, 1_000 * 1.5 ** failures);
  return last.ceremonies.list.some(isOpen) ? BUSY : CALM;
}

function draw(view) {
  set(at("lost"), { hidden: true });
  const open = view.ceremonies.list.filter((c) =>
    c.state === "running" || c.state === "confirming"
  );
  const awaited = new Set(open.flatMap((c) => c.waiting_for ?? []));
  const busy = new Set(open.flatMap((c) => c.committee));
  drawOverview(view);
  drawCeremonies(view);
  drawMesh(view, awaited, busy);
  drawPeers(view);
  drawKeys(view);
  tick();
  document.documentElement.dataset.link = "live";
}

function lose(error) {
  // One lost question is no news: the next one comes in a second.
  if (failures < 2 && last !== undefined) return;
  document.documentElement.dataset.link = "lost";
  say(at("state"), "Connection lost");
  set(at("state"), { class: "pill bad" });
  set(at("lost"), { hidden: false });
  const why = error instanceof TypeError || error.name === "TimeoutError"
    ? "The node does not answer"
    : `No news: ${error.message}`;
  say(
    at("lost"),
    `${why}. ${
      last === undefined ? "Nothing is known of it yet" : "What is below is what it said last"
    }; trying again.`,
  );
  document.title = "⚠ connection lost · transfunctioner";
}

function tick() {
  if (last === undefined) return;
  const age = Date.now() - lastAt;
  say(at("age"), age < 5_000 ? "Updates by itself." : `Last news ${duration(age)} ago.`);
}

document.addEventListener("visibilitychange", () => document.hidden || ask());
addEventListener("online", ask);
setInterval(tick, 1_000);
ask();
