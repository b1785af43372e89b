/**
 * Puts a real protocol run into the place of one recorded party: it hears what that party heard,
 * and every message it sends must equal the recorded one.
 *
 * @module
 */

import assert from "node:assert/strict";
import { fromHex } from "../../../lib/encoding/bytes.ts";
import { type Json, type JsonObject, stringifyJson } from "../../../lib/encoding/json.ts";
import type { Channel } from "../../../lib/tss/channel.ts";
import { resharingMessages } from "../../../lib/tss/eddsa/messages.ts";
import type { Committee } from "../../../lib/tss/errors.ts";
import { at, heard, reaches, type RecordedMessage, testdata, type Transcript } from "../replay.ts";
import type { Seat } from "../local_run.ts";

/** A channel that replays, and remembers what was sent. */
export interface ReplayChannel extends Channel {
  /** Checks that the run sent exactly what the recorded party sent, to the same receivers. */
  assertSaidEverything(): void;
}

/** Replays `transcript` to the party in `seat`. */
export function replayChannel(transcript: Transcript, seat: Seat, task: string): ReplayChannel {
  const sent: string[] = [];
  const line = (from: Committee, committee: string, to: number, type: string, content: string) =>
    `${from} ${committee}/${to} ${type} ${content}`;
  return {
    send({ type, from, addresses, broadcast, content }) {
      const recorded = transcript.messages.find((m) => m.type === type && m.fromRole === from)!;
      assert.equal(broadcast, recorded.broadcast, `${type} broadcast flag`);
      for (const { committee, to } of addresses) {
        for (const j of to) sent.push(line(from, committee, j, type, stringifyJson(content)));
      }
    },
    collect(spec, parties) {
      const room: Committee = spec.from === "single"
        ? "single"
        : spec.from === "old" || (spec.round > 2 && seat.new !== undefined)
        ? "new"
        : "old";
      const contents = heard(transcript, spec, seat[room]!, room, task);
      const missing = parties.filter((j) => !contents.has(j));
      assert.deepEqual(missing, [], `${transcript.file}: ${spec.type} not recorded`);
      return Promise.resolve(new Map(parties.map((j) => [j, contents.get(j)!])));
    },
    progress() {},
    breathe: () => Promise.resolve(),
    assertSaidEverything() {
      const expected: string[] = [];
      for (const m of transcript.messages) {
        if (seat[m.fromRole] !== m.from) continue;
        for (const [room, size] of Object.entries(sizes(transcript)) as [Committee, number][]) {
          for (let j = 0; j < size; j++) {
            if (!reaches(m, room, j)) continue;
            expected.push(line(m.fromRole, room, j, m.type, stringifyJson(m.content)));
          }
        }
      }
      assert.deepEqual(sent.toSorted(), expected.toSorted());
      assert.notEqual(expected.length, 0);
    },
  };
}

function sizes(t: Transcript): Partial<Record<Committee, number>> {
  return t.parties.length > 0
    ? { single: t.parties.length }
    : { old: t.oldParties.length, new: t.newParties.length };
}

/** The earlier transcript file, brought into the form of the others; `detail` is its raw object. */
export function earlyTranscript(
  phase: "keygen" | "signing" | "resharing",
): { transcript: Transcript; detail: JsonObject } {
  const json = testdata("eddsa-transcript.json");
  const detail = at(json, phase) as JsonObject;
  const parties = (name: string) =>
    ((detail.get(name) ?? []) as string[]).map((hex) => ({
      identity: "",
      key: BigInt(`0x${hex}`),
    }));
  const number = (name: string) => Number(detail.get(name) ?? -1n);
  const messages = (at(json, "messages") as Json[])
    .filter((m) => at(m, "phase") === phase)
    .map((m): RecordedMessage => {
      const spec = resharingMessages.find((s) => s.type === at(m, "t"));
      const to = at(m, "to") as bigint | null;
      const toRole = { 1: "new", 2: "old", 3: "new", 4: "both" } as const;
      const round = Number(at(m, "round")) as 1 | 2 | 3 | 4;
      return {
        round,
        from: Number(at(m, "from")),
        fromRole: spec?.from ?? "single",
        to: to === null ? null : [Number(to)],
        toRole: spec === undefined ? "single" : toRole[round],
        broadcast: to === null,
        flags: 0,
        type: at(m, "t") as string,
        content: at(m, "c"),
      };
    });
  const transcript: Transcript = {
    file: "eddsa-transcript.json",
    ceremonyId: fromHex(detail.get("ceremonyID") as string),
    parties: parties("keys"),
    oldParties: parties("oldKeys"),
    newParties: parties("newKeys"),
    threshold: number("t"),
    oldThreshold: number("oldT"),
    newThreshold: number("newT"),
    signed: fromHex((detail.get("msg") ?? "") as string),
    messages,
    publicResult: new Map(),
    secrets: new Map(),
  };
  return { transcript, detail };
}
