/**
 * Resharings in which one member dies or falls silent, and what must be left of the key then. For
 * both curves.
 *
 * @module
 */

import assert from "node:assert/strict";
import { type LocalOutcome, type Seat, Stalled, type Tamper } from "./local_run.ts";

/** Where a member stops taking part. */
export interface Fall {
  /** Its position in the list of seats. */
  readonly seat: number;
  /** The end of the name of the message type that it does not get out any more. */
  readonly type: string;
  /** To so many others that message still goes out. */
  readonly reach: number;
  /** A dead member neither says nor hears anything afterwards; a silent one lacks this message only. */
  readonly how: "dead" | "silent";
}

/** What is left when nothing can move any more. */
export interface Remains<S> {
  /** The new shares that were made durable beside the old ones, by seat. */
  readonly kept: ReadonlyMap<number, S>;
  /** Seats whose run ended well, which gives up the old share; the fallen one is not counted. */
  readonly done: readonly number[];
}

/**
 * Runs a resharing with one member falling, and asserts that the key survives: nobody alive ends
 * well, and so gives up its old share, unless every new member keeps its new one; and nobody is
 * accused of anything.
 */
export async function runWithFall<S>(
  fall: Fall,
  seats: readonly Seat[],
  run: (
    tamper: Tamper,
    onPendingShare: (seat: number, share: S) => Promise<void>,
  ) => Promise<LocalOutcome<S | null>>,
): Promise<Remains<S>> {
  const { seat: fallen, type, reach, how } = fall;
  const what = JSON.stringify(fall);
  const kept = new Map<number, S>();
  let said = 0;
  let down = false;
  const tamper: Tamper = (f) => {
    let lost = false;
    if (f.fromSeat === fallen && f.toSeat !== fallen && f.type.endsWith(type)) {
      lost = said++ >= reach;
      down ||= lost;
    }
    if (how === "dead") lost = down && (f.fromSeat === fallen || f.toSeat === fallen);
    return lost ? null : f.content;
  };
  const outcome = await run(tamper, (seat, share) => {
    // The dead write nothing to their disks.
    if (down && how === "dead" && seat === fallen) return Promise.reject(new Error("dead"));
    kept.set(seat, share);
    return Promise.resolve();
  });
  assert.ok(down, `${what}: never happened`);
  const done: number[] = [];
  for (const [seat, result] of outcome.results.entries()) {
    if (seat === fallen) continue;
    if (result.status === "fulfilled") done.push(seat);
    else assert.ok(result.reason instanceof Stalled, `${what}: seat ${seat}: ${result.reason}`);
  }
  const joining = [...seats.keys()].filter((seat) => seats[seat]!.new !== undefined);
  if (done.length > 0) {
    assert.deepEqual([...kept.keys()].toSorted(), joining, `${what}: somebody is done too early`);
  }
  return { kept, done };
}
