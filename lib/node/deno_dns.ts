/**
 * The mesh's resolver over Deno's. Needs `--allow-net` for the address of each name server asked.
 *
 * @module
 */

import { type Resolver, reverseName } from "../mesh/resolver.ts";

/** A name server. */
export interface NameServer {
  /** Textual IP address. */
  readonly host: string;
  /** UDP and TCP port. */
  readonly port: number;
}

/** Where Unix systems list their name servers. */
export const RESOLV_CONF = "/etc/resolv.conf";
/** Port of name servers. */
export const DNS_PORT = 53;

/** Returns a resolver that asks `server`, or the system's name servers. */
export function denoResolver(server: NameServer | null): Resolver {
  const options = server === null
    ? undefined
    : { nameServer: { ipAddr: server.host, port: server.port } };
  return {
    async txt(name) {
      const records = await found(() => Deno.resolveDns(name, "TXT", options));
      return records.map((parts) => parts.join(""));
    },
    async names(ip) {
      const names = await found(() => Deno.resolveDns(reverseName(ip), "PTR", options));
      return names.map((name) => name.replace(/\.$/, ""));
    },
    async addresses(name) {
      const [four, six] = await Promise.allSettled([
        found(() => Deno.resolveDns(name, "A", options)),
        found(() => Deno.resolveDns(name, "AAAA", options)),
      ]);
      if (four.status === "rejected" && six.status === "rejected") throw four.reason;
      return [
        ...(four.status === "fulfilled" ? four.value : []),
        ...(six.status === "fulfilled" ? six.value : []),
      ];
    },
  };
}

/** Deno reports both "no such name" and "no such records" as `NotFound`. */
async function found<T>(ask: () => Promise<T[]>): Promise<T[]> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

/** Reads the name servers out of the text of {@link RESOLV_CONF}. */
export function parseResolvConf(text: string): NameServer[] {
  const hosts = [...text.matchAll(/^[ \t]*nameserver[ \t]+([0-9a-f.:]+)(?:%\S+)?[ \t]*$/gim)];
  return hosts.map(([, host]) => ({ host: host!, port: DNS_PORT }));
}

/**
 * Reads the system's name servers, as a daemon's permissions have to list them; none where the file
 * is missing or may not be read.
 */
export async function systemNameServers(): Promise<NameServer[]> {
  try {
    return parseResolvConf(await Deno.readTextFile(RESOLV_CONF));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotCapable) return [];
    throw error;
  }
}
