/**
 * The permissions that a daemon with given settings needs, and no others.
 *
 * What Deno 2.9 makes of `--allow-net`, as found by trying:
 *
 * - `0.0.0.0/0:PORT` allows dialling every IPv4 address on that port (loopback included) and
 *   listening there on every interface. Nothing similar exists for IPv6: no spelling of a range
 *   with a port is accepted, nor `*:PORT`. IPv6 peers are therefore listed one by one.
 * - A host name must be listed itself; the addresses that it resolves to need not be.
 * - `PORT` or `:PORT` alone does not mean "any host".
 * - A look-up through `Deno.resolveDns` takes permission for the name server's address and port,
 *   also where the system's own servers are asked. Where those are not known when permissions are
 *   worked out, port 53 of every IPv4 address is allowed; `TRF_DNS_SERVER` narrows that down.
 * - Some code hosts are allowed as sources of imports by default, and `--deny-import` does not
 *   take that back; `--no-remote` does. npm packages are not remote in that sense: a computed
 *   `import("npm:…")` would download and run one. `--frozen` refuses it, as the lock file does not
 *   have it; a bundled program runs with `--no-npm` as well.
 * - A symbolic link inside an allowed directory is followed. Making one takes permission to read
 *   and write everywhere, so a daemon cannot; the keystore refuses links besides.
 *
 * So a node can dial any IPv4 peer on the ports that its configured peers and it itself use, and
 * the named and IPv6 peers in its settings. A peer learnt from gossip that is only reachable by
 * name, by IPv6 or on another port has to be added to `TRF_CONNECT`.
 *
 * @module
 */

import type { Config } from "./config.ts";
import { ConfigError } from "./config_error.ts";
import { type Address, formatAddress, hostKind, quote } from "./config_values.ts";

/** One thing that a process may do, and what for. */
export interface Grant {
  /** Deno's name of the permission. */
  readonly permission: "read" | "write" | "env" | "net";
  /** What exactly: a path, a pattern of variables, or a host and a port. */
  readonly scope: string;
  /** What breaks without it. */
  readonly why: string;
  /** The file that makes use of it. */
  readonly code: string;
  /** `start` if the running daemon has given it up, else `stop`. */
  readonly until: "start" | "stop";
}

/** What no process of this program holds, with the reason that it can do without. */
export const WITHHELD: readonly { readonly permission: string; readonly why: string }[] = [
  { permission: "run", why: "starts no other program" },
  { permission: "ffi", why: "loads no native library" },
  { permission: "sys", why: "asks nothing about the machine" },
  { permission: "import", why: "all code is in the program; nothing is fetched" },
  { permission: "workers", why: "ceremony workers hold no permission at all, only messages" },
];

/**
 * Returns what a daemon may do and why, in the order of {@link daemonPermissions}.
 *
 * @param system the system's name servers, which are asked unless the configuration names one.
 */
export function daemonGrants(config: Config, system: readonly Address[] = []): Grant[] {
  const home = onePath("TRF_HOME", config.home.value);
  const files = "lib/keystore/files.ts";
  const grants: Grant[] = [{
    permission: "read",
    scope: home,
    why: "the node key, shares, pre-parameters and config.json",
    code: files,
    until: "stop",
  }];
  if (config.passphraseFile.value !== null) {
    grants.push({
      permission: "read",
      scope: onePath("TRF_PASSPHRASE_FILE", config.passphraseFile.value),
      why: "the passphrase that opens the node key",
      code: "cli/secret.ts",
      until: "stop",
    });
  }
  grants.push({
    permission: "write",
    scope: home,
    why: "new shares and pre-parameters, ceremony ids already seen, the audit log, the lock",
    code: files,
    until: "stop",
  });
  const program = config.consentUrl.value;
  if (program?.via === "unix") {
    // A Unix socket takes three permissions, all for its path alone.
    for (const permission of ["read", "write"] as const) {
      grants.push({
        permission,
        scope: onePath("TRF_CONSENT_URL", program.socket),
        why: "asks the consent program",
        code: "lib/node/deno_net.ts",
        until: "stop",
      });
    }
  }
  grants.push({
    permission: "env",
    scope: "TRF_*",
    why: "settings; given up once they are read",
    code: "cli/environment.ts",
    until: "start",
  });
  for (const { host, why, code } of networkGrants(config, system)) {
    grants.push({ permission: "net", scope: host, why, code, until: "stop" });
  }
  return grants;
}

/** Returns the `deno run` flags for a daemon, in a fixed order; the last word of what it may do. */
export function daemonPermissions(config: Config, system: readonly Address[] = []): string[] {
  return permissionFlags(daemonGrants(config, system));
}

/** Returns the `deno run` flags that allow `grants` and nothing else, in a fixed order. */
export function permissionFlags(grants: readonly Grant[]): string[] {
  const flags = ["--no-prompt", "--no-remote", "--frozen"];
  for (const permission of ["read", "write", "env", "net"] as const) {
    const scopes = grants.filter((g) => g.permission === permission).map((g) => g.scope);
    if (scopes.length > 0) flags.push(`--allow-${permission}=${[...new Set(scopes)].join(",")}`);
  }
  return flags;
}

/** Returns the entries of `--allow-net`, sorted and without repetition. */
export function networkHosts(config: Config, system: readonly Address[] = []): string[] {
  return networkGrants(config, system).map(({ host }) => host);
}

/** Whether a daemon with this configuration asks name servers itself. */
export function asksDns(config: Config): boolean {
  return config.dns.value !== "off" ||
    (config.connect.value.length === 0 &&
      config.seeds.value.some((seed) => hostKind(seed.host) === "name"));
}

/** The entries of `--allow-net`, sorted, each with all the reasons for it and the code behind them. */
function networkGrants(
  config: Config,
  system: readonly Address[],
): { host: string; why: string; code: string }[] {
  const hosts = new Map<string, { why: string; code: string }[]>();
  const add = (host: string, why: string, code = "lib/node/deno_net.ts") => {
    const reasons = hosts.get(host) ?? [];
    if (!reasons.some((r) => r.why === why)) hosts.set(host, [...reasons, { why, code }]);
  };
  const listeners = [
    [config.listenAddress.value, "listens there for peers"],
    [config.adminAddress.value, "listens there for the command line"],
    [
      config.prometheusAddress.value,
      `listens there for /metrics and /health${
        config.statusPage.value ? ", and the status page" : ""
      }`,
      "lib/node/http.ts",
    ],
  ] as const;
  for (const [address, why, code] of listeners) {
    if (address !== null) add(formatAddress(address), why, code);
  }
  const program = config.consentUrl.value;
  if (program !== null) {
    add(
      program.via === "unix" ? `unix:${program.socket}` : formatAddress(program),
      "asks the consent program there",
    );
  }
  const peers = [...config.connect.value, ...config.seeds.value];
  const ports = new Set(peers.map((peer) => peer.port));
  const own = config.listenAddress.value?.port ?? 0;
  // Peers usually listen where this node does.
  if (own !== 0) ports.add(own);
  for (const port of ports) add(`0.0.0.0/0:${port}`, "dials peers by IPv4 address on this port");
  for (const peer of peers) {
    if (!isCovered(peer)) add(formatAddress(peer), "dials this configured peer");
  }
  if (asksDns(config)) {
    const dns = "lib/node/deno_dns.ts";
    const servers = config.dnsServer.value === null ? system : [config.dnsServer.value];
    for (const server of servers) add(formatAddress(server), "asks this name server", dns);
    // Deno checks the address of each server; where the system's are not known, any may be it.
    if (servers.length === 0) add("0.0.0.0/0:53", "asks name servers of the system", dns);
  }
  const together = (texts: string[], by: string) => [...new Set(texts)].join(by);
  return [...hosts].sort(([a], [b]) => a < b ? -1 : 1)
    .map(([host, reasons]) => ({
      host,
      why: together(reasons.map((r) => r.why), "; "),
      code: together(reasons.map((r) => r.code), ", "),
    }));
}

function isCovered(peer: Address): boolean {
  return hostKind(peer.host) === "ipv4";
}

/** A comma would begin another path, and Deno knows no escape for it. */
export function onePath(name: string, path: string): string {
  if (!path.includes(",")) return path;
  throw new ConfigError(
    `${name}: ${quote(path)} has a comma, which Deno's permissions cannot express`,
    "choose a path without one",
  );
}
