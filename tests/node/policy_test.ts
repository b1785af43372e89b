import assert from "node:assert/strict";
import fc from "fast-check";
import { fromUtf8, utf8 } from "../../lib/encoding/bytes.ts";
import type { Connection } from "../../lib/mesh/net.ts";
import { denoNet } from "../../lib/node/deno_net.ts";
import { HttpPolicy, MAX_ANSWER, MAX_ASKED, readAnswer } from "../../lib/node/policy.ts";
import { collectingLogger } from "../../lib/observe/logger.ts";
import { asksBoth, consentServer } from "../support/consent_server.ts";
import { VirtualClock } from "../support/virtual_clock.ts";

const http = (body: string, head = "HTTP/1.1 200 OK", headers = "") =>
  utf8(`${head}\r\nContent-Length: ${utf8(body).length}\r\n${headers}\r\n${body}`);

/** A connection that gives `answer` in pieces of `piece` bytes, and then is quiet or ends. */
function connection(answer: Uint8Array, piece: number, end: "quiet" | "eof") {
  let at = 0;
  let closed = false;
  const hanging = Promise.withResolvers<number | null>();
  const written: string[] = [];
  const conn: Connection = {
    remote: { host: "127.0.0.1", port: 1 },
    read: (into) => {
      if (at >= answer.length) return end === "eof" ? Promise.resolve(null) : hanging.promise;
      const part = answer.subarray(at, at + Math.min(piece, into.length));
      into.set(part);
      at += part.length;
      return Promise.resolve(part.length);
    },
    write: (bytes) => {
      written.push(fromUtf8(bytes.subarray(0, 100)));
      return Promise.resolve(Math.min(100, bytes.length));
    },
    close: () => {
      closed = true;
      hanging.resolve(null);
    },
  };
  return { conn, written, closed: () => closed };
}

function policyOver(dial: () => Promise<Connection>, clock = new VirtualClock()) {
  const log = collectingLogger();
  const target = { via: "http" as const, host: "127.0.0.1", port: 8080, path: "/ask?a=1" };
  return { log, clock, policy: new HttpPolicy({ target, dial, clock, log, timeoutMs: 5_000 }) };
}

Deno.test("HttpPolicy posts the request as JSON and takes the answer", async () => {
  for (const piece of [1, 7, 10_000]) {
    for (const end of ["quiet", "eof"] as const) {
      const answer = http('{"allow":true}');
      const { conn, written, closed } = connection(answer, piece, end);
      const { policy, clock } = policyOver(() => Promise.resolve(conn));
      const facts = { ceremony: "ab", kind: "sign", committee: ["x".repeat(300)] };
      assert.equal((await policy.ask(facts)).allow, true);
      const sent = written.join("");
      assert(sent.startsWith("POST /ask?a=1 HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n"));
      const body = sent.slice(sent.indexOf("\r\n\r\n") + 4);
      assert.deepEqual(JSON.parse(body), { schema: "transfunctioner/consent/1", ...facts });
      assert.match(sent, new RegExp(`Content-Length: ${body.length}\r\n`));
      assert(closed());
      assert.equal(clock.pending, 0);
    }
  }
});

Deno.test("readAnswer() takes a yes, a no with its reason, and chunks", () => {
  assert.equal(readAnswer(http('{"allow":true}')).allow, true);
  assert.deepEqual(readAnswer(http('{"allow":false,"reason":"too\\u0007 much"}')), {
    allow: false,
    reason: "too? much",
  });
  assert.equal(readAnswer(http('{"allow":false}')).reason, "denied by policy");
  const chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" +
    '8\r\n{"allow"\r\n6\r\n:true}\r\n0\r\n\r\n';
  assert.equal(readAnswer(utf8(chunked)).allow, true);
  assert.equal(readAnswer(utf8('HTTP/1.0 200\r\n\r\n{"allow":true}')).allow, true);
});

const YES = '{"allow":true}';
const bad: [name: string, answer: Uint8Array][] = [
  ["nothing", new Uint8Array(0)],
  ["no HTTP", utf8(YES)],
  ["another status", http(YES, "HTTP/1.1 201 Created")],
  ["a redirection", http(YES, "HTTP/1.1 302 Found", "Location: http://127.0.0.1/yes\r\n")],
  ["an error", http(YES, "HTTP/1.1 500 No")],
  ["another protocol", http(YES, "HTTP/2 200 OK")],
  ["a text", http('"allow"')],
  ["a list", http("[true]")],
  ["no allow", http('{"reason":"yes"}')],
  ["allow as a text", http('{"allow":"true"}')],
  ["allow as a number", http('{"allow":1}')],
  ["allow twice", http('{"allow":false,"allow":true}')],
  ["an unknown field", http('{"allow":true,"sure":true}')],
  ["a reason that is no text", http('{"allow":true,"reason":1}')],
  ["something behind it", http(YES + "x")],
  ["a body longer than it says", utf8(`HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n${YES}`)],
  ["a body shorter than it says", utf8(`HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n${YES}`)],
  ["a negative length", utf8(`HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n${YES}`)],
  ["two lengths", http(YES, "HTTP/1.1 200 OK", `Content-Length: ${YES.length}\r\n`)],
  ["both framings", http(YES, "HTTP/1.1 200 OK", "Transfer-Encoding: chunked\r\n")],
  ["a folded header", http(YES, "HTTP/1.1 200 OK", "X: a\r\n b: c\r\n")],
  ["bytes that are no text", new Uint8Array([...http("{}").subarray(0, -2), 0xff, 0xfe])],
  ["a cut chunk", utf8("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n20\r\n" + YES)],
];
for (const [name, answer] of bad) {
  Deno.test(`HttpPolicy takes ${name} for a no`, async () => {
    const { conn } = connection(answer, 1_000, "eof");
    const { policy, log } = policyOver(() => Promise.resolve(conn));
    const { allow, reason } = await policy.ask({ ceremony: "ab" });
    assert.equal(allow, false);
    // The requester learns nothing of what is behind this node.
    assert.equal(reason, "the policy of this node gave no answer");
    assert.equal(log.lines.length, 1);
  });
}

Deno.test("HttpPolicy says yes to nothing that is not a plain yes", async () => {
  await fc.assert(fc.asyncProperty(fc.json(), fc.nat(600), async (body, status) => {
    const { conn } = connection(http(body, `HTTP/1.1 ${status} X`), 50, "eof");
    const { allow } = await policyOver(() => Promise.resolve(conn)).policy.ask({});
    const value = JSON.parse(body);
    const plain = status === 200 && value !== null && value.allow === true;
    assert(!allow || plain);
  }));
});

Deno.test("HttpPolicy waits no longer than it was told, at any point", async () => {
  const slow = connection(http(YES).subarray(0, 20), 1, "quiet");
  const ends: (() => Promise<Connection>)[] = [
    () => new Promise(() => {}),
    () => Promise.resolve(slow.conn),
    () =>
      Promise.resolve({
        ...connection(http(YES), 9, "eof").conn,
        write: () => new Promise(() => {}),
      }),
  ];
  for (const dial of ends) {
    const { policy, clock, log } = policyOver(dial);
    const answer = policy.ask({});
    await clock.advance(5_001);
    assert.equal((await answer).allow, false);
    assert(log.has("warn", "no answer"));
    assert.equal(clock.pending, 0);
  }
  assert(slow.closed());
  const refused = policyOver(() => Promise.reject(new Error("connection refused")));
  assert.equal((await refused.policy.ask({})).allow, false);
});

Deno.test("HttpPolicy bounds what it reads and how much it asks at once", async () => {
  const flood = connection(http("x".repeat(MAX_ANSWER * 4)), 4_096, "eof");
  assert.equal((await policyOver(() => Promise.resolve(flood.conn)).policy.ask({})).allow, false);
  let dials = 0;
  const { policy } = policyOver(() => {
    dials++;
    return new Promise(() => {});
  });
  for (let n = 0; n < MAX_ASKED; n++) void policy.ask({});
  assert.equal((await policy.ask({})).allow, false);
  assert.equal(dials, MAX_ASKED);
});

Deno.test("HttpPolicy gets its answer from a real server by TCP", async () => {
  await using server = consentServer({ hostname: "127.0.0.1", port: 0 });
  const { port } = server.addr as Deno.NetAddr;
  await asksBoth({
    target: { via: "http", host: "127.0.0.1", port, path: "/" },
    dial: (ms) => denoNet.dial("127.0.0.1", port, ms),
  });
});
