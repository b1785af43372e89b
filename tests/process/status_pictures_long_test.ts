/**
 * The pictures of the status page in docs/images/, from five real daemons in a real browser.
 *
 *     deno run -A tests/process/status_pictures_long_test.ts --write
 *
 * makes them anew; as a test it goes through the same story and looks whether pictures come out.
 */
import assert from "node:assert/strict";
import { freePorts } from "../../cli/demo/processes.ts";
import type { Snapshot } from "../../lib/node/status_page/snapshot.ts";
import { Chromium, findChromium, type Page } from "../support/chromium.ts";
import { Cluster } from "./cluster.ts";

const IMAGES = new URL("../../docs/images/", import.meta.url);
const WIDE = 1120;
const NARROW = 390;

/** Goes through the story; `keep` is given each picture with its name. */
async function takePictures(
  chromium: string,
  keep: (name: string, png: Uint8Array<ArrayBuffer>) => Promise<void>,
): Promise<void> {
  const [port] = freePorts(1);
  await using cluster = await Cluster.create({
    size: 5,
    searches: true,
    env: (i): Record<string, string> => ({
      ...(i === 0 ? { TRF_PROMETHEUS_ADDRESS: `127.0.0.1:${port}`, TRF_STATUS_PAGE: "1" } : {}),
      ...(i === 4 ? { TRF_CONSENT: "manual" } : {}),
    }),
  });
  const [first, , , fourth, fifth] = cluster.nodes;
  const ids = cluster.identities;
  // One after the other, with patience: each looks for pre-parameters with all its might.
  for (const node of cluster.nodes) {
    await node.start();
    await cluster.until("it answers", async () => (await node.run(["status"])) !== "", 180_000);
  }
  await using browser = await Chromium.launch(chromium);
  const view = async (): Promise<Snapshot> =>
    await (await fetch(`http://127.0.0.1:${port}/status.json`)).json() as Snapshot;
  const shoot = async (
    name: string,
    look: { width: number; scheme: "light" | "dark"; height?: number },
    ready: string,
  ) => {
    const page: Page = await browser.page(look.width, 800);
    await page.prefer(look.scheme);
    await page.open(`http://127.0.0.1:${port}/status`);
    await page.until("document.documentElement.dataset.link === 'live'");
    await page.until(ready);
    await keep(name, await page.picture(look.height));
    assert.deepEqual(page.problems, []);
    await page.call("Page.close");
  };
  await cluster.until("all are ready for each other", async () => {
    const { totals, links } = await view();
    return totals.peers_ready === 4 && links.length === 10 &&
      links.every((link) => link.ready === true && link.rtt_ms !== null);
  }, 300_000);
  const members = (n: number) => ids.slice(0, n).join(",");
  await first!.ask(["keygen", "--members", members(3), "-t", "1"]);
  const making = first!.ask(["keygen", "--members", members(5), "-t", "2", "--curve", "ed25519"]);
  let waiting = "";
  await cluster.until("the fifth node is asked, and awaited", async () => {
    const { ceremonies } = await fifth!.ask<{ ceremonies: { id: string; state: string }[] }>(
      ["ceremonies"],
    );
    waiting = ceremonies.find((c) => c.state === "waiting")?.id ?? "";
    const here = (await view()).ceremonies.list.find((c) => c["state"] === "running");
    return waiting !== "" && (here?.["waiting_for"] as string[] | undefined)?.join() === ids[4];
  }, 180_000);
  await shoot(
    "status-ceremony",
    { width: WIDE, scheme: "light", height: 1000 },
    "document.querySelector('.node.awaited')",
  );
  await fifth!.run(["ceremonies", "approve", waiting.slice(0, 8)]);
  await making;
  const { keys } = await view();
  await first!.ask(["sign", "--key", keys[0]!.key_id, "--digest", "5a".repeat(32)]);
  const settled = "document.querySelectorAll('.card.key .tag.good').length === 2";
  await shoot("status-light", { width: WIDE, scheme: "light" }, settled);
  await shoot("status-narrow", { width: NARROW, scheme: "light", height: 1500 }, settled);
  await fourth!.stop("SIGKILL");
  await cluster.until("the dead node is noticed", async () => {
    const { peers, links } = await view();
    return peers.some((p) => p["identity"] === ids[3] && p["ready"] === false) &&
      links.filter((l) => l.ready === false).length >= 1;
  });
  await shoot(
    "status-dark",
    { width: WIDE, scheme: "dark", height: 1000 },
    "document.querySelector('.node.notready')",
  );
}

const chromium = await findChromium();

if (import.meta.main && Deno.args.includes("--write")) {
  if (chromium === null) throw new Error("No Chromium found: name one in TRANSFUNCTIONER_CHROMIUM");
  await Deno.mkdir(IMAGES, { recursive: true });
  await takePictures(chromium, (name, png) => Deno.writeFile(new URL(`${name}.png`, IMAGES), png));
} else {
  Deno.test({
    name: "the pictures of the status page can be taken from real daemons",
    ignore: chromium === null,
    fn: async () => {
      const names: string[] = [];
      await takePictures(chromium!, (name, png) => {
        assert.deepEqual([...png.slice(1, 4)], [...new TextEncoder().encode("PNG")]);
        assert(png.length > 20_000 && png.length < 400_000, `${name}: ${png.length} bytes`);
        names.push(`${name}.png`);
        return Promise.resolve();
      });
      const kept = [...Deno.readDirSync(IMAGES)].map((file) => file.name);
      for (const name of names) assert(kept.includes(name), `docs/images/${name} is missing`);
    },
  });
}
