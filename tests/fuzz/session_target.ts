/**
 * Fuzzes whole sessions: what a peer that has shaken hands may send to a node, over a memory
 * network, while an honest session stands beside it.
 *
 * @module
 */

import assert from "node:assert/strict";
import { utf8 } from "../../lib/encoding/bytes.ts";
import { encodeEnvelope } from "../../lib/mesh/envelope.ts";
import { type RawPeer, type TestNode, World } from "../mesh/node_kit.ts";
import type { FuzzTarget } from "./targets.ts";

/** The target; a world lives as long as the target does. */
export function sessionTarget(
  cleartexts: readonly Uint8Array[],
  typed: readonly { readonly type: string; readonly bytes: Uint8Array }[],
): FuzzTarget {
  const world = new World();
  let node: TestNode | undefined;
  let friend: TestNode | undefined;
  let raw: RawPeer | undefined;
  let count = 0;
  const connect = async () => {
    count++;
    raw = await world.raw(`fuzz ${count % 50}`, node!, `10.7.${count % 200}.${count % 250 + 1}`);
    await world.clock.settle();
  };
  return {
    name: "session",
    corpus: [
      ...cleartexts,
      ...typed.flatMap(({ type, bytes }) =>
        ["", "fd55f034e9202aae77b78651e34cb82980117bc5", "0".repeat(40)].map((to) =>
          utf8(`${type}\n${to}\n${new TextDecoder().decode(bytes)}`)
        )
      ),
    ],
    refusals: [],
    async run(input) {
      if (node === undefined) {
        node = world.node("target", { peersWanted: 100 });
        friend = world.node("friend", { connect: [node.address] });
        await world.start();
        await world.clock.advance(100);
      }
      if (raw === undefined || raw.ended) await connect();
      if (raw!.ended) return; // turned away: an address or a name that misbehaved a moment ago
      await raw!.transport.send(input.length === 0 ? Uint8Array.of(0) : input).catch(() => {});
      // The same once more with an envelope around it that is in order.
      const [type = "", to = "", ...rest] = new TextDecoder().decode(input).split("\n");
      if (rest.length > 0 && /^[ -~]{0,64}$/.test(type) && !/["\\<>&]/.test(type)) {
        const destination = to === "" ? {} : {
          destination: to === "0".repeat(40) ? to : node.key.identity,
        };
        await raw!.transport.send(encodeEnvelope({
          payloadType: type,
          origin: raw!.key.identity,
          ttl: 8,
          ...destination as object,
        }, utf8(rest.join("\n")))).catch(() => {});
      }
      await world.clock.advance(20);
      const honest = node.mesh.sessions().some((s) => s.identity === friend!.key.identity);
      assert.ok(honest, "the honest session ended");
      assert.ok(!node.log.has("error", ""), "the node logged an error");
      if (node.log.lines.length > 1_000) (node.log.lines as unknown[]).length = 0;
    },
  };
}
