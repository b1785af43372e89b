/**
 * Checks of the running daemon, and of what a daemon would meet if none runs: ports and peers.
 *
 * @module
 */

import { type Address, type Config, formatAddress } from "../../lib/node/config.ts";
import { denoNet } from "../../lib/node/deno_net.ts";
import { VERSION } from "../../lib/version.ts";
import { type BackupAnswer, checkBackup, judgeBackup } from "./backup_check.ts";
import { type Finding, finding } from "./finding.ts";
import { judgeLinks, type LinkAnswer } from "./peer_checks.ts";

/** The daemon's answer to `status`, as far as it is looked at. */
export interface StatusAnswer {
  readonly version: string;
  readonly identity: string;
  readonly listen: string;
  readonly sessions: number;
  readonly pre_params: { readonly ready: number; readonly making: boolean };
  /** Not from a daemon of an earlier version. */
  readonly backup?: BackupAnswer;
  readonly debug_initiation: boolean;
  readonly initiators: readonly string[];
  readonly ceremonies: { readonly waiting: number };
  readonly keys: readonly {
    readonly key_id: string;
    readonly threshold: number;
    readonly committee: readonly string[];
    readonly status: string;
    readonly live: number;
    readonly can_sign: boolean;
    readonly problem?: string;
  }[];
}

/** One row of the daemon's answer to `peers`. */
export interface PeerAnswer extends LinkAnswer {
  readonly identity: string;
  readonly address: string;
  readonly self: boolean;
  readonly connected: boolean;
  readonly live: boolean;
  readonly direction?: string;
}

/** Asks the daemon one thing. */
export type Ask = <T>(method: string) => Promise<T>;

/** How long a peer may take to accept a connection, in milliseconds. */
const DIAL_MS = 3_000;

/** How often a port that is in use is tried, and the milliseconds in between. */
const LISTEN_ATTEMPTS = 4;
const LISTEN_PAUSE_MS = 100;

/**
 * Checks the daemon if one runs, else the ports it would use and the peers it would dial.
 *
 * @param whole whether `config` has all settings; ports and peers of others would be beside the
 * point.
 */
export async function checkNode(config: Config, ask: Ask, whole = true): Promise<Finding[]> {
  let status: StatusAnswer;
  try {
    status = await ask<StatusAnswer>("status");
  } catch (error) {
    const code = (error as { code?: string }).code ?? "";
    const message = error instanceof Error ? error.message : String(error);
    return [
      code === "TF-ADMIN-CONNECT"
        ? finding("daemon", "warn", message, "start it with `transfunctioner daemon`")
        : code.startsWith("TF-ADMIN")
        ? finding("daemon", "fail", message, hintOf(error))
        // Without the admin key nobody is asked; what is wrong with it is another check's finding.
        : finding("daemon", "skip", `it could not be asked: ${message}`),
      ...await checkBackup(config.home.value),
      ...(whole ? [...await checkPorts(config), ...await dialPeers(config)] : []),
    ];
  }
  const { peers } = await ask<{ peers: readonly PeerAnswer[] }>("peers");
  return [
    finding("daemon", "ok", `node ${status.identity} answers and listens at ${status.listen}`),
    checkVersion(status.version),
    finding("ports", "ok", "the listeners are the running daemon's"),
    ...judgePeers(config, peers),
    ...judgeLinks(peers),
    judgePreParams(status),
    ...(status.backup === undefined ? [] : [judgeBackup(status.backup)]),
    ...judgeKeys(status),
    ...judgeRules(status),
  ];
}

function hintOf(error: unknown): string | undefined {
  const hint = (error as { hint?: unknown }).hint;
  return typeof hint === "string" ? hint : undefined;
}

function checkVersion(running: string): Finding {
  if (running === VERSION) return finding("version", "ok", `${VERSION}, the daemon's as well`);
  return finding(
    "version",
    "warn",
    `this is ${VERSION}, the running daemon ${running}`,
    "restart the daemon when no ceremony runs",
  );
}

/** Tries to listen where the daemon would. */
export async function checkPorts(config: Config): Promise<Finding[]> {
  const listeners: [string, Address | null][] = [
    ["TRF_LISTEN_ADDRESS", config.listenAddress.value],
    ["TRF_ADMIN_ADDRESS", config.adminAddress.value],
    ["TRF_PROMETHEUS_ADDRESS", config.prometheusAddress.value],
  ];
  const out: Finding[] = [];
  for (const [variable, address] of listeners) {
    if (address === null) continue;
    const where = formatAddress(address);
    try {
      await tryListening(address.host, address.port);
      out.push(finding("ports", "ok", `${where} is free (${variable})`));
    } catch (error) {
      const used = error instanceof Deno.errors.AddrInUse;
      out.push(finding(
        "ports",
        "fail",
        used
          ? `${where} is in use by another program (${variable})`
          : `${where} cannot be listened at: ${(error as Error).message} (${variable})`,
        used
          ? `stop that program, or choose another port with ${variable}`
          : `set ${variable} to an address of this machine and a port above 1023`,
      ));
    }
  }
  return out;
}

/**
 * Listens for a moment; rejects with what the system has against it. A socket that was closed just
 * now may live on in a program that is being started: it holds a copy until it runs.
 */
async function tryListening(host: string, port: number): Promise<void> {
  for (let attempt = 1;; attempt++) {
    try {
      (await denoNet.listen(host, port)).close();
      return;
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse) || attempt === LISTEN_ATTEMPTS) throw error;
      await new Promise((resolve) => setTimeout(resolve, LISTEN_PAUSE_MS));
    }
  }
}

async function dialPeers(config: Config): Promise<Finding[]> {
  const peers = [...config.connect.value, ...config.seeds.value];
  if (peers.length === 0) return [noPeers()];
  return await Promise.all(peers.map(async (peer) => {
    const where = formatAddress(peer);
    try {
      (await denoNet.dial(peer.host, peer.port, DIAL_MS)).close();
      return finding("peers", "ok", `${where} accepts connections`);
    } catch (error) {
      return finding(
        "peers",
        "warn",
        `${where}: ${error instanceof Error ? error.message : error}`,
        "is that node running, and does its firewall let this machine in?",
      );
    }
  }));
}

function noPeers(): Finding {
  return finding(
    "peers",
    "skip",
    "no peer is configured: others have to dial this node",
    "name at least one with TRF_CONNECT, unless this is the node that others name",
  );
}

function judgePeers(config: Config, peers: readonly PeerAnswer[]): Finding[] {
  const others = peers.filter((p) => !p.self);
  const live = others.filter((p) => p.live);
  const inbound = live.filter((p) => p.direction === "inbound").length;
  const out: Finding[] = [];
  if (live.length > 0) {
    out.push(finding(
      "peers",
      "ok",
      `${live.length} of ${others.length} known peers live, ${inbound} of them dialled this node`,
    ));
  }
  for (const peer of config.connect.value) {
    const where = formatAddress(peer);
    // Names are resolved by the daemon, which shows what a peer says of itself: only IPv4
    // addresses can be told apart here.
    if (others.some((p) => p.live && p.address === where) || !/^[0-9.]+$/.test(peer.host)) continue;
    out.push(finding(
      "peers",
      "warn",
      `no live session at ${where}`,
      "look at that node's log; `transfunctioner peers` shows what this one knows",
    ));
  }
  for (const p of others.filter((p) => p.connected && !p.live)) {
    out.push(finding("peers", "warn", `${p.identity} is connected but answers no ping`));
  }
  if (out.length > 0) return out;
  return others.length === 0 && config.connect.value.length === 0
    ? [noPeers()]
    : [finding("peers", "fail", "no peer is live", "check TRF_CONNECT and the firewalls")];
}

function judgePreParams({ pre_params: p }: StatusAnswer): Finding {
  if (p.ready > 0) return finding("preparams", "ok", `${p.ready} ready for the next ECDSA key`);
  return p.making
    ? finding("preparams", "warn", "none ready, some are being made", "wait a minute")
    : finding("preparams", "fail", "none ready, and none being made", "see the daemon's log");
}

function judgeKeys(status: StatusAnswer): Finding[] {
  if (status.keys.length === 0) return [finding("keys", "ok", "none yet")];
  const bad = status.keys.filter((k) => k.problem !== undefined || !k.can_sign).map((k) =>
    k.problem !== undefined
      ? finding("keys", "fail", `${k.key_id}: ${k.problem}`)
      : k.status !== "active"
      ? finding("keys", "ok", `${k.key_id} is ${k.status} here`)
      : finding(
        "keys",
        "fail",
        `${k.key_id} cannot sign: ${k.live} of ${k.committee.length} members live, ` +
          `${k.threshold + 1} needed`,
        "start or connect the others; `transfunctioner keys` names the committee",
      )
  );
  if (bad.length > 0) return bad;
  const thin = status.keys.filter((k) => k.status === "active" && k.live === k.threshold + 1);
  return [
    thin.length > 0
      ? finding(
        "keys",
        "warn",
        `${thin.length} of ${status.keys.length} can sign, but not if one more member fails`,
      )
      : finding("keys", "ok", `all ${status.keys.length} can sign now`),
  ];
}

function judgeRules(status: StatusAnswer): Finding[] {
  const out: Finding[] = [];
  if (status.debug_initiation) {
    out.push(finding(
      "initiators",
      "fail",
      "debug initiation is on: anybody in the mesh can start ceremonies with this node",
      "unset TRF_DEBUG_INITIATION and restart",
    ));
  } else if (status.initiators.length === 0) {
    out.push(finding(
      "initiators",
      "warn",
      "nobody else may start a ceremony with this node",
      "list the other operators' identities in TRF_INITIATORS",
    ));
  } else out.push(finding("initiators", "ok", `${status.initiators.length} allowed`));
  if (status.ceremonies.waiting > 0) {
    out.push(finding(
      "ceremonies",
      "warn",
      `${status.ceremonies.waiting} wait for approval`,
      "`transfunctioner ceremonies` lists them",
    ));
  }
  return out;
}
