/**
 * Readers of single settings: text to value, or a {@link ValueError} that says what to write.
 *
 * @module
 */

import { type Identity, parseIdentity } from "../crypto/identity.ts";
import { fromHex } from "../encoding/bytes.ts";
import { joinHostPort, splitHostPort } from "../mesh/records.ts";
import { type LogLevels, parseLogLevels } from "../observe/log_levels.ts";
import { Secret } from "../observe/logger.ts";
import type { PolicyTarget } from "./policy.ts";
import { ValueError } from "./config_error.ts";

/** A host (name, IPv4, or IPv6 without brackets) and a port. */
export interface Address {
  /** Without brackets. */
  readonly host: string;
  /** 0 to 65535; 0 only where a listener may choose. */
  readonly port: number;
}

/** Rules for {@link parseAddress}. */
export interface AddressRules {
  /** Accept port 0 and an empty host (all interfaces), as a listener does. Default false. */
  readonly listener?: boolean;
}

const IPV4 = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/;
const HOSTNAME =
  /^(?=.{1,253}\.?$)[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*\.?$/i;

/** Tells what a host is; null if it is none of these. */
export function hostKind(host: string): "ipv4" | "ipv6" | "name" | null {
  const four = IPV4.exec(host);
  if (four !== null) {
    // A leading zero would be octal to some resolvers.
    return four.slice(1).every((n) => Number(n) < 256 && String(Number(n)) === n) ? "ipv4" : null;
  }
  if (host.includes(":")) return URL.canParse(`http://[${host}]/`) ? "ipv6" : null;
  // All-numeric last labels are mistyped IPv4 addresses, never names.
  if (HOSTNAME.test(host) && !/(^|\.)\d+\.?$/.test(host)) return "name";
  return null;
}

/**
 * Reads `host:port`; an IPv6 host stands in brackets.
 *
 * @throws {ValueError}
 */
export function parseAddress(text: string, rules: AddressRules = {}): Address {
  const hint = "write it as host:port, for example node1.example.com:45067 or [2001:db8::1]:45067";
  const parts = splitHostPort(text);
  if (parts === null) {
    const rule = text.includes("::") || (text.match(/:/g)?.length ?? 0) > 1
      ? "needs brackets around its IPv6 address"
      : "has no port";
    throw new ValueError(`${quote(text)} ${rule}`, hint);
  }
  const port = Number(parts.port);
  if (!/^[0-9]{1,5}$/.test(parts.port) || port > 65535) {
    throw new ValueError(`${quote(text)} has no port from 1 to 65535`, hint);
  }
  if (port === 0 && rules.listener !== true) {
    throw new ValueError(`${quote(text)} has port 0`, hint);
  }
  if (parts.host === "" && rules.listener === true) return { host: "0.0.0.0", port };
  const kind = hostKind(parts.host);
  if (kind === null || (kind === "ipv6") !== text.startsWith("[")) {
    throw new ValueError(`${quote(text)} has no usable host`, hint);
  }
  return { host: parts.host, port };
}

/** Writes an address as {@link parseAddress} reads it. */
export function formatAddress(address: Address): string {
  return joinHostPort(address.host, address.port);
}

/** Tells whether a host is this machine itself: 127.0.0.0/8, ::1 or localhost. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" ||
    (hostKind(host) === "ipv4" && host.startsWith("127."));
}

/** Reads a comma-separated list; the empty text is the empty list. */
export function listOf<T>(one: (text: string) => T): (text: string) => readonly T[] {
  return (text) => {
    if (text === "") return [];
    return text.split(",").map((item) => {
      if (item === "") {
        throw new ValueError("has an empty item", "separate items with one comma each");
      }
      if (/\s/.test(item)) {
        throw new ValueError(`has a blank in ${quote(item)}`, "write the list without blanks");
      }
      return one(item);
    });
  };
}

/** Reads an address or `off` (also the empty text), which is null. */
export function addressOrOff(text: string): Address | null {
  return text === "" || text === "off" ? null : parseAddress(text, { listener: true });
}

/** Reads the address of a name server; the empty text is none. */
export function nameServerOrNone(text: string): Address | null {
  if (text === "") return null;
  const address = parseAddress(text);
  if (hostKind(address.host) === "name") {
    throw new ValueError(
      `${quote(text)} names the server by a name`,
      "write its IP address and port, for example 10.0.0.2:53",
    );
  }
  return address;
}

/** Reads the address of a listener that only this machine may reach. */
export function loopbackAddress(text: string): Address {
  const address = parseAddress(text, { listener: true });
  if (!isLoopback(address.host)) {
    throw new ValueError(
      `${quote(text)} is not on this machine`,
      "use 127.0.0.1 or [::1]; reach it from elsewhere through ssh -L",
    );
  }
  return address;
}

/**
 * Reads where the consent program listens: `http://127.0.0.1:PORT/PATH` on this machine, or
 * `unix:/PATH`. The empty text is nowhere.
 */
export function consentTarget(text: string): PolicyTarget | null {
  if (text === "") return null;
  const hint = "write http://127.0.0.1:8080/consent or unix:/run/transfunctioner/consent.sock";
  const socket = /^unix:(?:\/\/)?(\/[^\s?#,]{1,100})$/.exec(text)?.[1];
  if (socket !== undefined) return { via: "unix", socket, path: "/" };
  const match = /^http:\/\/([^\s/?#@]+)(\/[\x21-\x7e]*)?$/.exec(text);
  if (match === null || match[2]?.includes("#")) {
    throw new ValueError(`${quote(text)} is neither an http: URL nor a Unix socket`, hint);
  }
  const { host, port } = parseAddress(match[1]!);
  if (!isLoopback(host)) {
    throw new ValueError(
      `${quote(text)} is not on this machine`,
      "use 127.0.0.1 or [::1]: whoever answers decides what is signed",
    );
  }
  return { via: "http", host, port, path: match[2] ?? "/" };
}

/** Reads an identity. */
export function identity(text: string): Identity {
  try {
    return parseIdentity(text);
  } catch {
    throw new ValueError(
      `${quote(text)} is not an identity`,
      "an identity has 40 hex digits; transfunctioner identity prints a node's own",
    );
  }
}

const UNITS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  "\u00b5s": 1e-3,
  "\u03bcs": 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};

/**
 * Reads a duration as Go does (`90s`, `1m30s`, `1.5h`, `0`), from `min` to `max` milliseconds.
 * Negative ones are refused.
 */
export function durationWithin(min: number, max: number): (text: string) => number {
  return (text) => {
    const hint = "write it as 90s, 10m or 1h30m";
    const pattern = /^\+?(?:0|(?:(?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|\u00b5s|\u03bcs|ms|s|m|h))+)$/;
    if (!pattern.test(text)) throw new ValueError(`${quote(text)} is not a duration`, hint);
    let total = 0;
    for (const [, number, unit] of text.matchAll(/([\d.]+)([a-z\u00b5\u03bc]+)/g)) {
      total += Number(number) * UNITS[unit!]!;
    }
    const ms = Math.round(total);
    if (ms < min || ms > max) {
      throw new ValueError(
        `${quote(text)} is not between ${formatDuration(min)} and ${formatDuration(max)}`,
        hint,
      );
    }
    return ms;
  };
}

/** Writes milliseconds as a Go duration. */
export function formatDuration(ms: number): string {
  if (ms === 0) return "0s";
  if (ms < 1000) return `${ms}ms`;
  const h = Math.floor(ms / 3_600_000), m = Math.floor(ms / 60_000) % 60, s = (ms % 60_000) / 1000;
  return (h > 0 ? `${h}h` : "") + (m > 0 ? `${m}m` : "") + (s > 0 ? `${s}s` : "");
}

/** Reads a whole number from `min` to `max`. */
export function integerWithin(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d{1,15}$/.test(text) || value < min || value > max) {
      throw new ValueError(
        `${quote(text)} is not a whole number from ${min} to ${max}`,
        `write a number, for example ${Math.max(min, Math.min(max, 8))}`,
      );
    }
    return value;
  };
}

/** Reads a switch: 1 or true, 0 or false. */
export function flag(text: string): boolean {
  if (["1", "true"].includes(text)) return true;
  if (["0", "false"].includes(text)) return false;
  throw new ValueError(`${quote(text)} is neither on nor off`, "write 1 or 0");
}

/** Reads one of some words. */
export function oneOf<T extends string>(...words: readonly T[]): (text: string) => T {
  return (text) => {
    const found = words.find((word) => word === text);
    if (found !== undefined) return found;
    const list = words.filter((word) => word !== "").join(", ");
    throw new ValueError(`${quote(text)} is not one of ${list}`, `write one of: ${list}`);
  };
}

/** Reads a host name; the empty text is none. */
export function hostnameOrNone(text: string): string {
  if (text === "" || hostKind(text) !== null) return text;
  throw new ValueError(`${quote(text)} is not a host name`, "write it as node1.example.com");
}

/** Reads log levels. */
export function logLevels(text: string): LogLevels {
  try {
    return parseLogLevels(text);
  } catch (error) {
    throw new ValueError(
      error instanceof Error ? error.message : String(error),
      "write it as INFO or INFO,mesh=DEBUG",
    );
  }
}

/** Reads a private key of 64 hex digits; the empty text is none. Never repeats what it reads. */
export function privateKey(text: string): Secret<Uint8Array> | null {
  if (text === "") return null;
  if (!/^[0-9a-fA-F]{64}$/.test(text)) {
    throw new ValueError("is not a private key", "write exactly 64 hex digits, without 0x");
  }
  return new Secret(fromHex(text));
}

/** Takes a passphrase as it is; the empty text is none. */
export function passphrase(text: string): Secret<string> | null {
  return text === "" ? null : new Secret(text);
}

/** Takes a path as it is; the empty text is none. */
export function pathOrNone(text: string): string | null {
  return text === "" ? null : text;
}

/** Quotes a value for a message, on one line and not too long. */
export function quote(text: string): string {
  const shown = JSON.stringify(text);
  return shown.length > 80 ? shown.slice(0, 76) + '…"' : shown;
}

/**
 * A folder inside another one, by its name there: `transcripts` or `a/b`; `null` for the empty text.
 *
 * @throws {ValueError} for anything that leads out of it.
 */
export function folderInside(text: string): string | null {
  if (text === "") return null;
  const parts = text.split("/");
  if (!parts.every((part) => /^[A-Za-z0-9_][A-Za-z0-9_.-]*$/.test(part))) {
    throw new ValueError(
      `${quote(text)} is not the name of a folder inside the home directory`,
      "name it without a leading slash, for example transcripts",
    );
  }
  return parts.join("/");
}
