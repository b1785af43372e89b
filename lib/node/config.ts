/**
 * The settings of a node: command line over environment over `<home>/config.json` over defaults.
 * Every value remembers where it came from.
 *
 * @module
 */

import { fromUtf8 } from "../encoding/bytes.ts";
import { type Json, parseJson } from "../encoding/json.ts";
import { KeystoreError } from "../keystore/errors.ts";
import { denoFiles, joinPath } from "../keystore/files.ts";
import { formatLogLevels, type LogLevels } from "../observe/log_levels.ts";
import { ConfigError, nearestName, ValueError } from "./config_error.ts";
import { CONFIG_OPTIONS, type OptionName, OPTIONS } from "./config_options.ts";
import type { PolicyTarget } from "./policy.ts";
import { type Address, formatAddress, formatDuration, quote } from "./config_values.ts";

export { ConfigError } from "./config_error.ts";
export { CONFIG_OPTIONS } from "./config_options.ts";
export type { ConfigOption, OptionName } from "./config_options.ts";
export { formatAddress, parseAddress } from "./config_values.ts";
export type { Address } from "./config_values.ts";

/** A value and where it came from. */
export interface Setting<T> {
  /** The value. */
  readonly value: T;
  /** `flag`, `env TRF_…`, `file …` or `default`. */
  readonly origin: string;
}

/** What the reader of a setting gives. */
export type ValueOf<K extends OptionName> = ReturnType<typeof OPTIONS[K]["parse"]>;

/** All settings, checked one by one and against each other. */
export type Config =
  & {
    readonly [K in Exclude<OptionName, "dns">]: Setting<ValueOf<K>>;
  }
  & {
    /** Whether and how peers are checked in DNS. */
    readonly dns: Setting<"off" | "forward" | "reverse" | "all">;
    /** Things an operator should know, one sentence each. */
    readonly warnings: readonly string[];
  };

/** Where settings are read from. */
export interface ConfigSources {
  /** Command-line options by long name without dashes; a switch has the text `true`. */
  readonly flags: Readonly<Record<string, string | undefined>>;
  /** Environment variables: those that begin with `TRF_`, and `HOME`. Empty ones are unset. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Reads a file; null if there is none. Default: from the disk. */
  readonly readFile?: (path: string) => Promise<Uint8Array | null>;
  /** Gives the working directory, for a relative home. Default: none, relative is refused. */
  readonly cwd?: () => string;
}

/** Name of the file with settings in the home directory. */
export const CONFIG_FILE = "config.json";
const MAX_CONFIG_FILE = 65536;

/** Text of a setting before it is read. */
interface Raw {
  readonly text: string;
  readonly origin: string;
  /** The setting as an operator wrote it: `--connect`, `TRF_CONNECT`, `"connect" in …`. */
  readonly label: string;
}

/**
 * Reads all settings.
 *
 * @throws {ConfigError} naming the first setting that is wrong and what to write instead.
 */
export async function loadConfig(sources: ConfigSources): Promise<Config> {
  const warnings = unknownVariables(sources.env);
  const home = homeDirectory(sources);
  const path = joinPath(home.value, CONFIG_FILE);
  const file = parseFile(await (sources.readFile ?? readFromDisk)(path), path);
  const settings: Record<string, Setting<unknown>> = { home };
  for (const { name, parse } of CONFIG_OPTIONS) {
    if (name === "home") continue;
    const raw = rawSetting(name, sources, file, path);
    settings[name] = { value: read(raw, parse), origin: raw.origin };
  }
  if (settings["dns"]!.value === "") {
    const value = settings["hostname"]!.value === "" ? "off" : "forward";
    settings["dns"] = { value, origin: "default" };
  }
  const config = { ...settings, warnings } as unknown as Config;
  checkTogether(config);
  if (config.connect.value.length > 0 && config.seeds.value.length > 0) {
    warnings.push("TRF_SEEDS has no effect while TRF_CONNECT names peers");
  }
  if (config.pprofAddress.value !== "") {
    warnings.push("TRF_PPROF_ADDRESS has no effect: this program serves no Go profiling");
  }
  return config;
}

/** Lists every setting with its value as text, secrets redacted, and its origin. */
export function describeConfig(
  config: Config,
): { name: OptionName; variable: string; value: string; origin: string }[] {
  return CONFIG_OPTIONS.map(({ name, variable, secret }) => {
    const { value, origin } = config[name];
    return {
      name,
      variable,
      value: secret === true && value !== null ? "[redacted]" : showValue(name, value),
      origin,
    };
  });
}

function showValue(name: OptionName, value: unknown): string {
  if (name === "logLevel") return formatLogLevels(value as LogLevels);
  if (name.endsWith("Timeout")) return formatDuration(value as number);
  if (name === "consentUrl") return formatTarget(value as PolicyTarget | null);
  if (value === null) return name.endsWith("Address") ? "off" : "";
  if (Array.isArray(value)) return value.map((item) => showValue(name, item)).join(",");
  if (typeof value === "object") return formatAddress(value as Address);
  return String(value);
}

function formatTarget(target: PolicyTarget | null): string {
  if (target === null) return "";
  return target.via === "unix"
    ? `unix:${target.socket}`
    : `http://${formatAddress(target)}${target.path}`;
}

function rawSetting(
  name: OptionName,
  { flags, env }: ConfigSources,
  file: ReadonlyMap<string, string>,
  path: string,
): Raw {
  const { flag, variable, key, default: fallback } = OPTIONS[name];
  const fromFlag = flag === null ? undefined : flags[flag];
  if (fromFlag !== undefined) return { text: fromFlag, origin: "flag", label: `--${flag}` };
  const fromEnv = env[variable];
  // Container images set every variable to the empty text.
  if (fromEnv !== undefined && fromEnv !== "") {
    return { text: fromEnv, origin: `env ${variable}`, label: variable };
  }
  const fromFile = key === null ? undefined : file.get(key);
  if (fromFile !== undefined) {
    return { text: fromFile, origin: `file ${path}`, label: `"${key}" in ${path}` };
  }
  return { text: fallback, origin: "default", label: variable };
}

function read<T>(raw: Raw, parse: (text: string) => T): T {
  try {
    return parse(raw.text);
  } catch (error) {
    if (error instanceof ValueError) {
      throw new ConfigError(`${raw.label}: ${error.message}`, error.hint);
    }
    throw error;
  }
}

function homeDirectory(sources: ConfigSources): Setting<string> {
  const raw = rawSetting("home", sources, new Map(), "");
  const fail = (rule: string, hint: string): never => {
    throw new ConfigError(`${raw.label}: ${rule}`, hint);
  };
  let home = raw.text;
  if (home === "") fail("is empty", "name a directory");
  // deno-lint-ignore no-control-regex
  if (/[\u0000-\u001f]/.test(home)) fail("holds a control character", "name a directory");
  if (home === "~" || home.startsWith("~/")) {
    const user = sources.env["HOME"] ?? "";
    if (user === "") fail(`${quote(home)} needs HOME, which is not set`, "give a path from /");
    home = joinPath(user, home.slice(2));
  }
  const absolute = home.startsWith("/") || /^[A-Za-z]:[\\/]/.test(home);
  if (!absolute) {
    if (sources.cwd === undefined) fail(`${quote(home)} is relative`, "give a path from /");
    home = joinPath(sources.cwd!(), home);
  }
  return { value: normalPath(home), origin: raw.origin };
}

/** Resolves `.` and `..` and doubled slashes: permissions are granted to one spelling. */
function normalPath(path: string): string {
  if (!path.startsWith("/")) return path;
  const parts: string[] = [];
  for (const part of path.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return "/" + parts.join("/");
}

async function readFromDisk(path: string): Promise<Uint8Array | null> {
  const files = denoFiles();
  try {
    if (await files.stat(path) === null) return null;
    return await files.read(path, { limit: MAX_CONFIG_FILE, secret: false });
  } catch (error) {
    if (error instanceof KeystoreError) throw new ConfigError(error.message, error.hint);
    throw error;
  }
}

function parseFile(bytes: Uint8Array | null, path: string): ReadonlyMap<string, string> {
  const out = new Map<string, string>();
  if (bytes === null) return out;
  let json: Json;
  try {
    json = parseJson(fromUtf8(bytes), { depth: 3, digits: 20 });
  } catch (error) {
    const why = error instanceof SyntaxError ? error.message : "it is not UTF-8 text";
    throw new ConfigError(`${path}: ${why}`, "mend the JSON, or remove the file");
  }
  if (!(json instanceof Map)) {
    throw new ConfigError(`${path}: is not a JSON object`, 'write it as {"connect": […], …}');
  }
  const keys = CONFIG_OPTIONS.map((o) => o.key).filter((key) => key !== null);
  for (const [key, value] of json) {
    if (!keys.includes(key)) {
      const near = nearestName(key, keys);
      const secret = CONFIG_OPTIONS.find((o) => o.variable.slice(4).toLowerCase() === key);
      throw new ConfigError(
        `${path}: ${quote(key)} is not a setting${
          secret === undefined ? "" : " that a file may hold"
        }`,
        secret !== undefined
          ? `set ${secret.variable} instead`
          : near === undefined
          ? "see the list of settings in the documentation"
          : `did you mean "${near}"?`,
      );
    }
    out.set(key, fileText(value, key, path));
  }
  return out;
}

function fileText(value: Json, key: string, path: string): string {
  if (typeof value === "string") return value;
  if (typeof value === "bigint" || typeof value === "boolean") return String(value);
  if (Array.isArray(value) && value.every((item) => typeof item === "string" && item !== "")) {
    if (!value.some((item) => (item as string).includes(","))) return value.join(",");
  }
  throw new ConfigError(
    `"${key}" in ${path}: is neither a text, a number, a switch nor a list of texts`,
    `write it as {"${key}": "…"} or {"${key}": ["…", "…"]}`,
  );
}

function unknownVariables(env: ConfigSources["env"]): string[] {
  const known = new Set<string>(CONFIG_OPTIONS.map((o) => o.variable));
  const warnings: string[] = [];
  for (const name of Object.keys(env).sort()) {
    if (!name.startsWith("TRF_") || known.has(name)) continue;
    const near = nearestName(name, known);
    warnings.push(
      `${name} is not a variable of this program${near === undefined ? "" : `; is it ${near}?`}`,
    );
  }
  return warnings;
}

function checkTogether(config: Config): void {
  const { dns, hostname, privateKey, keystorePassphrase, passphraseFile } = config;
  if ((dns.value === "forward" || dns.value === "all") && hostname.value === "") {
    throw new ConfigError(
      `TRF_DNS: ${dns.value} needs a host name`,
      "set TRF_HOSTNAME to the name that other nodes dial, or TRF_DNS=off",
    );
  }
  if (keystorePassphrase.value !== null && passphraseFile.value !== null) {
    throw new ConfigError(
      "the passphrase is given twice, as TRF_KEYSTORE_PASSPHRASE and as a passphrase file",
      "unset one of them",
    );
  }
  if (
    privateKey.value !== null &&
    (keystorePassphrase.value !== null || passphraseFile.value !== null)
  ) {
    throw new ConfigError(
      "both TRF_PRIVATE_KEY and a passphrase are given",
      "unset TRF_PRIVATE_KEY to use identity.json, or the passphrase to use the key",
    );
  }
  if (config.statusPage.value && config.prometheusAddress.value === null) {
    throw new ConfigError(
      "TRF_STATUS_PAGE: there is no listener to serve the page",
      "set TRF_PROMETHEUS_ADDRESS, for example to 127.0.0.1:45069, or TRF_STATUS_PAGE=0",
    );
  }
  if (config.roundTimeout.value > config.ceremonyTimeout.value) {
    throw new ConfigError(
      "TRF_ROUND_TIMEOUT: is longer than TRF_CEREMONY_TIMEOUT",
      "shorten the one or lengthen the other",
    );
  }
  const listeners: (readonly [string, Address | null])[] = [
    ["TRF_LISTEN_ADDRESS", config.listenAddress.value],
    ["TRF_ADMIN_ADDRESS", config.adminAddress.value],
    ["TRF_PROMETHEUS_ADDRESS", config.prometheusAddress.value],
  ];
  listeners.forEach(([name, address], i) => {
    const twin = listeners.slice(0, i).find(([, other]) => clash(other, address));
    if (twin === undefined) return;
    throw new ConfigError(
      `${name}: ${formatAddress(address!)} is taken by ${twin[0]}`,
      "give each listener a port of its own",
    );
  });
}

/** Two listeners on one port clash if their hosts are the same or one means all interfaces. */
function clash(a: Address | null, b: Address | null): boolean {
  if (a === null || b === null || a.port !== b.port || a.port === 0) return false;
  const all = (host: string) => host === "0.0.0.0" || host === "::";
  return a.host === b.host || all(a.host) || all(b.host);
}
