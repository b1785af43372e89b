import assert from "node:assert/strict";
import { systemRandom } from "../../lib/arith/random.ts";
import { type Identity, NodeIdentity } from "../../lib/crypto/identity.ts";
import { fromHex, fromUtf8, toHex, utf8 } from "../../lib/encoding/bytes.ts";
import { type Command, NIL_BYTES } from "../../lib/mesh/commands.ts";
import { encodeOneHop } from "../../lib/mesh/envelope.ts";
import { WireError } from "../../lib/mesh/errors.ts";
import { challengeDigest, handshake } from "../../lib/mesh/handshake.ts";
import { Transport } from "../../lib/mesh/transport.ts";
import { VirtualClock } from "../support/virtual_clock.ts";
import { pipe, scripted } from "./pipe.ts";
import { vectorNode, vectors } from "./vectors.ts";

const t = vectors.handshake_transcript;
const c = vectors.challenge;
const x = vectors.transport_keys.vectors[0]!;

Deno.test("challengeDigest() hashes the challenge with its issuer's key (group challenge)", () => {
  const ofA = fromHex(c.challenge_of_A), ofB = fromHex(c.challenge_of_B);
  const keyA = fromHex(c.transport_public_of_A), keyB = fromHex(c.transport_public_of_B);
  assert.equal(toHex(challengeDigest(ofB, keyB)), c.hash_signed_by_A);
  assert.equal(toHex(challengeDigest(ofA, keyA)), c.hash_signed_by_B);
});

Deno.test("handshake() speaks the vector's transcript byte for byte (group handshake_transcript)", async () => {
  const [endA, endB] = pipe();
  const clock = new VirtualClock();
  const randomA = scripted(
    fromHex(x.server_private),
    fromHex(t.nonce_hmac_key_A),
    fromHex(c.challenge_of_A),
  );
  const randomB = scripted(
    fromHex(x.client_private),
    fromHex(t.nonce_hmac_key_B),
    fromHex(c.challenge_of_B),
  );
  const run = async (opening: Promise<Transport>, node: NodeIdentity, random: typeof randomA) =>
    await handshake(await opening, node, { random });
  const [atA, atB] = await Promise.all([
    run(Transport.accept(endA, { clock, random: randomA }), vectorNode("A"), randomA),
    run(Transport.connect(endB, { clock, random: randomB }), vectorNode("B"), randomB),
  ]);
  assert.equal(
    toHex(endA.written()),
    toHex(utf8(t.A_to_B_cleartext_line)) + t.A_hello.frame.frame + t.A_hello_response.frame.frame,
  );
  assert.equal(
    toHex(endB.written()),
    toHex(utf8(t.B_to_A_cleartext_line)) + t.B_hello.frame.frame + t.B_hello_response.frame.frame,
  );
  assert.equal(atA.peer, vectors.identities.B.identity);
  assert.equal(toHex(atA.naclPublic), vectors.identities.B.nacl_public);
  assert.equal(atB.peer, vectors.identities.A.identity);
  assert.equal(toHex(atB.naclPublic), vectors.identities.A.nacl_public);
  assert.deepEqual([...atA.options], [["compression", "none"], ["encoding", "json"]]);
  assert.equal(clock.pending, 0);
});

const us = NodeIdentity.fromPrivateKey(new Uint8Array(32).fill(1));
const peer = NodeIdentity.fromPrivateKey(new Uint8Array(32).fill(2));
const other = NodeIdentity.fromPrivateKey(new Uint8Array(32).fill(3));

/** What our side says when the peer behaves as `play` does. */
async function against(
  play: (peerSide: Transport, say: (command: Command) => Promise<void>) => Promise<void>,
): Promise<{ outcome: string; closed: boolean; heard: string[] }> {
  const [ourEnd, theirEnd] = pipe();
  const clock = new VirtualClock();
  const options = { clock, random: systemRandom };
  const [ours, theirs] = await Promise.all([
    Transport.accept(ourEnd, options),
    Transport.connect(theirEnd, options),
  ]);
  const shaking = handshake(ours, us, { random: systemRandom })
    .then((r) => `peer ${r.peer}`, (error) => {
      assert.ok(error instanceof WireError, `${error}`);
      return `${error.kind}: ${error.message}`;
    });
  await play(theirs, (command) => theirs.send(encodeOneHop(command, peer.identity)));
  await clock.advance(20_000);
  const outcome = await shaking;
  const closed = ours.closed;
  ours.close();
  const heard: string[] = [];
  try {
    for (;;) heard.push(fromUtf8(await theirs.receive()).slice(16, 31));
  } catch {
    // everything was read
  }
  return { outcome, closed, heard };
}

const challenge = new Uint8Array(32).fill(9);
const hello = (changes: Partial<Extract<Command, { type: "hello" }>> = {}): Command => ({
  type: "hello",
  version: 1,
  options: new Map(),
  identity: peer.identity,
  challenge,
  naclPub: peer.naclPublic,
  ...changes,
});

/** Reads our hello and returns its challenge. */
async function theirChallenge(side: Transport): Promise<Uint8Array> {
  const text = fromUtf8(await side.receive());
  return Uint8Array.fromBase64(/"challenge":"([^"]*)"/.exec(text)![1]!);
}

Deno.test("handshake() accepts a peer without options and without encryption key", async () => {
  for (const naclPub of [NIL_BYTES, new Uint8Array(0), new Uint8Array(32), peer.naclPublic]) {
    const { outcome, closed } = await against(async (side, say) => {
      await say(hello({ naclPub }));
      const digest = challengeDigest(await theirChallenge(side), side.peerEphemeral);
      await say({ type: "hello-response", signature: peer.sign(digest) });
    });
    assert.equal(outcome, `peer ${peer.identity}`);
    assert.ok(!closed);
  }
});

Deno.test("handshake() refuses a bad hello before it signs anything", async () => {
  const cases: [Command, RegExp][] = [
    [hello({ version: 2 }), /^handshake: .*protocol version 2/],
    [hello({ version: 0 }), /^handshake: .*protocol version 0/],
    [hello({ challenge: challenge.subarray(1) }), /^handshake: .*not 32 bytes/],
    [hello({ challenge: new Uint8Array(33).fill(1) }), /^handshake: .*not 32 bytes/],
    [hello({ challenge: NIL_BYTES }), /^handshake: .*not 32 bytes/],
    [hello({ challenge: new Uint8Array(32) }), /^handshake: .*all zero/],
    [hello({ naclPub: new Uint8Array(31).fill(1) }), /^handshake: .*encryption key/],
    [hello({ naclPub: new Uint8Array(33).fill(1) }), /^handshake: .*encryption key/],
    [hello({ identity: us.identity }), /^self: .*own identity/],
    [{ type: "ping", originTimestamp: 0n }, /^handshake: .*sent ping where hello is due/],
    [{ type: "busy" }, /^handshake: .*sent busy where hello is due/],
    [{ type: "hello-response", signature: NIL_BYTES }, /^handshake: .*hello-response where hello/],
  ];
  for (const [first, reason] of cases) {
    const { outcome, closed, heard } = await against((_, say) => say(first));
    assert.match(outcome, reason);
    assert.ok(closed);
    assert.deepEqual(heard.map((h) => h.split('"')[0]), ["hello"], "nothing was signed");
  }
});

Deno.test("handshake() refuses our own challenge sent back", async () => {
  const { outcome, heard } = await against(async (side, say) => {
    await say(hello({ challenge: await theirChallenge(side) }));
  });
  assert.match(outcome, /own challenge/);
  assert.deepEqual(heard, []);
});

Deno.test("handshake() refuses a signature by another key or over anything else", async () => {
  const answers: ((side: Transport, given: Uint8Array) => Uint8Array)[] = [
    (side, given) => other.sign(challengeDigest(given, side.peerEphemeral)),
    (side, given) => peer.sign(challengeDigest(given, side.ownEphemeral)),
    (side) => peer.sign(challengeDigest(challenge, side.peerEphemeral)),
    (side, given) => peer.sign(challengeDigest(given, side.peerEphemeral)).subarray(0, 64),
    () => NIL_BYTES,
  ];
  for (const answer of answers) {
    const { outcome, closed } = await against(async (side, say) => {
      await say(hello());
      await say({
        type: "hello-response",
        signature: answer(side, await theirChallenge(side)),
      });
    });
    assert.match(outcome, /^handshake: .*does not prove/);
    assert.ok(closed);
  }
});

Deno.test("handshake() refuses the identity of a node that is merely relayed", async () => {
  // The peer passes our challenge to `other` over a connection of its own; `other` signs for the
  // ephemeral key it saw there.
  const { outcome } = await against(async (side, say) => {
    await say(hello({ identity: other.identity }));
    const relayed = challengeDigest(await theirChallenge(side), side.ownEphemeral);
    await say({ type: "hello-response", signature: other.sign(relayed) });
  });
  assert.match(outcome, /does not prove/);
});

Deno.test("handshake() gives each read four seconds", async () => {
  const silent = await against(async () => {});
  assert.match(silent.outcome, /^deadline/);
  assert.ok(silent.closed);
  const half = await against((_, say) => say(hello()));
  assert.match(half.outcome, /^deadline/);
  assert.ok(half.closed);
});

Deno.test("handshake() closes on messages that do not decode", async () => {
  const id = peer.identity as Identity;
  for (
    const bytes of [
      utf8("{}"),
      encodeOneHop(hello(), id).subarray(1),
      utf8("x".repeat(200)),
    ]
  ) {
    const { outcome, closed } = await against((side) => side.send(bytes));
    assert.match(outcome, /^envelope/);
    assert.ok(closed);
  }
});
