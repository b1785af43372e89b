/**
 * Checks between this node and its peers, as the daemon measured them: clocks, versions, and
 * whether each hears the other.
 *
 * @module
 */

import { VERSION } from "../../lib/version.ts";
import { duration } from "../output.ts";
import { type Finding, finding } from "./finding.ts";

/** One row of the daemon's answer to `peers`, as far as links are judged. */
export interface LinkAnswer {
  readonly identity: string;
  readonly self: boolean;
  readonly live: boolean;
  readonly software?: string;
  readonly version?: string;
  readonly answered_ms_ago?: number;
  readonly heard_ms_ago?: number;
  readonly clock_skew_ms?: number;
}

/** Clocks further apart than this are worth a look, milliseconds. */
const SKEW_MS = 5_000;
/** Records of peers live 67 s: with clocks this far apart all of them look out of date. */
const TOO_SKEWED_MS = 60_000;
/** A live peer pings every 29 s; one that heard nothing for this long does not hear us. */
const DEAF_MS = 90_000;

const short = (identity: string) => identity.slice(0, 8);

/** Judges clocks, versions and both directions of the links to peers. */
export function judgeLinks(peers: readonly LinkAnswer[]): Finding[] {
  const live = peers.filter((p) => !p.self && p.live);
  if (live.length === 0) return [];
  return [clocks(live), versions(live), directions(live)].filter((f) => f !== null);
}

function clocks(live: readonly LinkAnswer[]): Finding | null {
  const known = live.filter((p) => p.clock_skew_ms !== undefined);
  if (known.length === 0) return null;
  const off = known.filter((p) => Math.abs(p.clock_skew_ms!) > SKEW_MS);
  if (off.length === 0) {
    const most = Math.max(...known.map((p) => Math.abs(p.clock_skew_ms!)));
    return finding(
      "clock",
      "ok",
      `within ${duration(most)} of ${known.length === 1 ? "the peer" : `${known.length} peers`}`,
    );
  }
  const most = Math.max(...off.map((p) => Math.abs(p.clock_skew_ms!)));
  const verdict = most > TOO_SKEWED_MS ? "fail" : "warn";
  // Two or more clocks that agree with each other and not with this one.
  const ahead = off.every((p) => p.clock_skew_ms! > 0);
  const mine = off.length === known.length && known.length > 1 &&
    (ahead || off.every((p) => p.clock_skew_ms! < 0));
  return mine
    ? finding(
      "clock",
      verdict,
      `it is ${duration(most)} ${ahead ? "behind" : "ahead of"} all ${known.length} peers`,
      "set it, and run an NTP client",
    )
    : finding(
      "clock",
      verdict,
      "peers whose clocks differ: " + off.map((p) => {
        const way = p.clock_skew_ms! > 0 ? "ahead" : "behind";
        return `${short(p.identity)} ${duration(Math.abs(p.clock_skew_ms!))} ${way}`;
      }).join(", "),
      "compare this clock with a time server, then tell those operators",
    );
}

function versions(live: readonly LinkAnswer[]): Finding | null {
  const told = live.filter((p) => p.version !== undefined);
  if (told.length === 0) return null;
  const other = told.filter((p) => p.version !== `transfunctioner ${VERSION}`);
  if (other.length === 0) {
    return finding("version", "ok", `${told.length} of ${live.length} live peers run it as well`);
  }
  return finding(
    "version",
    "warn",
    "other versions: " + other.map((p) => `${short(p.identity)} ${p.version!.slice(0, 40)}`)
      .join(", "),
    "upgrade one node at a time; the operator's guide says how",
  );
}

function directions(live: readonly LinkAnswer[]): Finding {
  // A Go node does not tell whether it hears us.
  const telling = live.filter((p) => p.software !== "go");
  const deaf = telling.filter((p) => p.heard_ms_ago === undefined || p.heard_ms_ago > DEAF_MS);
  const mute = live.filter((p) => p.answered_ms_ago === undefined || p.answered_ms_ago > DEAF_MS);
  const bad = [
    ...deaf.map((p) => `${short(p.identity)} does not hear this node`),
    ...mute.map((p) => `${short(p.identity)} does not answer`),
  ];
  if (bad.length > 0) {
    return finding(
      "reach",
      "warn",
      bad.join(", "),
      "wait half a minute after a start; then look at firewalls on both sides",
    );
  }
  const silent = live.length - telling.length;
  return finding(
    "reach",
    "ok",
    `${telling.length} peers reached in both directions` +
      (silent === 0 ? "" : `, ${silent} more answer (Go nodes do not tell whether they hear us)`),
  );
}
