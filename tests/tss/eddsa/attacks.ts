/**
 * Ways to bend the messages of one party in a run.
 *
 * A consistent lie needs a commitment that fits it. Runs are deterministic, so an honest first run
 * gives away the opening, and the second run gets the changed opening and its commitment.
 *
 * @module
 */

import { ed25519, flattenPoints } from "../../../lib/crypto/curve.ts";
import { hashInts } from "../../../lib/crypto/framed_hash.ts";
import type { Json } from "../../../lib/encoding/json.ts";
import type { MessageSpec } from "../../../lib/tss/channel.ts";
import type { Committee } from "../../../lib/tss/errors.ts";
import { shareSecret } from "../../../lib/tss/vss.ts";
import type { Flight, LocalOutcome, Tamper } from "../local_run.ts";
import { at } from "../replay.ts";
import { seeded, withFields } from "./support.ts";

/** Whose messages are bent. */
export interface Liar {
  readonly from: Committee;
  readonly index: number;
}

/** Replaces one field of one message type. */
export function bend(
  liar: Liar,
  spec: MessageSpec<unknown>,
  field: string,
  change: (value: Json, flight: Flight) => Json,
): Tamper {
  return (flight) => {
    if (flight.type !== spec.type || flight.from !== liar.from || flight.index !== liar.index) {
      return flight.content;
    }
    return withFields(flight.content, { [field]: change(at(flight.content, field), flight) });
  };
}

/** Swallows a message type of one party. */
export function silence(liar: Liar, spec: MessageSpec<unknown>): Tamper {
  return (flight) =>
    flight.type === spec.type && flight.from === liar.from && flight.index === liar.index
      ? null
      : flight.content;
}

/** Applies several. */
export function both(...tampers: Tamper[]): Tamper {
  return (flight) => {
    let content: Json = flight.content;
    for (const tamper of tampers) {
      const changed = tamper({ ...flight, content });
      if (changed === null) return null;
      content = changed as Json;
    }
    return content;
  };
}

/** The field names of a commitment and its opening. */
export interface Committed {
  readonly commitment: MessageSpec<unknown>;
  readonly opening: MessageSpec<unknown>;
  readonly fields: readonly [commitment: string, opening: string];
}

/** Opens to something else, with the commitment to match. `honest` is a run with the same seeds. */
export function openTo(
  liar: Liar,
  committed: Committed,
  honest: LocalOutcome<unknown>,
  change: (opening: bigint[]) => bigint[],
): Tamper {
  const [commitmentField, openingField] = committed.fields;
  const flight = honest.flights.find((f) =>
    f.type === committed.opening.type && f.from === liar.from && f.index === liar.index
  )!;
  const lie = change(at(flight.content, openingField) as bigint[]);
  return both(
    bend(liar, committed.commitment, commitmentField, () => hashInts(lie)),
    bend(liar, committed.opening, openingField, () => lie),
  );
}

/**
 * Deals a sharing of another secret: consistent in itself, so that every share verifies.
 *
 * @param keys The receivers' keys, by index.
 */
export function dealOther(
  liar: Liar,
  committed: Committed,
  share: MessageSpec<unknown>,
  seatToIndex: (seat: number) => number,
  keys: readonly bigint[],
  threshold: number,
  secret: bigint,
): Tamper {
  const sharing = shareSecret(ed25519, threshold, secret, keys, seeded("another polynomial"));
  const opening = [7n, ...flattenPoints(sharing.commitments)];
  const [commitmentField, openingField] = committed.fields;
  return both(
    bend(liar, committed.commitment, commitmentField, () => hashInts(opening)),
    bend(liar, committed.opening, openingField, () => opening),
    bend(liar, share, "Share", (_, { toSeat }) => sharing.shares[seatToIndex(toSeat)]!),
  );
}

/** Adds the point of order 2, `(0, -1)`, to the point at `index` of an opening. */
export function addTorsion(opening: readonly bigint[], index: number): bigint[] {
  const out = [...opening];
  for (const at of [1 + 2 * index, 2 + 2 * index]) out[at] = ed25519.p - out[at]!;
  return out;
}

/** Replaces the point at `index` of an opening. */
export function putPoint(
  opening: readonly bigint[],
  index: number,
  x: bigint,
  y: bigint,
): bigint[] {
  const out = [...opening];
  out[1 + 2 * index] = x;
  out[2 + 2 * index] = y;
  return out;
}
