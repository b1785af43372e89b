/**
 * A session whose peer hangs up early: what has arrived still counts.
 */

import assert from "node:assert/strict";
import { WireError } from "../../lib/mesh/errors.ts";
import { type FrameLink, Session } from "../../lib/mesh/session.ts";
import { VirtualClock } from "../support/virtual_clock.ts";
import { keyOf } from "./node_kit.ts";

/** A link on which nothing can be written; frames come from `arrive`, the end from `hangUp`. */
class BrokenLink implements FrameLink {
  closed = false;
  #frames: Uint8Array[] = [];
  #over = false;
  #wake: (() => void) | null = null;

  send(): Promise<void> {
    return Promise.reject(new WireError("closed", "Broken pipe"));
  }

  async receive(): Promise<Uint8Array> {
    for (;;) {
      const frame = this.#frames.shift();
      if (frame !== undefined) return frame;
      if (this.#over) throw new WireError("closed", "Cannot read: the peer closed");
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
  }

  arrive(...frames: Uint8Array[]): void {
    this.#frames.push(...frames);
    this.#wake?.();
  }

  hangUp(): void {
    this.#over = true;
    this.#wake?.();
  }

  close(): void {
    this.closed = true;
    this.hangUp();
  }
}

function opened() {
  const clock = new VirtualClock();
  const link = new BrokenLink();
  const frames: number[] = [];
  const ends: string[] = [];
  const session = new Session(
    {
      peer: keyOf("client").identity,
      nacl: null,
      options: new Map(),
      dialled: null,
      remote: { host: "127.0.0.1", port: 1 },
    },
    link,
    clock,
    {
      ping: () => new Uint8Array([0]),
      frame: (_, cleartext) => {
        frames.push(cleartext[0]!);
        return 0;
      },
      ended: (_, reason) => ends.push(reason),
    },
  );
  session.start();
  session.promote([new Uint8Array([9])]);
  return { clock, link, frames, ends, session };
}

Deno.test("Session reads what a peer sent before it hung up, though writing fails", async () => {
  const { clock, link, frames, ends, session } = opened();
  await clock.advance(0);
  assert.deepEqual(ends, [], "a failed write alone ends nothing yet");
  assert.equal(await session.send("own", new Uint8Array([8])), false);
  link.arrive(new Uint8Array([1]), new Uint8Array([2]));
  link.hangUp();
  await clock.advance(0);
  assert.deepEqual(frames, [1, 2]);
  assert.deepEqual(ends, ["write failed: Broken pipe"]);
  assert.ok(link.closed);
});

Deno.test("Session ends soon after a failed write even if the peer stays silent", async () => {
  const { clock, link, ends } = opened();
  await clock.advance(1_999);
  assert.deepEqual(ends, []);
  await clock.advance(1);
  assert.deepEqual(ends, ["write failed: Broken pipe"]);
  assert.ok(link.closed);
});
