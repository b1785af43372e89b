/**
 * How a ceremony stands: what is told of an entry, what is believed of an answer, and who is named
 * as holding it up.
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { Ceremony } from "../../lib/ceremony/ceremony.ts";
import { type Identity, parseIdentity } from "../../lib/crypto/identity.ts";
import { fromHex } from "../../lib/encoding/bytes.ts";
import { decodeCommand, encodeCommand } from "../../lib/mesh/commands.ts";
import type { StandingResponseCommand } from "../../lib/mesh/command_types.ts";
import { WireError } from "../../lib/mesh/errors.ts";
import { holdUps, type MemberRow } from "../../lib/node/hold_ups.ts";
import { Entry, Ledger } from "../../lib/node/ledger.ts";
import type { CeremonyRequest } from "../../lib/node/request.ts";
import {
  readStanding,
  type Standing,
  STANDING_STATES,
  standingOf,
  standingResponse,
  UNKNOWN,
} from "../../lib/node/standing.ts";

const id = (n: number) => parseIdentity(n.toString(16).padStart(40, "0"));
const [A, B, C, STRANGER] = [id(1), id(2), id(3), id(9)];
const MEMBERS = [A, B, C];
const HASH = new Uint8Array(32).fill(7);

const REQUEST: CeremonyRequest = {
  kind: "sign",
  id: "ab".repeat(32),
  requester: A,
  keyId: "11".repeat(16),
  committee: MEMBERS,
  threshold: 1,
  payload: new Uint8Array(32),
};

const response = (fields: Partial<StandingResponseCommand> = {}): StandingResponseCommand => ({
  ...standingResponse(HASH, HASH, { ...UNKNOWN, state: "running", round: 3, rounds: 9 }),
  ...fields,
});

Deno.test("standingOf() tells state, round, whom an entry waits for, and since when", () => {
  let now = 1_000_000;
  const ledger = new Ledger(() => now);
  const entry = new Entry(REQUEST, now, false, "waiting");
  ledger.add(entry);
  now += 60_000;
  assert.deepEqual(standingOf(entry, now), { ...UNKNOWN, state: "waiting", ageMs: 60_000 });
  const nothing = () => {};
  const ceremony = new Ceremony(
    {
      kind: "sign",
      curve: "ed25519",
      id: fromHex(REQUEST.id),
      keyId: new Uint8Array(16),
      committee: MEMBERS,
      threshold: 1,
      message: new Uint8Array(32),
      publicKey: new Uint8Array(32),
      share: new Uint8Array(1),
    },
    now,
    {
      onAbort: nothing,
      onLost: nothing,
      onHold: nothing,
      onRefusal: nothing,
      onListenerError: nothing,
    },
  );
  entry.ceremony = ceremony;
  ceremony.onChange(() => entry.changed());
  entry.move("running");
  ceremony.move({ round: 2, step: "waiting", waitingFor: [B, C] });
  now += 5_000;
  // Whoever is still awaited in the same round has been since its beginning.
  ceremony.move({ round: 2, step: "waiting", waitingFor: [C] });
  now += 2_000;
  const running = standingOf(entry, now);
  assert.deepEqual(running, {
    ...UNKNOWN,
    state: "running",
    round: 2,
    rounds: 9,
    ageMs: 7_000,
    waitingFor: [C],
  });
  const failure = { code: "TF-TIMEOUT", reason: "secret?", round: 2, culprits: [C] } as const;
  entry.end({ state: "failed", ...failure });
  now += 30_000;
  const failed = standingOf(entry, now);
  assert.deepEqual(failed, {
    ...UNKNOWN,
    state: "failed",
    round: 2,
    ageMs: 30_000,
    code: "TF-TIMEOUT",
    culprits: [C],
  });
  for (const standing of [running, failed, UNKNOWN]) {
    const sent = encodeCommand(standingResponse(HASH, HASH, standing));
    assert(!new TextDecoder().decode(sent).includes("secret"));
    const heard = decodeCommand("ceremony-standing-response", sent) as StandingResponseCommand;
    assert.deepEqual(readStanding(heard, MEMBERS), standing);
  }
});

Deno.test("readStanding() refuses what makes no sense", () => {
  const bad: [Partial<StandingResponseCommand>, RegExp][] = [
    [{ state: "" }, /state/],
    [{ state: "Running" }, /state/],
    [{ state: "constructor" }, /state/],
    [{ round: 33 }, /round/],
    [{ rounds: 255 }, /round/],
    [{ age: -1n }, /age/],
    [{ age: 1n << 62n }, /age/],
    [{ waitingFor: [B, B] }, /twice/],
    [{ waitingFor: [STRANGER] }, /no member/],
    [{ waitingFor: [A, B, C, STRANGER] }, /twice/],
    [{ code: "TF-TIMEOUT" }, /not failed/],
    [{ culprits: [B] }, /not failed/],
    [{ state: "failed", rounds: 0, code: "TF-\u001b[2J" }, /code/],
    [{ state: "failed", rounds: 0, code: `TF-${"A".repeat(40)}` }, /code/],
    [{ state: "failed", rounds: 0, culprits: [STRANGER] }, /no member/],
    [{ state: "failed", rounds: 9 }, /rounds/],
    [{ state: "failed", rounds: 0, waitingFor: [B] }, /waits/],
    [{ state: "waiting", rounds: 0 }, /round/],
    [{ state: "unknown", rounds: 0, round: 0, age: 1n }, /age/],
  ];
  for (const [fields, rule] of bad) {
    assert.throws(
      () => readStanding(response(fields), MEMBERS),
      (error) => error instanceof WireError && rule.test(error.message),
      `${rule} ${Object.keys(fields)}`,
    );
  }
  assert.equal(readStanding(response({ waitingFor: [C] }), MEMBERS).round, 3);
});

Deno.test("readStanding() keeps whatever it takes within bounds, and writes it back alike", () => {
  const name: fc.Arbitrary<Identity> = fc.constantFrom(A, B, C, STRANGER);
  const fields = fc.record({
    state: fc.constantFrom<string>(...STANDING_STATES, "x"),
    round: fc.constantFrom(0, 0, 2, 40),
    rounds: fc.constantFrom(0, 0, 9, 40),
    age: fc.oneof(fc.constant(0n), fc.bigInt({ min: -1n, max: 1n << 36n })),
    waitingFor: fc.oneof(fc.constant([]), fc.array(name, { maxLength: 2 })),
    code: fc.constantFrom("", "", "TF-OFFLINE", "TF-", "x"),
    culprits: fc.oneof(fc.constant([]), fc.array(name, { maxLength: 2 })),
  });
  let taken = 0;
  fc.assert(
    fc.property(fields, (some) => {
      let standing: Standing;
      try {
        standing = readStanding(response(some), MEMBERS);
      } catch (error) {
        assert(error instanceof WireError);
        return;
      }
      taken++;
      assert(standing.round <= 32 && Number.isSafeInteger(standing.ageMs));
      assert([...standing.waitingFor, ...standing.culprits].every((m) => MEMBERS.includes(m)));
      assert.deepEqual(standingResponse(HASH, HASH, standing), response(some));
    }),
    { numRuns: 3_000 },
  );
  assert(taken > 50, `${taken}`);
});

const row = (identity: Identity, fields: Partial<Standing> | string): MemberRow =>
  typeof fields === "string"
    ? { identity, standing: null, silent: fields }
    : { identity, standing: { ...UNKNOWN, ...fields }, silent: "" };
const running = (round: number, ...waitingFor: Identity[]): Partial<Standing> => ({
  state: "running",
  round,
  rounds: 9,
  waitingFor,
});

Deno.test("holdUps() names who is waited for and waits for nobody", () => {
  const cases: [MemberRow[], [Identity, RegExp][]][] = [
    [
      [row(A, running(1, C)), row(B, running(1, C)), row(C, { state: "waiting" })],
      [[C, /approval/]],
    ],
    [[row(A, running(2, B, C)), row(B, running(2)), row(C, running(2, B))], [[
      B,
      /computes in round 2/,
    ]]],
    [[row(A, running(2, C)), row(B, running(2, C)), row(C, "no answer in 2 s")], [[
      C,
      /wait for it; no answer in 2 s/,
    ]]],
    // A Go node that nobody waits for holds nobody up.
    [[row(A, running(2, B)), row(B, running(2)), row(C, "Go node: cannot be asked")], [[
      B,
      /computes/,
    ]]],
    [[row(A, running(2, B)), row(B, { state: "lost" })], [[B, /restarted/]]],
    [[row(A, running(2, B)), row(B, UNKNOWN)], [[B, /nothing of it/]]],
    [[row(A, running(2, B)), row(B, { state: "failed", code: "TF-SHARE" })], [[B, /TF-SHARE/]]],
    [[row(A, running(4, B)), row(B, { state: "complete" })], [[B, /finished/]]],
    [[row(A, running(3, B)), row(B, running(2, A))], [[B, /round 2 and waits itself/]]],
    // Nothing goes on any more.
    [[row(A, { state: "complete" }), row(B, { state: "complete" }), row(C, "no answer")], []],
    [[row(A, { state: "failed", code: "TF-TIMEOUT" }), row(B, UNKNOWN)], []],
    [[row(A, running(3)), row(B, running(3))], []],
  ];
  for (const [rows, expected] of cases) {
    const found = holdUps(rows);
    assert.deepEqual(found.map((h) => h.identity), expected.map(([m]) => m));
    for (const [i, [, reason]] of expected.entries()) assert.match(found[i]!.reason, reason);
  }
});
