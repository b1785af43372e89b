/**
 * All parties of a ceremony in one thread, with what the wire costs: each content is written once
 * and read once by every receiver.
 *
 * @module
 */

import { parseJson, stringifyJson } from "../lib/encoding/json.ts";
import type { Channel, MessageSpec } from "../lib/tss/channel.ts";
import type { Committee } from "../lib/tss/errors.ts";
import type { Seat } from "../tests/tss/local_run.ts";

/** What a run brought, and what crossed between the parties. */
export interface Counted<T> {
  readonly results: T[];
  /** Once per receiver. */
  readonly messages: number;
  readonly bytes: number;
}

interface Waiter {
  readonly spec: MessageSpec<unknown>;
  readonly parties: readonly number[];
  readonly resolve: (heard: Map<number, unknown>) => void;
  readonly reject: (error: unknown) => void;
}

const slot = (from: Committee, index: number, type: string) => `${from}/${index}/${type}`;

/** Runs all parties to their end; throws the first failure. */
export async function runLocally<T>(
  seats: readonly Seat[],
  run: (seat: number, channel: Channel) => Promise<T>,
): Promise<Counted<T>> {
  let messages = 0;
  let bytes = 0;
  const texts = seats.map(() => new Map<string, string>());
  const waiters = seats.map(() => new Set<Waiter>());

  const settle = (seat: number) => {
    for (const waiter of [...waiters[seat]!]) {
      const { spec, parties, resolve, reject } = waiter;
      const keys = parties.map((i) => slot(spec.from, i, spec.type));
      if (!keys.every((k) => texts[seat]!.has(k))) continue;
      waiters[seat]!.delete(waiter);
      try {
        const read = (k: string) => spec.parse(parseJson(texts[seat]!.get(k)!));
        resolve(new Map(parties.map((i, at) => [i, read(keys[at]!)])));
      } catch (error) {
        reject(error);
      }
    }
  };

  const channel = (seat: number): Channel => ({
    send(message) {
      const text = stringifyJson(message.content);
      const key = slot(message.from, seats[seat]![message.from]!, message.type);
      for (const { committee, to } of message.addresses) {
        for (const index of to) {
          const receiver = seats.findIndex((s) => s[committee] === index);
          if (receiver !== seat) {
            messages++;
            bytes += text.length;
          }
          if (texts[receiver]!.has(key)) continue;
          texts[receiver]!.set(key, text);
          settle(receiver);
        }
      }
    },
    collect: <U>(spec: MessageSpec<U>, parties: readonly number[]) =>
      new Promise<Map<number, U>>((resolve, reject) => {
        const taken = resolve as (heard: Map<number, unknown>) => void;
        waiters[seat]!.add({ spec, parties, resolve: taken, reject });
        settle(seat);
      }),
    progress() {},
    breathe: () => Promise.resolve(),
  });

  const results = await Promise.all(seats.map((_, seat) => run(seat, channel(seat))));
  return { results, messages, bytes };
}
