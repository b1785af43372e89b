/**
 * The DNS as the mesh sees it: three kinds of look-up.
 *
 * @module
 */

/** Asks the DNS. An answer "there is no such name" is an empty list; everything else rejects. */
export interface Resolver {
  /** The TXT records of a name; the strings of one record joined. */
  txt(name: string): Promise<string[]>;
  /** The names behind an IP address (PTR), without a final dot. */
  names(ip: string): Promise<string[]>;
  /** The IPv4 and IPv6 addresses of a name. */
  addresses(name: string): Promise<string[]>;
}

/** Tells whether a host is a textual IP address and needs no look-up. */
export function isIpAddress(host: string): boolean {
  return host.includes(":") || /^\d{1,3}(\.\d{1,3}){3}$/.test(host);
}

/**
 * The name under which the DNS keeps the PTR records of an address.
 *
 * @throws {RangeError} if the text is no IP address.
 */
export function reverseName(ip: string): string {
  if (/^\d{1,3}(\.\d{1,3}){3}$/.test(ip)) {
    return `${ip.split(".").reverse().join(".")}.in-addr.arpa`;
  }
  const mapped = /^::ffff:(\d{1,3}(?:\.\d{1,3}){3})$/i.exec(ip);
  if (mapped !== null) return reverseName(mapped[1]!);
  const halves = ip.replace(/%.*$/, "").split("::");
  const left = halves[0] === "" ? [] : halves[0]!.split(":");
  const right = halves[1] === undefined || halves[1] === "" ? [] : halves[1].split(":");
  const gap = 8 - left.length - right.length;
  const groups = halves.length === 2
    ? [...left, ...Array<string>(Math.max(0, gap)).fill("0"), ...right]
    : left;
  const bad = halves.length > 2 || groups.length !== 8 ||
    groups.some((group) => !/^[0-9a-f]{1,4}$/i.test(group));
  if (bad) throw new RangeError(`Cannot name ${ip} in the DNS: it is not an IP address`);
  const digits = groups.map((group) => group.toLowerCase().padStart(4, "0")).join("");
  return `${[...digits].reverse().join(".")}.ip6.arpa`;
}
