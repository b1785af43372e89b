/**
 * Runs all parties of a protocol in one thread over in-memory channels: deterministic, without
 * clocks, with a hook that may change, replace or swallow any message on its way.
 *
 * Contents cross as JSON text, so every run also exercises writers and parsers.
 *
 * @module
 */

import type { Address, Channel, MessageSpec } from "../../lib/tss/channel.ts";
import { type Committee, ContentError, ProtocolError } from "../../lib/tss/errors.ts";
import { type Json, type JsonInput, parseJson, stringifyJson } from "../../lib/encoding/json.ts";

/** Where one node sits: an index per committee it belongs to. */
export type Seat = Partial<Record<Committee, number>>;

/** One message on its way to one node. */
export interface Flight {
  /** Positions in the list of seats. */
  readonly fromSeat: number;
  readonly toSeat: number;
  /** In which role, and with which index, the sender speaks. */
  readonly from: Committee;
  readonly index: number;
  readonly type: string;
  readonly broadcast: boolean;
  /** A private copy: a tamper hook may change it in place. */
  readonly content: Json;
}

/** Sees each message before delivery: returns what to deliver instead, or `null` to swallow it. */
export type Tamper = (flight: Flight) => Json | JsonInput | null;

/** What a node awaited when nothing could move any more. */
export class Stalled extends Error {
  override readonly name = "Stalled";
  /** `waitingFor` lists `type` and missing party indices. */
  constructor(readonly waitingFor: string) {
    super(`Stalled: waiting for ${waitingFor}`);
  }
}

/** How a run ended, per seat. */
export interface LocalOutcome<T> {
  readonly results: PromiseSettledResult<T>[];
  /** Every message that was sent, once per receiver, as delivered. */
  readonly flights: Flight[];
}

interface Waiter {
  readonly spec: MessageSpec<unknown>;
  readonly parties: readonly number[];
  settle(): boolean;
  fail(error: Error): void;
}

class Desk {
  readonly slots = new Map<string, { value?: unknown; error?: Error }>();
  readonly early = new Map<string, Json>();
  readonly waiters = new Set<Waiter>();
  done = false;
}

const slot = (from: Committee, index: number, type: string) => `${from}/${index}/${type}`;

/**
 * Runs `run(seat number, channel)` for every seat to the end and reports each outcome. A node
 * that can never go on (its partner failed or a message was swallowed) rejects with
 * {@link Stalled}.
 */
export async function localRun<T>(
  task: string,
  seats: readonly Seat[],
  run: (seat: number, channel: Channel) => Promise<T>,
  tamper: Tamper = (flight) => flight.content,
): Promise<LocalOutcome<T>> {
  const desks = seats.map(() => new Desk());
  const flights: Flight[] = [];

  const endIfStalled = () => {
    const open = desks.filter((d) => !d.done);
    if (open.length === 0 || open.some((d) => d.waiters.size === 0)) return;
    for (const desk of open) {
      for (const waiter of [...desk.waiters]) {
        desk.waiters.delete(waiter);
        const missing = waiter.parties.filter((i) =>
          !desk.early.has(slot(waiter.spec.from, i, waiter.spec.type))
        );
        waiter.fail(new Stalled(`${waiter.spec.type} of ${waiter.spec.from} ${missing}`));
      }
    }
  };

  const deliver = (flight: Flight) => {
    const changed = tamper(flight);
    if (changed === null) return;
    const content = parseJson(stringifyJson(changed));
    flights.push({ ...flight, content });
    const desk = desks[flight.toSeat]!;
    const key = slot(flight.from, flight.index, flight.type);
    if (desk.early.has(key)) return; // the first one wins, repeats are dropped
    desk.early.set(key, content);
    for (const waiter of [...desk.waiters]) if (waiter.settle()) desk.waiters.delete(waiter);
  };

  const channelOf = (seat: number): Channel => ({
    send(message) {
      const index = seats[seat]![message.from];
      if (index === undefined) throw new Error(`Seat ${seat} does not speak as ${message.from}`);
      const text = stringifyJson(message.content);
      for (const [toSeat] of receivers(seats, seat, message.from, message.addresses)) {
        deliver({
          fromSeat: seat,
          toSeat,
          from: message.from,
          index,
          type: message.type,
          broadcast: message.broadcast,
          content: parseJson(text),
        });
      }
    },
    collect<U>(spec: MessageSpec<U>, parties: readonly number[]): Promise<Map<number, U>> {
      const desk = desks[seat]!;
      return new Promise((resolve, reject) => {
        const settle = () => {
          const heard = new Map<number, U>();
          for (const index of parties) {
            const content = desk.early.get(slot(spec.from, index, spec.type));
            if (content === undefined) continue;
            try {
              heard.set(index, spec.parse(content));
            } catch (error) {
              if (!(error instanceof ContentError)) {
                reject(error);
                return true;
              }
              reject(
                new ProtocolError({
                  task,
                  round: spec.round,
                  reason: `malformed ${spec.type}: ${error.message}`,
                  culprits: [index],
                  committee: spec.from,
                }),
              );
              return true;
            }
          }
          if (heard.size < parties.length) return false;
          resolve(heard);
          return true;
        };
        if (settle()) return;
        desk.waiters.add({ spec, parties, settle, fail: reject });
        endIfStalled();
      });
    },
    progress() {},
    breathe: () => Promise.resolve(),
  });

  const results = await Promise.allSettled(seats.map(async (_, seat) => {
    try {
      return await run(seat, channelOf(seat));
    } finally {
      desks[seat]!.done = true;
      desks[seat]!.waiters.clear();
      endIfStalled();
    }
  }));
  return { results, flights };
}

/** As {@link localRun}, for runs in which everybody must succeed; throws the first failure. */
export async function localSuccess<T>(
  task: string,
  seats: readonly Seat[],
  run: (seat: number, channel: Channel) => Promise<T>,
): Promise<T[]> {
  const { results } = await localRun(task, seats, run);
  // A protocol failure explains more than the stalls that follow from it.
  const failures = results.filter((r) => r.status === "rejected").map((r) => r.reason as Error);
  const first = failures.find((e) => !(e instanceof Stalled)) ?? failures[0];
  if (first !== undefined) throw first;
  return results.map((r) => (r as PromiseFulfilledResult<T>).value);
}

/** The failure of a seat, which must have failed with a ProtocolError. */
export function failureOf(outcome: LocalOutcome<unknown>, seat: number): ProtocolError {
  const result = outcome.results[seat]!;
  if (result.status === "fulfilled") throw new Error(`Seat ${seat} succeeded`);
  if (!(result.reason instanceof ProtocolError)) throw result.reason;
  return result.reason;
}

function receivers(
  seats: readonly Seat[],
  sender: number,
  role: Committee,
  addresses: readonly Address[],
): [seat: number, committee: Committee][] {
  const out: [number, Committee][] = [];
  for (const { committee, to } of addresses) {
    for (const index of to) {
      const seat = seats.findIndex((s) => s[committee] === index);
      if (seat === -1) throw new Error(`Nobody is ${committee} ${index}`);
      if (seat === sender && committee === role) {
        throw new Error(`Seat ${sender} addresses itself as ${role} ${index}`);
      }
      out.push([seat, committee]);
    }
  }
  return out;
}
