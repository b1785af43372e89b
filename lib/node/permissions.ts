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
 * - Some code hosts are allowed as sources of imports by default, and `--deny-import` does not
 *   take that back; `--no-remote` does.
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

/** Returns the `deno run` flags for a daemon, in a fixed order; the last word of what it may do. */
export function daemonPermissions(config: Config): string[] {
  const home = pathList("TRF_HOME", config.home.value);
  const passphraseFile = config.passphraseFile.value;
  const read = passphraseFile === null
    ? home
    : `${home},${pathList("TRF_PASSPHRASE_FILE", passphraseFile)}`;
  return [
    "--no-prompt",
    "--no-remote",
    `--allow-read=${read}`,
    `--allow-write=${home}`,
    "--allow-env=TRF_*",
    `--allow-net=${networkHosts(config).join(",")}`,
  ];
}

/** Returns the entries of `--allow-net`, sorted and without repetition. */
export function networkHosts(config: Config): string[] {
  const hosts = new Set<string>();
  const listeners = [
    config.listenAddress.value,
    config.adminAddress.value,
    config.prometheusAddress.value,
  ];
  for (const address of listeners) {
    if (address !== null) hosts.add(formatAddress(address));
  }
  const peers = [...config.connect.value, ...config.seeds.value];
  const ports = new Set(peers.map((peer) => peer.port));
  const own = config.listenAddress.value?.port ?? 0;
  // Peers usually listen where this node does.
  if (own !== 0) ports.add(own);
  for (const port of ports) hosts.add(`0.0.0.0/0:${port}`);
  for (const peer of peers) {
    if (!isCovered(peer)) hosts.add(formatAddress(peer));
  }
  return [...hosts].sort();
}

function isCovered(peer: Address): boolean {
  return hostKind(peer.host) === "ipv4";
}

/** A comma would begin another path, and Deno knows no escape for it. */
function pathList(name: string, path: string): string {
  if (!path.includes(",")) return path;
  throw new ConfigError(
    `${name}: ${quote(path)} has a comma, which Deno's permissions cannot express`,
    "choose a path without one",
  );
}
