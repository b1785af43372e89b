/** `transfunctioner doctor`. @module */

import type { Config, ConfigError } from "../lib/node/config.ts";
import { daemonPermissions } from "../lib/node/permissions.ts";
import { VERSION } from "../lib/version.ts";
import { denoResolver } from "../lib/node/deno_dns.ts";
import type { CommandSpec, Invocation } from "./command.ts";
import { callDaemon } from "./connect.ts";
import { checkNode } from "./doctor/daemon_checks.ts";
import { checkDns } from "./doctor/dns_check.ts";
import { failure, type Finding, finding } from "./doctor/finding.ts";
import { checkDisk, checkHome, checkKeystore, ownIdentity } from "./doctor/home_checks.ts";
import { lenientConfig } from "./lenient_config.ts";
import { EXIT } from "./exit.ts";
import { printJson } from "./output.ts";
import { DAEMON_OPTIONS } from "./settings_options.ts";
import { paint } from "./colour.ts";

const MARKS = { ok: "green", warn: "yellow", fail: "red", skip: "grey" } as const;

/** Makes all checks; what cannot be checked is a finding too. */
export async function examine(invocation: Invocation): Promise<Finding[]> {
  const { config, problem, without } = await lenientConfig(invocation);
  const findings = [...settingsFindings(config, problem, without)];
  if (config === null) return findings;
  try {
    const home = await checkHome(config.home.value);
    findings.push(...home);
    if (home.every((f) => f.check !== "home" || f.verdict === "ok")) {
      findings.push(await checkDisk(config.home.value), ...await checkKeystore(config));
    }
    const whole = problem === null;
    if (whole) {
      const resolver = denoResolver(config.dnsServer.value);
      findings.push(...await checkDns(config, await ownIdentity(config), resolver));
    }
    const ask = <T>(method: string) => callDaemon<T>(invocation, method, {}, undefined, config);
    findings.push(...await checkNode(config, ask, whole));
  } catch (error) {
    if ((error as { code?: string }).code !== "TF-CONFIG") throw error;
    findings.push(failure("settings", error));
  }
  return findings;
}

function settingsFindings(
  config: Config | null,
  problem: ConfigError | null,
  without: string | null,
): Finding[] {
  const out = (config?.warnings ?? []).map((w) => finding("settings", "warn", w));
  if (problem !== null) {
    out.push(failure("settings", problem));
    if (config !== null) {
      out.push(finding("settings", "warn", `all below was looked at without ${without}`));
    }
    return out;
  }
  try {
    // What the daemon derives before it opens anything may refuse a setting, too.
    daemonPermissions(config!);
  } catch (error) {
    return [...out, failure("settings", error)];
  }
  return out.length > 0 ? out : [finding("settings", "ok", "all can be used")];
}

/** Looks at everything that commonly goes wrong with a node. */
export const command: CommandSpec = {
  name: "doctor",
  summary: "Look for what is wrong with this node, and say what to do.",
  usage: "[OPTIONS OF THE DAEMON] [--json]",
  about: `Checks settings, clock, home directory, keystore, disk, DNS records, ports, peers (clocks,
versions, both directions), pre-parameters and keys: through the daemon if it runs, else what it
would meet. Give the settings that the daemon has; where one cannot be used it is named, and the
rest looked at without it. Changes nothing. Exit code 1 if any check failed; warnings alone exit
with 0.`,
  maxWords: 0,
  options: {
    json: { help: "print one JSON object for machines" },
    ...DAEMON_OPTIONS,
  },
  examples: [
    "transfunctioner doctor",
    "transfunctioner doctor --json | jq '.findings[] | select(.verdict != \"ok\")'",
  ],
  reach: "node",
  lenient: true,
  async run(invocation) {
    const { terminal, on } = invocation;
    const findings = await examine(invocation);
    const failed = findings.filter((f) => f.verdict === "fail").length;
    const warned = findings.filter((f) => f.verdict === "warn").length;
    if (on.has("json")) {
      printJson(terminal, "transfunctioner/doctor/1", {
        version: VERSION,
        healthy: failed === 0,
        failed,
        warned,
        findings,
      });
    } else {
      const width = Math.max(...findings.map((f) => f.check.length));
      for (const f of findings) {
        const mark = paint(terminal, MARKS[f.verdict], f.verdict.padEnd(4));
        terminal.out(`${mark}  ${f.check.padEnd(width)}  ${f.detail}\n`);
        if (f.hint !== undefined) terminal.out(`${" ".repeat(width + 8)}→ ${f.hint}\n`);
      }
      terminal.out(
        `\n${failed === 0 ? "nothing failed" : `${failed} failed`}, ${warned} to look at\n`,
      );
    }
    return failed === 0 ? EXIT.done : EXIT.failed;
  },
};
