/**
 * Every setting of the program in one table: it drives reading, help texts and documentation.
 *
 * Names, types and defaults are the Go service's (mesh specification, section 17) where it has the
 * setting, with these differences, each so that a node starts and works without any variable:
 *
 * - `TRF_HOME` is `~/.transfunctioner`, not the Go service's `~/.transfunctionerd`: a home
 *   directory of a Go node is opened when asked for, never by accident.
 * - `TRF_LISTEN_ADDRESS` is `0.0.0.0:45067`; in the Go service, empty means no listener, which
 *   here is `off`.
 * - `TRF_DNS` is `off` unless a host name is set; the Go service's `forward` does not start
 *   without one.
 *
 * @module
 */

import {
  addressOrOff,
  consentTarget,
  durationWithin,
  flag,
  folderInside,
  hostnameOrNone,
  identity,
  integerWithin,
  listOf,
  logLevels,
  loopbackAddress,
  nameServerOrNone,
  oneOf,
  parseAddress,
  passphrase,
  pathOrNone,
  privateKey,
} from "./config_values.ts";

/** One setting. */
export interface ConfigOption<T = unknown> {
  /** Environment variable. */
  readonly variable: string;
  /** Long command-line option without dashes; null where a command line would show a secret. */
  readonly flag: string | null;
  /** Key in `config.json`; null where a file must not or cannot hold it. */
  readonly key: string | null;
  /** Text that the reader gets when nothing is set. */
  readonly default: string;
  /** What the value looks like in a help text; "" for a switch. */
  readonly placeholder: string;
  /** One line that says what it does. */
  readonly help: string;
  /** The value never appears in any output. */
  readonly secret?: true;
  /** Reads the text; throws ValueError. */
  readonly parse: (text: string) => T;
}

const SECOND = 1000;
const HOUR = 3600 * SECOND;

/** Keeps the type of each reader's result. */
function option<T>(spec: ConfigOption<T>): ConfigOption<T> {
  return spec;
}

/** The table, by the names of {@link Config}'s properties. */
export const OPTIONS = {
  home: option({
    variable: "TRF_HOME",
    flag: "home",
    key: null,
    default: "~/.transfunctioner",
    placeholder: "DIR",
    help: "directory with keys, shares and config.json",
    parse: (text) => text,
  }),
  listenAddress: option({
    variable: "TRF_LISTEN_ADDRESS",
    flag: "listen-address",
    key: "listen_address",
    default: "0.0.0.0:45067",
    placeholder: "HOST:PORT",
    help: "where peers connect; off for none",
    parse: addressOrOff,
  }),
  connect: option({
    variable: "TRF_CONNECT",
    flag: "connect",
    key: "connect",
    default: "",
    placeholder: "HOST:PORT,…",
    help: "peers to stay connected to; makes seeds unused",
    parse: listOf((text) => parseAddress(text)),
  }),
  seeds: option({
    variable: "TRF_SEEDS",
    flag: "seeds",
    key: "seeds",
    default: "",
    placeholder: "HOST:PORT,…",
    help: "nodes to ask for peers while there is no session",
    parse: listOf((text) => parseAddress(text)),
  }),
  peersWanted: option({
    variable: "TRF_PEERS_WANTED",
    flag: "peers-wanted",
    key: "peers_wanted",
    default: "8",
    placeholder: "N",
    help: "sessions to aim for, and the most that are accepted",
    parse: integerWithin(1, 1024),
  }),
  hostname: option({
    variable: "TRF_HOSTNAME",
    flag: "hostname",
    key: "hostname",
    default: "",
    placeholder: "NAME",
    help: "host name that other nodes are told to dial",
    parse: hostnameOrNone,
  }),
  dns: option({
    variable: "TRF_DNS",
    flag: "dns",
    key: "dns",
    // Decided when the host name is known.
    default: "",
    placeholder: "MODE",
    help:
      "check peers in DNS: off, forward, reverse, all (forward if a host name is set, else off)",
    parse: oneOf("", "off", "forward", "reverse", "all"),
  }),
  dnsServer: option({
    variable: "TRF_DNS_SERVER",
    flag: "dns-server",
    key: "dns_server",
    default: "",
    placeholder: "IP:PORT",
    help: "name server to ask; by default the system's",
    parse: nameServerOrNone,
  }),
  sessionsPerIp: option({
    variable: "TRF_SESSIONS_PER_IP",
    flag: "sessions-per-ip",
    key: "sessions_per_ip",
    default: "4",
    placeholder: "N",
    help: "sessions that unknown peers from one address may hold; this machine is exempt",
    parse: integerWithin(1, 1024),
  }),
  adminAddress: option({
    variable: "TRF_ADMIN_ADDRESS",
    flag: "admin-address",
    key: "admin_address",
    default: "127.0.0.1:45068",
    placeholder: "HOST:PORT",
    help: "where the command line reaches the daemon; on this machine only",
    parse: loopbackAddress,
  }),
  adminKeys: option({
    variable: "TRF_ADMIN_KEYS",
    flag: "admin-keys",
    key: "admin_keys",
    default: "",
    placeholder: "ID,…",
    help: "identities that may use the admin listener beside the home directory's admin.key",
    parse: listOf(identity),
  }),
  initiators: option({
    variable: "TRF_INITIATORS",
    flag: "initiators",
    key: "initiators",
    default: "",
    placeholder: "ID,…",
    help: "nodes whose requests for ceremonies this node takes part in; nobody by default",
    parse: listOf(identity),
  }),
  consent: option({
    variable: "TRF_CONSENT",
    flag: "consent",
    key: "consent",
    default: "auto",
    placeholder: "RULE",
    help: "auto: take part in what initiators ask for; manual: wait for approval",
    parse: oneOf("auto", "manual"),
  }),
  consentUrl: option({
    variable: "TRF_CONSENT_URL",
    flag: "consent-url",
    key: "consent_url",
    default: "",
    placeholder: "URL",
    help: "program on this machine that is asked about each request: http://127.0.0.1:PORT/… or " +
      "unix:/PATH",
    parse: consentTarget,
  }),
  consentTimeout: option({
    variable: "TRF_CONSENT_TIMEOUT",
    flag: "consent-timeout",
    key: "consent_timeout",
    default: "10s",
    placeholder: "DURATION",
    help: "how long that program may take; no answer is a no",
    parse: durationWithin(100, 600 * SECOND),
  }),
  ceremonyTimeout: option({
    variable: "TRF_CEREMONY_TIMEOUT",
    flag: "ceremony-timeout",
    key: "ceremony_timeout",
    default: "10m",
    placeholder: "DURATION",
    help: "longest time for a whole ceremony",
    parse: durationWithin(SECOND, 24 * HOUR),
  }),
  roundTimeout: option({
    variable: "TRF_ROUND_TIMEOUT",
    flag: "round-timeout",
    key: "round_timeout",
    default: "2m",
    placeholder: "DURATION",
    help: "longest wait for the others in one round of a ceremony",
    parse: durationWithin(SECOND, 24 * HOUR),
  }),
  signRetries: option({
    variable: "TRF_SIGN_RETRIES",
    flag: "sign-retries",
    key: "sign_retries",
    default: "2",
    placeholder: "N",
    help: "attempts at a signature with other members when some fail; 0 for none",
    parse: integerWithin(0, 16),
  }),
  preparamsTimeout: option({
    variable: "TRF_PREPARAMS_TIMEOUT",
    flag: "preparams-timeout",
    key: "preparams_timeout",
    default: "0s",
    placeholder: "DURATION",
    help: "longest time for making pre-parameters; 0s is one minute",
    // The Go service's rule: nothing set means a minute.
    parse: (text) => durationWithin(0, 24 * HOUR)(text) || 60 * SECOND,
  }),
  prometheusAddress: option({
    variable: "TRF_PROMETHEUS_ADDRESS",
    flag: "prometheus-address",
    key: "prometheus_address",
    default: "",
    placeholder: "HOST:PORT",
    help: "where /metrics and /health are served; nowhere by default",
    parse: addressOrOff,
  }),
  statusPage: option({
    variable: "TRF_STATUS_PAGE",
    flag: "status-page",
    key: "status_page",
    default: "0",
    placeholder: "",
    help: "serve /status there as well: a read-only page about the mesh, ceremonies and keys",
    parse: flag,
  }),
  logLevel: option({
    variable: "TRF_LOG_LEVEL",
    flag: "log-level",
    key: "log_level",
    default: "INFO",
    placeholder: "LEVELS",
    help: "DEBUG, INFO, WARN or ERROR, also per module: INFO,mesh=DEBUG",
    parse: logLevels,
  }),
  logFormat: option({
    variable: "TRF_LOG_FORMAT",
    flag: "log-format",
    key: "log_format",
    default: "text",
    placeholder: "FORMAT",
    help: "text for people, json for machines",
    parse: oneOf("text", "json"),
  }),
  transcripts: option({
    variable: "TRF_TRANSCRIPTS",
    flag: "transcripts",
    key: "transcripts",
    default: "",
    placeholder: "DIR",
    help: "keep a transcript of every ceremony in this folder of the home directory, for `audit`",
    parse: folderInside,
  }),
  debugInitiation: option({
    variable: "TRF_DEBUG_INITIATION",
    flag: "debug-initiation",
    key: "debug_initiation",
    default: "0",
    placeholder: "",
    help: "take unsigned requests from the wire, as debug builds of the Go service do: tests only",
    parse: flag,
  }),
  privateKey: option({
    variable: "TRF_PRIVATE_KEY",
    flag: null,
    key: null,
    default: "",
    placeholder: "HEX",
    help: "the node key, 64 hex digits, instead of identity.json and a passphrase",
    secret: true,
    parse: privateKey,
  }),
  keystorePassphrase: option({
    variable: "TRF_KEYSTORE_PASSPHRASE",
    flag: null,
    key: null,
    default: "",
    placeholder: "TEXT",
    help: "passphrase that opens identity.json",
    secret: true,
    parse: passphrase,
  }),
  passphraseFile: option({
    variable: "TRF_PASSPHRASE_FILE",
    flag: "passphrase-file",
    key: "passphrase_file",
    default: "",
    placeholder: "PATH",
    help: "file whose first line is the passphrase",
    parse: pathOrNone,
  }),
  pprofAddress: option({
    variable: "TRF_PPROF_ADDRESS",
    flag: null,
    key: null,
    default: "",
    placeholder: "HOST:PORT",
    help: "profiling of the Go service; accepted and without effect here",
    parse: (text) => text,
  }),
} as const;

/** Name of a setting, as a property of {@link Config}. */
export type OptionName = keyof typeof OPTIONS;

/** The table as a list, for help texts and documents. */
export const CONFIG_OPTIONS: readonly (ConfigOption & { readonly name: OptionName })[] =
  (Object.keys(OPTIONS) as OptionName[]).map((name) => ({ name, ...OPTIONS[name] }));
