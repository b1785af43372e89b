/** `transfunctioner bugreport`. @module */

import { buildInfo } from "../lib/build_info.ts";
import { ADMIN_FILE } from "../lib/keystore/identity_file.ts";
import { joinPath } from "../lib/keystore/files.ts";
import { type Config, describeConfig, formatAddress } from "../lib/node/config.ts";
import { daemonPermissions } from "../lib/node/permissions.ts";
import { PROTOCOL_VERSION, TRANSPORT_VERSION, VERSION } from "../lib/version.ts";
import { Redactor } from "./bugreport/redact.ts";
import type { CommandSpec, Invocation } from "./command.ts";
import { type DaemonLink, openDaemon } from "./connect.ts";
import { examine } from "./doctor.ts";
import { readEnvironment } from "./environment.ts";
import { CliError, EXIT, whyNot } from "./exit.ts";
import { lenientConfig } from "./lenient_config.ts";
import { DAEMON_OPTIONS } from "./settings_options.ts";
import type { Terminal } from "./terminal.ts";

/** Lines of a log that go into the report, and the most bytes of it that are read. */
const LOG_LINES = 2_000;
const LOG_BYTES = 1_000_000;
/** How long the metrics listener may take, in milliseconds. */
const METRICS_MS = 5_000;

/** Collects what somebody who is to help needs to see. */
export const command: CommandSpec = {
  name: "bugreport",
  summary: "Write a report for whoever helps, without secrets.",
  usage: "[--out PATH] [--log PATH] [--redact-hosts] [OPTIONS OF THE DAEMON]",
  about: `One JSON object: version, settings with their origins, permissions, the doctor's findings,
and of a running daemon status, peers, ceremonies and metrics. Passphrases and keys are not in it;
identities, key ids and public keys are. --log adds the end of a log file. With --redact-hosts host
names and addresses become host-1, host-2 and so on, the same one everywhere. Read it before you
hand it on.`,
  maxWords: 0,
  options: {
    out: { value: "PATH", help: "file to write, which must not exist; default: standard output" },
    log: { value: "PATH", help: "log file of the daemon whose end is to be in the report" },
    "redact-hosts": { help: "take out host names and addresses" },
    ...DAEMON_OPTIONS,
  },
  reach: "node",
  lenient: true,
  paths: { out: "write", log: "read" },
  examples: [
    "transfunctioner bugreport --redact-hosts --out report.json",
    "transfunctioner bugreport | jq '.doctor[] | select(.verdict == \"fail\")'",
  ],
  async run(invocation) {
    const { terminal, text, on } = invocation;
    const findings = await examine(invocation);
    // Where a setting cannot be used, the doctor's first finding says so.
    const { config, without } = await lenientConfig(invocation);
    const daemon = config === null ? {} : await askDaemon(invocation, config);
    const parts = {
      config: config === null ? null : describeConfig(config),
      config_without: without,
      config_warnings: config?.warnings ?? [],
      permissions: permissionsOf(config),
      doctor: findings,
      ...daemon,
      metrics: config === null ? null : await metrics(config),
      log: text["log"] === undefined ? null : await logTail(text["log"]),
    };
    const redactor = new Redactor({
      secrets: await secretsOf(config, terminal),
      hosts: on.has("redact-hosts") ? hostsOf(config, daemon) : null,
    });
    const report = {
      schema: "transfunctioner/bugreport/1",
      made_at: new Date().toISOString(),
      version: VERSION,
      wire: `${TRANSPORT_VERSION}.${PROTOCOL_VERSION}`,
      runtime: { ...Deno.version, os: Deno.build.os, arch: Deno.build.arch },
      build: buildInfo(),
      hosts_redacted: on.has("redact-hosts"),
      ...(redactor.value(parts) as typeof parts),
    };
    const json = JSON.stringify(report, null, 2) + "\n";
    const out = text["out"];
    if (out === undefined || out === "-") terminal.out(json);
    else {
      await writeNew(out, json);
      terminal.err(`wrote ${out}; read it before you hand it on\n`);
    }
    return EXIT.done;
  },
};

/** The daemon's permissions, or why there are none with these settings. */
function permissionsOf(config: Config | null): readonly string[] | null {
  if (config === null) return null;
  try {
    return daemonPermissions(config);
  } catch (error) {
    return [`none: ${error instanceof Error ? error.message : error}`];
  }
}

/** What a running daemon tells; an error is part of the report. */
async function askDaemon(
  invocation: Invocation,
  config: Config,
): Promise<Record<string, unknown>> {
  let link: DaemonLink;
  try {
    link = await openDaemon(invocation, config);
  } catch (error) {
    return { daemon: { error: error instanceof Error ? error.message : String(error) } };
  }
  try {
    const out: Record<string, unknown> = {};
    for (const method of ["status", "peers", "ceremonies"]) {
      out[method] = await link.call(method, {}).catch((error: unknown) => ({
        error: error instanceof Error ? error.message : String(error),
      }));
    }
    return out;
  } finally {
    link.close();
  }
}

/** The metrics page, or why there is none. */
async function metrics(config: Config): Promise<readonly string[]> {
  const address = config.prometheusAddress.value;
  if (address === null) return ["off: TRF_PROMETHEUS_ADDRESS is not set"];
  try {
    const page = await fetch(`http://${formatAddress(address)}/metrics`, {
      signal: AbortSignal.timeout(METRICS_MS),
    });
    return (await page.text()).split("\n").filter((line) => line !== "");
  } catch (error) {
    return [`no answer: ${error instanceof Error ? error.message : error}`];
  }
}

/** The last lines of a log. */
async function logTail(path: string): Promise<string[]> {
  try {
    using file = await Deno.open(path, { read: true });
    const { size } = await file.stat();
    await file.seek(-Math.min(size, LOG_BYTES), Deno.SeekMode.End);
    const text = await new Response(file.readable).text();
    return text.split("\n").filter((line) => line !== "").slice(-LOG_LINES);
  } catch (error) {
    throw new CliError(
      EXIT.usage,
      `cannot read the log ${path}: ${whyNot(error)}`,
      "give the file that the daemon's standard error goes to",
    );
  }
}

/** Every secret that this process can know. */
async function secretsOf(config: Config | null, terminal: Terminal): Promise<string[]> {
  // As they stand in the variables, whether they can be used or not.
  const env = readEnvironment(terminal);
  const { TRF_KEYSTORE_PASSPHRASE: passphrase = "", TRF_PRIVATE_KEY: key = "" } = env;
  const out = [passphrase, key, key.toLowerCase(), key.toUpperCase()];
  if (config === null) return out;
  const files = [config.passphraseFile.value, joinPath(config.home.value, ADMIN_FILE)];
  for (const path of files) {
    if (path === null) continue;
    // What cannot be read cannot get into the report either.
    const text = await Deno.readTextFile(path).catch(() => "");
    out.push(text.replace(/\r?\n$/, ""), ...text.split(/\r?\n/));
  }
  return out;
}

function hostsOf(config: Config | null, daemon: Record<string, unknown>): string[] {
  const peers = (daemon["peers"] as { peers?: { address?: string }[] } | undefined)?.peers ?? [];
  const ofPeers = peers.map(({ address = "" }) =>
    address.replace(/:\d+$/, "").replace(/^\[|\]$/g, "")
  );
  if (config === null) return ofPeers;
  const { connect, seeds, hostname } = config;
  return [...ofPeers, hostname.value, ...[...connect.value, ...seeds.value].map((p) => p.host)];
}

async function writeNew(path: string, text: string): Promise<void> {
  try {
    await Deno.writeTextFile(path, text, { createNew: true, mode: 0o600 });
  } catch (error) {
    const there = error instanceof Deno.errors.AlreadyExists;
    throw new CliError(
      EXIT.failed,
      `cannot write ${path}: ${whyNot(error)}`,
      there ? "choose another name" : "choose another place",
    );
  }
}
