import assert from "node:assert/strict";
import { systemRandom } from "../../lib/arith/random.ts";
import { concat, fromHex, fromUtf8, toHex, utf8 } from "../../lib/encoding/bytes.ts";
import { WireError } from "../../lib/mesh/errors.ts";
import { FrameSealer, MAX_CLEARTEXT_BYTES } from "../../lib/mesh/frames.ts";
import { NonceSequence } from "../../lib/mesh/nonces.ts";
import { MAX_BACKLOG_BYTES, Transport } from "../../lib/mesh/transport.ts";
import { VirtualClock } from "../support/virtual_clock.ts";
import { pipe, type PipeEnd, scripted, settle } from "./pipe.ts";
import { vectors } from "./vectors.ts";

const x = vectors.transport_keys.vectors[0]!;

/** Asserts a rejection with a WireError of this kind. */
async function rejects(work: Promise<unknown>, kind: string): Promise<void> {
  await assert.rejects(work, (error) => {
    assert.ok(error instanceof WireError, `${error}`);
    assert.equal(error.kind, kind, error.message);
    return true;
  });
}

/** Two transports over a pipe. */
async function connected(chunk?: number): Promise<
  {
    server: Transport;
    client: Transport;
    serverEnd: PipeEnd;
    clientEnd: PipeEnd;
    clock: VirtualClock;
  }
> {
  const [serverEnd, clientEnd] = pipe(chunk);
  const clock = new VirtualClock();
  const options = { clock, random: systemRandom };
  const [server, client] = await Promise.all([
    Transport.accept(serverEnd, options),
    Transport.connect(clientEnd, options),
  ]);
  return { server, client, serverEnd, clientEnd, clock };
}

Deno.test("Transport carries messages both ways, however the stream is cut", async () => {
  for (const chunk of [1, 7, 45, 1 << 20]) {
    const { server, client, serverEnd, clock } = await connected(chunk);
    assert.deepEqual(server.peerEphemeral, client.ownEphemeral);
    assert.deepEqual(client.peerEphemeral, server.ownEphemeral);
    const messages = ["a", "b".repeat(1000), "c".repeat(20_000)].map(utf8);
    const sending = Promise.all(messages.map((m) => server.send(m)));
    for (const m of messages) assert.deepEqual(await client.receive(), m);
    await sending;
    await client.send(utf8("back"));
    assert.equal(fromUtf8(await server.receive()), "back");
    assert.equal(clock.pending, 0);
    assert.equal(server.backlog, 0);
    assert.ok(!toHex(serverEnd.written()).includes(toHex(utf8("bbbbbbbb"))));
  }
});

Deno.test("Transport writes small frames of one turn together, and large ones alone", async () => {
  const { server, client, serverEnd } = await connected();
  const before = serverEnd.sent.length;
  const texts = Array.from({ length: 50 }, (_, i) => `message ${i}`);
  await Promise.all(texts.map((text) => server.send(utf8(text))));
  assert.equal(serverEnd.sent.length - before, 1);
  for (const text of texts) assert.equal(fromUtf8(await client.receive()), text);
  const large = new Uint8Array(60_000).fill(1);
  await Promise.all([server.send(large), server.send(large), server.send(utf8("end"))]);
  assert.equal(serverEnd.sent.length - before, 3, "the last one goes with the second");
  for (const size of [60_000, 60_000, 3]) assert.equal((await client.receive()).length, size);
});

Deno.test("Transport carries the largest message and refuses a larger one without closing", async () => {
  const { server, client } = await connected();
  const largest = new Uint8Array(MAX_CLEARTEXT_BYTES).fill(1);
  await rejects(server.send(new Uint8Array(MAX_CLEARTEXT_BYTES + 1)), "too-large");
  await rejects(server.send(new Uint8Array(0)), "too-large");
  const sending = server.send(largest);
  assert.deepEqual(await client.receive(), largest);
  await sending;
  assert.ok(!server.closed);
});

Deno.test("Transport speaks the vectors' key exchange, server first", async () => {
  const [serverEnd, clientEnd] = pipe();
  const clock = new VirtualClock();
  const accepting = Transport.accept(serverEnd, {
    clock,
    random: scripted(fromHex(x.server_private), new Uint8Array(24)),
  });
  await settle();
  assert.equal(fromUtf8(serverEnd.written()), x.server_transport_request_utf8);
  const connecting = Transport.connect(clientEnd, {
    clock,
    random: scripted(fromHex(x.client_private), new Uint8Array(24)),
  });
  const [server, client] = await Promise.all([accepting, connecting]);
  assert.equal(fromUtf8(clientEnd.written()), x.client_transport_request_utf8);
  assert.equal(toHex(server.peerEphemeral), x.client_public);
  assert.equal(toHex(client.ownEphemeral), x.client_public);
});

Deno.test("Transport keeps what follows the newline for the frames", async () => {
  const [serverEnd, line] = pipe();
  const key = new FrameSealer(fromHex(x.c2s_key), new NonceSequence(new Uint8Array(24).fill(5)));
  line.inject(
    concat(utf8(x.client_transport_request_utf8), key.seal(utf8("one")), key.seal(utf8("two"))),
  );
  const server = await Transport.accept(serverEnd, {
    clock: new VirtualClock(),
    random: scripted(fromHex(x.server_private), new Uint8Array(24)),
  });
  assert.equal(fromUtf8(await server.receive()), "one");
  assert.equal(fromUtf8(await server.receive()), "two");
});

Deno.test("Transport closes on a bad key exchange and says nothing secret", async () => {
  const good = x.client_transport_request_utf8;
  const cases: [string, string][] = [
    ["\n", "key-exchange"],
    [good.replace("2", "1"), "key-exchange"],
    [x.server_transport_request_utf8, "key-exchange"], // our own key, reflected
    ["x".repeat(4096) + "\n", "key-exchange"],
    ["x".repeat(5000), "key-exchange"],
    [good.slice(0, -1) + " ".repeat(4096 - good.length) + " \n", "key-exchange"],
  ];
  for (const [bytes, kind] of cases) {
    const [serverEnd, line] = pipe();
    line.inject(utf8(bytes));
    await rejects(
      Transport.accept(serverEnd, {
        clock: new VirtualClock(),
        random: scripted(fromHex(x.server_private)),
      }),
      kind,
    );
    assert.ok(serverEnd.closed);
  }
  const [serverEnd, line] = pipe();
  line.inject(utf8(good.slice(0, -1) + " ".repeat(4096 - good.length) + "\n"));
  const fits = await Transport.accept(serverEnd, {
    clock: new VirtualClock(),
    random: scripted(fromHex(x.server_private), new Uint8Array(24)),
  });
  assert.equal(toHex(fits.peerEphemeral), x.client_public);
});

Deno.test("Transport.connect() answers nothing to a server it refuses", async () => {
  const [clientEnd, line] = pipe();
  const nist = vectors.transport_keys.vectors[3]!;
  line.inject(utf8(nist.server_transport_request_utf8));
  const options = { clock: new VirtualClock(), random: systemRandom };
  await rejects(Transport.connect(clientEnd, options), "key-exchange");
  assert.equal(clientEnd.written().length, 0);
  assert.ok(clientEnd.closed);
});

Deno.test("Transport gives the whole key exchange five seconds", async () => {
  const [serverEnd, line] = pipe();
  const clock = new VirtualClock();
  const accepting = rejects(
    Transport.accept(serverEnd, { clock, random: systemRandom }),
    "deadline",
  );
  for (let s = 0; s < 4; s++) { // a trickle does not extend the deadline
    await clock.advance(1000);
    line.inject(utf8("{"));
  }
  assert.ok(!serverEnd.closed);
  await clock.advance(1000);
  await accepting;
  assert.ok(serverEnd.closed);
});

Deno.test("Transport.receive() closes when the same frame comes again", async () => {
  const { server, client, serverEnd } = await connected();
  const before = serverEnd.written().length;
  await server.send(utf8("pay"));
  const frame = serverEnd.written().subarray(before);
  assert.equal(fromUtf8(await client.receive()), "pay");
  serverEnd.inject(frame);
  await rejects(client.receive(), "replay");
  assert.ok(client.closed);
  assert.equal(client.fault?.kind, "replay");
  await rejects(client.receive(), "replay");
  await rejects(client.send(utf8("x")), "replay");
});

Deno.test("Transport.receive() closes on garbage, on reflected frames and on truncation", async () => {
  const garbage = await connected();
  garbage.serverEnd.inject(systemRandom(44));
  await rejects(garbage.client.receive(), "frame");

  const reflected = await connected();
  const before = reflected.clientEnd.written().length;
  await reflected.client.send(utf8("hello"));
  reflected.serverEnd.inject(reflected.clientEnd.written().subarray(before));
  await rejects(reflected.client.receive(), "frame");

  for (const length of [0, 20, 44, 60]) {
    const [serverEnd, line] = pipe();
    const peer = new FrameSealer(fromHex(x.c2s_key), new NonceSequence(new Uint8Array(24)));
    line.inject(utf8(x.client_transport_request_utf8));
    line.inject(peer.seal(utf8("never whole")).subarray(0, length));
    line.close();
    const server = await Transport.accept(serverEnd, {
      clock: new VirtualClock(),
      random: scripted(fromHex(x.server_private), new Uint8Array(24)),
    });
    await rejects(server.receive(), "closed");
    assert.ok(serverEnd.closed);
  }
});

Deno.test("Transport.receive() gives one frame one deadline", async () => {
  const { server, client, serverEnd, clientEnd, clock } = await connected();
  const receiving = client.receive();
  await clock.advance(36_999);
  assert.ok(!client.closed);
  await server.send(utf8("in time"));
  assert.equal(fromUtf8(await receiving), "in time");

  const slow = rejects(client.receive(4000), "deadline");
  for (let i = 0; i < 4; i++) { // a trickle does not extend the deadline
    serverEnd.inject(systemRandom(10));
    await clock.advance(1000);
  }
  await slow;
  assert.ok(clientEnd.closed);
  assert.equal(clock.pending, 0);
});

Deno.test("Transport.send() closes when the peer does not read for four seconds", async () => {
  const { server, serverEnd, clock } = await connected();
  serverEnd.hold = true;
  const first = rejects(server.send(utf8("stuck")), "deadline");
  const second = rejects(server.send(utf8("behind")), "deadline");
  await clock.advance(4000);
  await first;
  await second;
  assert.ok(serverEnd.closed);
  assert.equal(server.backlog, 0);
});

Deno.test("Transport.send() bounds what waits for a slow peer", async () => {
  const { server, serverEnd, clock } = await connected();
  serverEnd.hold = true;
  const big = new Uint8Array(MAX_CLEARTEXT_BYTES);
  const waiting: Promise<void>[] = [];
  while (server.backlog + big.length <= MAX_BACKLOG_BYTES) {
    waiting.push(server.send(big));
  }
  assert.equal(waiting.length, 15);
  await rejects(server.send(big), "backlog");
  assert.ok(!server.closed);
  const settled = Promise.allSettled(waiting);
  server.close();
  assert.equal(server.fault?.kind, "closed");
  await clock.advance(4000); // this pipe keeps a held write waiting even when closed
  assert.ok((await settled).every((one) => one.status === "rejected"));
  assert.equal(server.backlog, 0);
});

Deno.test("Transport.receive() refuses to run twice at once", async () => {
  const { client, server } = await connected();
  const first = client.receive();
  await assert.rejects(client.receive(), TypeError);
  await server.send(utf8("x"));
  await first;
});

Deno.test("Transport.receive() still gives what arrived after a write has failed", async () => {
  const { server, client, serverEnd } = await connected();
  await client.send(utf8("one"));
  await client.send(utf8("two"));
  client.close();
  serverEnd.write = () => Promise.reject(new Error("Broken pipe"));
  await rejects(server.send(utf8("x")), "closed");
  await rejects(server.send(utf8("y")), "closed");
  assert.ok(!server.closed);
  assert.equal(fromUtf8(await server.receive()), "one");
  assert.equal(fromUtf8(await server.receive()), "two");
  await rejects(server.receive(), "closed");
  assert.ok(server.closed && serverEnd.closed);
  assert.equal(server.backlog, 0);
});
