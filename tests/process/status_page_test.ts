/**
 * The status page of real daemons: its JSON always, and in a real browser where there is one.
 */
import assert from "node:assert/strict";
import { freePorts, LOG_TAIL } from "../../cli/demo/processes.ts";
import { statusSite } from "../../lib/node/status_page/site.ts";
import type { Snapshot } from "../../lib/node/status_page/snapshot.ts";
import { fakeIdentity, fakeSnapshot } from "../node/status_page/fake_snapshot.ts";
import { expressions, LABEL_VALUES } from "../docs/watching.ts";
import { missing, readPage } from "../support/promql.ts";
import { Chromium, findChromium, type Page } from "../support/chromium.ts";
import { Cluster } from "./cluster.ts";

const chromium = await findChromium();
const NO_BROWSER = "no Chromium found: install one or name it in TRANSFUNCTIONER_CHROMIUM";
const LIVE = "document.documentElement.dataset.link === 'live'";
/** What the browser says of a question to a node that is killed or dead. */
const DEAD_NODE =
  /net::ERR_(CONNECTION_(REFUSED|RESET|CLOSED|ABORTED)|EMPTY_RESPONSE|SOCKET_NOT_CONNECTED|INCOMPLETE_CHUNKED_ENCODING|CONTENT_LENGTH_MISMATCH)/;

if (chromium === null) {
  // The reason, where people look for it: in the report.
  Deno.test({ name: `SKIPPED, the page in a browser: ${NO_BROWSER}`, ignore: true, fn: () => {} });
}

Deno.test("daemons show a key generation on their status pages while it goes on", async (t) => {
  const ports = freePorts(3);
  const at = (i: number) => `http://127.0.0.1:${ports[i]}`;
  await using cluster = await Cluster.create({
    size: 3,
    preParams: 0,
    env: (i): Record<string, string> => ({
      TRF_PROMETHEUS_ADDRESS: `127.0.0.1:${ports[i]}`,
      TRF_STATUS_PAGE: i === 1 ? "0" : "1",
      TRF_CONSENT: i === 2 ? "manual" : "auto",
      TRF_LOG_FORMAT: "json",
      TRF_LOG_LEVEL: "INFO,ceremony=DEBUG,desk=DEBUG,reshare=DEBUG,admin=DEBUG",
    }),
  });
  const [first, second, third] = cluster.nodes;
  const [, , idC] = cluster.identities as [string, string, string];
  await cluster.start();
  const view = async (i = 0): Promise<Snapshot> =>
    await (await fetch(`${at(i)}/status.json`)).json() as Snapshot;
  await using browser = chromium === null ? null : await Chromium.launch(chromium);
  const page = await browser?.page(1180, 900);
  /** Looks at the page of the first node, if there is a browser. */
  const look = (name: string, work: (page: Page) => Promise<void>) =>
    t.step({
      name: page === undefined ? `${name} (${NO_BROWSER})` : name,
      ignore: page === undefined,
      fn: () => work(page!),
    });

  await t.step("only where it is configured", async () => {
    for (const path of ["/status", "/status.json", "/status/app.js"]) {
      const response = await fetch(at(1) + path);
      await response.body?.cancel();
      assert.equal(response.status, 404);
    }
  });

  await t.step("the JSON has the mesh with round trips, and nothing of keys yet", async () => {
    let seen!: Snapshot;
    await cluster.until("all are ready for each other", async () => {
      seen = await view();
      const { totals, links } = seen;
      return totals.peers_ready === 2 && links.length === 3 &&
        links.every((l) => l.ready === true && l.rtt_ms !== null);
    });
    const { schema, node, peers, keys, ceremonies } = seen;
    assert.equal(schema, "transfunctioner/status-page/1");
    assert.equal(node.identity, cluster.identities[0]);
    assert.deepEqual(peers.map((p) => p["identity"]).sort(), [...cluster.identities].sort());
    assert.deepEqual([keys, ceremonies.list], [[], []]);
  });

  await look("the page draws the mesh and says what is empty", async (page) => {
    await page.open(`${at(0)}/`);
    await page.until(LIVE);
    assert.equal(await page.evaluate("location.pathname"), "/status");
    await page.until("document.querySelectorAll('.node.ready').length === 3");
    await page.until("document.querySelectorAll('.link.ready').length === 3");
    await page.until("document.querySelectorAll('.pill-label').length === 2");
    await page.shows("document.getElementById('keys-empty').innerText", /No key/);
    await page.until(
      `document.getElementById('identity').textContent === '${cluster.identities[0]}'`,
    );
  });

  const making = first!.ask<{ key_id: string }>(
    ["keygen", "--members", cluster.identities.join(","), "-t", "1", "--curve", "ed25519"],
  );
  let id = "";
  await t.step("both sides show the ceremony: who is awaited, and who has to approve", async () => {
    await cluster.until("the third node is awaited", async () => {
      const found = (await view()).ceremonies.list.find((c) => c["state"] === "running");
      return (found?.["waiting_for"] as string[] | undefined)?.join() === idC;
    });
    await cluster.until("the third node is asked", async () => {
      const found = (await view(2)).ceremonies.list.find((c) => c["state"] === "waiting");
      id = String(found?.["id"] ?? "");
      return id !== "";
    });
  });

  await look("the page shows its rounds and marks the awaited node", async (page) => {
    const card = "document.querySelector('.ceremony')?.innerText";
    await page.shows(card, /Key generation · ed25519/);
    await page.shows(card, /Round \d of \d: waiting for .* from 1 member/);
    await page.until("document.querySelectorAll('.ceremony .awaited').length === 1");
    await page.until(`document.querySelector('.ceremony .awaited')?.title === '${idC}'`);
    await page.until(`document.querySelector('.node.awaited')?.dataset.id === '${idC}'`);
  });

  let key = "";
  await t.step("the JSON has the key's public parts when it is made, and no secret", async () => {
    await third!.run(["ceremonies", "approve", id.slice(0, 8)]);
    key = (await making).key_id;
    let text = "";
    await cluster.until("the key is there, and the ceremony complete", async () => {
      text = await (await fetch(`${at(0)}/status.json`)).text();
      const { keys, ceremonies } = JSON.parse(text) as Snapshot;
      return keys.length === 1 && keys[0]!.can_sign === true &&
        ceremonies.list[0]!["state"] === "complete";
    });
    assert.equal((JSON.parse(text) as Snapshot).keys[0]!.key_id, key);
    assert(!/digest|passphrase|initiators|admin/i.test(text));
    assert(!text.includes(first!.options.home), "no path of this machine");
  });

  await look("the page moves it to the ended ones and shows the key", async (page) => {
    await page.until("document.querySelectorAll('.card.key .tag.good').length === 1");
    await page.until("document.querySelectorAll('#recent tr').length === 1");
    await page.until("document.getElementById('running-section').hidden");
    await page.shows("document.querySelector('.card.key')?.innerText", /2 of 3/);
  });

  await t.step(
    "every expression of alerts and dashboard is about what this node serves",
    async () => {
      const all = await expressions();
      const lacking = async () => {
        const series = readPage(await (await fetch(`${at(0)}/metrics`)).text());
        return all.map(({ where, expression }) => ({
          where,
          missing: missing(expression, series, LABEL_VALUES),
        })).filter(({ missing }) => missing.length > 0);
      };
      // Some series begin with the first thing that they count.
      await cluster.until("the page has them all", async () => {
        const found = await lacking();
        if (found.length > 0) throw new Error(JSON.stringify(found));
        return true;
      });
    },
  );

  await t.step("the logs are JSON lines that name ceremonies and requests", async () => {
    const ceremonies = new Set<unknown>();
    const requests = new Map<unknown, unknown>();
    /** Reads all logs as far as they have whole lines. */
    const read = () => {
      for (const { log } of cluster.nodes) {
        assert(log.length < LOG_TAIL, "the log is there from its first line");
        const whole = log.slice(0, log.lastIndexOf("\n"));
        for (const text of whole.split("\n")) look(text);
      }
    };
    const look = (text: string) => {
      const line = JSON.parse(text) as Record<string, unknown>;
      const { time, level, module, message, ceremony, request } = line;
      assert.match(String(time), /^\d{4}-\d\d-\d\dT.*Z$/);
      assert.match(String(level), /^(debug|info|warn|error)$/);
      assert(typeof module === "string" && typeof message === "string", text);
      if (/^(ceremony|desk|reshare)/.test(module) || /\bceremony\b/.test(message)) {
        assert.match(String(ceremony), /^[0-9a-f]{64}$/, text);
      }
      if (ceremony !== undefined) ceremonies.add(ceremony);
      if (/^admin request/.test(message)) {
        assert.match(String(request), /^[0-9a-f]{8}$/, text);
        if (ceremony !== undefined) requests.set(request, ceremony);
      }
    };
    await cluster.until("the logs have the request", () => {
      read();
      return Promise.resolve(ceremonies.size > 0 && requests.size > 0);
    });
    // One ceremony, begun by one request, under the same id everywhere.
    assert.deepEqual([...ceremonies], [id]);
    assert.deepEqual([...requests.values()], [id]);
  });

  await t.step("a member that dies makes the page say who is missing", async () => {
    await second!.stop("SIGKILL");
    await cluster.until("the first one notices", async () => {
      const { links, peers } = await view();
      return links.some((l) => l.ready === false && l.reason !== "") &&
        peers.some((p) => p["ready"] === false && p["not_ready"] !== undefined);
    });
  });

  await look("the page says when its own node dies, and goes on when it is back", async (page) => {
    await page.until("document.querySelector('.link.notready')");
    await first!.stop("SIGKILL");
    await page.until("!document.getElementById('lost').hidden");
    await page.shows("document.getElementById('state').innerText", /Connection lost/);
    await page.shows("document.querySelector('.card.key')?.innerText", /2 of 3/);
    await first!.start();
    await page.until(LIVE);
    await page.until("document.getElementById('lost').hidden");
  });

  await look("the browser found nothing to refuse and asked nobody else", (page) => {
    // Its node died: before a question, or in the middle of an answer.
    const own = page.problems.filter((text) => !DEAD_NODE.test(text));
    assert.deepEqual(own, []);
    assert(page.requests.length > 10);
    for (const url of page.requests) assert(url.startsWith(`${at(0)}/`), url);
    return Promise.resolve();
  });
});

Deno.test({
  name: "hostile texts stay texts in a browser",
  ignore: chromium === null,
  fn: async () => {
    const hostile = [
      `<img src=x onerror="document.title='owned'">`,
      `"><script>document.title='owned'</script>`,
      "javascript:document.title='owned'",
      "\u202e\u0000</td></tr></table>",
      "x".repeat(5_000),
    ];
    const mesh = fakeSnapshot(8, 8);
    const peers = mesh.peers.map((peer, i) => ({
      ...peer,
      address: hostile[i % hostile.length],
      version: hostile[(i + 1) % hostile.length],
      not_ready: hostile[(i + 2) % hostile.length],
      software: hostile[(i + 3) % hostile.length],
      ready: false,
    }));
    const text = hostile[0]!;
    const view: Snapshot = {
      ...mesh,
      peers,
      reasons: hostile,
      warnings: hostile,
      links: mesh.links.map((l, i) => ({ ...l, ready: false, reason: hostile[i % 5]! })),
      ceremonies: {
        ...mesh.ceremonies,
        list: ["running", "failed", "waiting"].map((state, i) => ({
          id: `${i}`.repeat(64),
          kind: text,
          state,
          curve: text,
          step: text,
          reason: text,
          code: text,
          requester: fakeIdentity(1),
          key_id: text,
          committee: [fakeIdentity(1), fakeIdentity(2)],
          waiting_for: [fakeIdentity(1)],
          culprits: [text],
          threshold: 1,
          round: 1,
          rounds: 4,
          age_ms: 5,
          received_at: text,
        })),
      },
    };
    const site = statusSite({ snapshot: () => Promise.resolve(view), names: [] });
    const server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen: () => {} },
      async (request) =>
        await site(new URL(request.url).pathname, request.headers.get("host")) ??
          new Response("", { status: 404 }),
    );
    try {
      await using browser = await Chromium.launch(chromium!);
      for (const width of [1180, 360]) {
        const page = await browser.page(width, 800);
        await page.open(`http://127.0.0.1:${server.addr.port}/status`);
        await page.until(LIVE);
        assert.deepEqual(page.problems, []);
        const made = "document.querySelectorAll('img:not(.brand img), script:not([src])').length";
        assert.equal(await page.evaluate(made), 0);
        assert.match(await page.evaluate("document.title"), /· transfunctioner$/);
        assert(
          (await page.evaluate<string>("document.body.innerText")).includes(hostile[0]!),
          "it is shown as it is",
        );
        // Nothing hangs over the edge, however long a text is.
        assert.equal(await page.evaluate("document.documentElement.scrollWidth"), width);
        const links = "[...document.querySelectorAll('a')].map((a) => a.getAttribute('href'))";
        for (const href of await page.evaluate<string[]>(links)) assert(!href.includes(":"), href);
        // The browser itself refuses what the page never does.
        const refused = await page.evaluate<string>(
          "(() => { try { document.body.innerHTML = '<b>'; return 'done' } catch (e) { return e.name } })()",
        );
        assert.equal(refused, "TypeError");
      }
    } finally {
      await server.shutdown();
    }
  },
});

Deno.test({
  name: "the page can be walked by keyboard, and its texts stand out",
  ignore: chromium === null,
  fn: async () => {
    const site = statusSite({ snapshot: () => Promise.resolve(fakeSnapshot(10, 4)), names: [] });
    const server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen: () => {} },
      async (request) =>
        await site(new URL(request.url).pathname, request.headers.get("host")) ??
          new Response("", { status: 404 }),
    );
    try {
      await using browser = await Chromium.launch(chromium!);
      for (const scheme of ["light", "dark"] as const) {
        const page = await browser.page(1000, 800);
        await page.prefer(scheme);
        await page.open(`http://127.0.0.1:${server.addr.port}/status`);
        await page.until(LIVE);
        const reached = new Set<string>();
        for (let i = 0; i < 24; i++) {
          await page.press("Tab", 9);
          reached.add(
            await page.evaluate("document.activeElement.id || document.activeElement.ariaLabel"),
          );
        }
        assert(reached.has("graph"));
        assert.equal([...reached].filter((name) => /^[0-9a-f]{8}, node-/.test(name)).length, 9);
        assert.deepEqual(await page.evaluate(CONTRAST), []);
        // Every table cell has its column's head, and every region its name.
        assert.equal(await page.evaluate("document.querySelectorAll('th:not([scope])').length"), 0);
        assert.equal(
          await page.evaluate(
            "document.querySelectorAll('section:not([aria-label]):not([aria-labelledby])').length",
          ),
          0,
        );
      }
    } finally {
      await server.shutdown();
    }
  },
});

/** Texts with less contrast than WCAG 2's AA asks for (4.5), as `text: ratio`. */
const CONTRAST = `(() => {
  const rgb = (text) => text.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map((c) => c / 255 <= 0.03928
      ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4);
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const behind = (element) => {
    for (let e = element; e; e = e.parentElement) {
      const colour = rgb(getComputedStyle(e).backgroundColor);
      if (colour.length < 4 || colour[3] > 0) return colour;
    }
    return [255, 255, 255];
  };
  const faults = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.data && !walker.currentNode.data.trim()) continue;
    if (!element.checkVisibility() || element.closest('title, noscript')) continue;
    const style = getComputedStyle(element);
    const a = light(rgb(element.closest('svg') ? style.fill : style.color));
    const b = light(behind(element));
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) faults.push(walker.currentNode.data.trim() + ': ' + ratio.toFixed(2));
  }
  return faults;
})()`;
