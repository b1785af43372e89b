/**
 * Fuzz targets for what looks after requests: the consent program's answers, the audit log, the
 * words of a requester, what members tell of a ceremony's standing.
 *
 * @module
 */

import assert from "node:assert/strict";
import { utf8 } from "../../lib/encoding/bytes.ts";
import {
  AuditError,
  auditLine,
  CHAIN_START,
  followChain,
  lineHash,
  readHeads,
} from "../../lib/keystore/audit_chain.ts";
import { consentTarget } from "../../lib/node/config_values.ts";
import { ValueError } from "../../lib/node/config_error.ts";
import { AnswerError, readAnswer } from "../../lib/node/policy.ts";
import { MAX_PURPOSE, Purposes } from "../../lib/node/purposes.ts";
import { readStanding, type Standing, standingResponse, UNKNOWN } from "../../lib/node/standing.ts";
import { systemClock } from "../../lib/mesh/clock.ts";
import { decodeCommand, encodeCommand } from "../../lib/mesh/commands.ts";
import type { StandingResponseCommand } from "../../lib/mesh/command_types.ts";
import { WireError } from "../../lib/mesh/errors.ts";
import type { Identity } from "../../lib/crypto/identity.ts";
import type { FuzzTarget } from "./targets.ts";

const text = (input: Uint8Array) => new TextDecoder().decode(input);
const yes = '{"allow":true}';
const chunked = `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\ne\r\n${yes}\r\n0\r\n\r\n`;
const first = auditLine(CHAIN_START, 0, "request", { ceremony: "ab", n: 1 });
const second = auditLine({ seq: 1, hash: lineHash(first) }, 1, "outcome", { list: ["x"] });
const log = `${first}\n${second}\n`;
const SENDER = "1".repeat(40) as Identity;
const OTHER = "2".repeat(40) as Identity;
const HASH = new Uint8Array(32).fill(5);
const standings: readonly Partial<Standing>[] = [
  {},
  { state: "waiting", ageMs: 60_000 },
  { state: "running", round: 2, rounds: 9, ageMs: 1, waitingFor: [SENDER, OTHER] },
  { state: "failed", round: 1, code: "TF-TIMEOUT", culprits: [OTHER] },
];

/** See {@link FuzzTarget}. */
export const OVERSIGHT_TARGETS: readonly FuzzTarget[] = [
  {
    name: "policy-answer",
    corpus: [
      utf8(`HTTP/1.1 200 OK\r\nContent-Length: ${yes.length}\r\n\r\n${yes}`),
      utf8('HTTP/1.0 200 OK\r\n\r\n{"allow":false,"reason":"no"}'),
      utf8(chunked),
    ],
    run(input) {
      const answer = readAnswer(input);
      // Nothing says yes but these words.
      assert(!answer.allow || /"allow"/.test(text(input).replaceAll(/\r\n[0-9a-fA-F]+\r\n/g, "")));
      assert(answer.reason.length <= 300);
    },
    refusals: [AnswerError, SyntaxError, TypeError],
  },
  {
    name: "audit-log",
    corpus: [utf8(log), utf8(first), utf8(`2 ${"a".repeat(64)}\n`)],
    run(input) {
      for (const head of readHeads(text(input))) assert(Number.isSafeInteger(head.seq));
      let lines = 0;
      const { end, torn } = followChain("f", text(input), CHAIN_START, () => lines++);
      assert(lines === end.seq && torn >= 0);
    },
    refusals: [AuditError],
  },
  {
    name: "consent-url",
    corpus: ["http://127.0.0.1:8080/a?b", "unix:///run/a.sock", "http://[::1]:1"].map(utf8),
    run(input) {
      const target = consentTarget(text(input));
      if (target === null) return;
      // deno-lint-ignore no-control-regex
      assert(!/[\u0000-\u0020]/.test(target.path));
      assert(target.via === "unix" || /^(localhost|127\.[0-9.]+|::1)$/.test(target.host));
    },
    refusals: [ValueError],
  },
  {
    name: "standing",
    corpus: standings.map((s) => encodeCommand(standingResponse(HASH, HASH, { ...UNKNOWN, ...s }))),
    run(input) {
      const members = [SENDER, OTHER];
      const type = "ceremony-standing-response";
      const standing = readStanding(
        decodeCommand(type, input) as StandingResponseCommand,
        members,
      );
      assert([...standing.waitingFor, ...standing.culprits].every((m) => members.includes(m)));
      assert(standing.waitingFor.length + standing.culprits.length <= 4);
      assert(standing.round <= 32 && standing.rounds <= 32 && standing.ageMs <= 366 * 86_400_000);
      assert.match(standing.code, /^(TF-[A-Z-]{1,50})?$/);
      // What was taken is told again in words that are taken, and mean the same.
      const again = encodeCommand(standingResponse(HASH, HASH, standing));
      const heard = decodeCommand(type, again) as StandingResponseCommand;
      assert.deepEqual(readStanding(heard, members), standing);
    },
    refusals: [WireError],
  },
  {
    name: "purpose",
    corpus: [utf8("rent of March"), utf8("\u001b[2J\u202e")],
    run(input) {
      const purposes = new Purposes(systemClock);
      purposes.put("id", SENDER, text(input));
      const said = purposes.take("id", SENDER) ?? "";
      // deno-lint-ignore no-control-regex
      assert(!/[\u0000-\u001f\u007f-\u009f\u202a-\u202e]/.test(said));
      assert(said.length <= MAX_PURPOSE);
    },
    refusals: [],
  },
];
