/** The page's routes and headers, asked over real connections; no browser is needed. */
import assert from "node:assert/strict";
import { startHttp } from "../../../lib/node/http.ts";
import { ASSETS } from "../../../lib/node/status_page/assets.ts";
import { isOwnHost, statusSite } from "../../../lib/node/status_page/site.ts";
import { silentLogger } from "../../../lib/observe/logger.ts";
import { fakeSnapshot } from "./fake_snapshot.ts";

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: string;
}

/** Serves the page (or not) and asks it with requests that no fetch() would send. */
async function withServer(
  site: boolean,
  work: (ask: (method: string, path: string, host?: string) => Promise<Answer>) => Promise<void>,
): Promise<void> {
  const http = startHttp({
    host: "127.0.0.1",
    port: 0,
    health: () => ({ online: true, healthy: true, listening: "", sessions: 1, peers: 1 }),
    ready: () => Promise.resolve({ ready: true }),
    metrics: { figures: () => ({}), version: "1" },
    site: site
      ? statusSite({
        snapshot: () => Promise.resolve(fakeSnapshot(3, 4)),
        names: ["Node-A.example.com"],
      })
      : null,
    log: silentLogger,
  });
  const port = Number(http.address.split(":")[1]);
  try {
    await work(async (method, path, host = `127.0.0.1:${port}`) => {
      using connection = await Deno.connect({ hostname: "127.0.0.1", port });
      const request = `${method} ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`;
      await connection.write(new TextEncoder().encode(request));
      const text = await new Response(connection.readable).text();
      const [head, ...rest] = text.split("\r\n\r\n");
      const [status, ...lines] = head!.split("\r\n");
      return {
        status: Number(status!.split(" ")[1]),
        headers: new Headers(lines.map((line): [string, string] => {
          const colon = line.indexOf(":");
          return [line.slice(0, colon), line.slice(colon + 1).trim()];
        })),
        body: rest.join("\r\n\r\n"),
      };
    });
  } finally {
    await http.stop();
  }
}

const PATHS = [...ASSETS.keys(), "/status.json", "/", "/status/"];

Deno.test("statusSite() is not there unless it is configured", () =>
  withServer(false, async (ask) => {
    for (const path of PATHS) assert.equal((await ask("GET", path)).status, 404, path);
    assert.equal((await ask("GET", "/health")).status, 200);
  }));

Deno.test("statusSite() answers every path with the strict headers, GET and HEAD only", () =>
  withServer(true, async (ask) => {
    for (const path of PATHS) {
      const { status, headers, body } = await ask("GET", path);
      const moved = path === "/" || path === "/status/";
      assert.equal(status, moved ? 302 : 200, path);
      const policy = headers.get("content-security-policy") ?? "";
      assert.match(policy, /^default-src 'none'; script-src 'self'; style-src 'self'; /);
      for (
        const rule of ["frame-ancestors 'none'", "base-uri 'none'", "trusted-types 'none'"]
      ) assert(policy.includes(rule), rule);
      assert(!/unsafe|\*|https?:/.test(policy), policy);
      assert.equal(headers.get("x-content-type-options"), "nosniff");
      assert.equal(headers.get("x-frame-options"), "DENY");
      assert.equal(headers.get("referrer-policy"), "no-referrer");
      assert.equal(headers.get("cross-origin-resource-policy"), "same-origin");
      assert.equal(headers.get("cache-control"), "no-store");
      assert.equal(headers.get("access-control-allow-origin"), null);
      const again = await ask("HEAD", path);
      assert.deepEqual([again.status, again.body], [status, ""], path);
      if (moved) assert(!headers.get("location")!.includes("//"), "a redirection stays here");
      else assert(body.length > 100);
      for (const method of ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"]) {
        const refused = await ask(method, path);
        assert.equal(refused.status, 405, `${method} ${path}`);
        assert.equal(refused.headers.get("allow"), "GET, HEAD");
      }
    }
    for (const path of ["/status/../keystore", "/status/%2e%2e/x", "/status/app.ts", "/statusx"]) {
      assert.equal((await ask("GET", path)).status, 404, path);
    }
  }));

Deno.test("statusSite() answers under names of this machine only", () =>
  withServer(true, async (ask) => {
    const own = ["localhost", "localhost:45069", "10.1.2.3:45069", "[::1]:45069", "[2001:db8::1]"];
    for (const host of [...own, "node-a.example.com:45069", "NODE-A.EXAMPLE.COM"]) {
      for (const path of PATHS) assert((await ask("GET", path, host)).status < 400, host + path);
    }
    const foreign = [
      "evil.example",
      "evil.example:45069",
      "localhost.evil.example",
      "127.0.0.1.evil.example",
      "node-a.example.com.evil.example",
      "0x7f000001",
      "127.1",
      "localhost:1:2",
    ];
    for (const host of foreign) {
      for (const path of PATHS) {
        const answer = await ask("GET", path, host);
        assert(answer.status === 421 || answer.status === 400, `${host}${path}: ${answer.status}`);
        assert(!answer.body.includes("transfunctioner"));
      }
      // Prometheus may come by any name.
      if (!host.endsWith(":2")) assert.equal((await ask("GET", "/metrics", host)).status, 200);
    }
  }));

Deno.test("isOwnHost() takes no list, no blank, no user and no missing name", () => {
  const names = new Set(["localhost"]);
  for (
    const host of ["localhost, evil.example", "localhost evil", "a@localhost", "", "[::1", null]
  ) {
    assert.equal(isOwnHost(host, names), false, String(host));
  }
});

Deno.test("the page's files load nothing from elsewhere and make no HTML out of text", () => {
  for (const [path, { text }] of ASSETS) {
    const links = [...text.matchAll(/\b(?:src|href|from|url)\s*[=(]?\s*"([^"]*)"/g)];
    for (const [, target] of links) assert(!/^(?:\w+:|\/)/.test(target!), `${path}: ${target}`);
    const addresses = text.replaceAll("http://www.w3.org/2000/svg", "");
    assert(!/https?:\/\//.test(addresses), path);
    assert(
      !/innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|\beval\b|Function\(/
        .test(text),
      path,
    );
    if (path === "/status") assert(!/<style|\sstyle=|\son\w+=|<script(?![^>]*src=)/.test(text));
  }
});
