/**
 * Takes secrets, and names of machines where that is wanted, out of what is handed to others.
 *
 * @module
 */

/** What must not appear. */
export interface Redaction {
  /** Texts that are secret wherever they stand: passphrases, keys. */
  readonly secrets: readonly string[];
  /** Host names to take out with every IP address; null leaves all of them. */
  readonly hosts: readonly string[] | null;
}

const HIDDEN = "[redacted]";
/** `passphrase=…`, `"private_key": "…"` and the like, in lines that others wrote. */
const NAMED = /((?:passphrase|password|private.?key|secret)["']?\s*[=:]\s*["']?)([^\s"',}]+)/gi;
const IPV4 = /(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?![\w.])/g;
const IPV6 = /(?<![\w:])(?:[0-9a-f]{0,4}:){2,7}[0-9a-f]{0,4}(?![\w:])/gi;
/** Addresses that say nothing about anybody. */
const COMMON = /^(127\.|0\.0\.0\.0$|::1?$)/;

/** Replaces what must not appear in texts; the same host becomes the same `host-N` everywhere. */
export class Redactor {
  readonly #secrets: readonly string[];
  readonly #hosts: readonly string[] | null;
  readonly #names = new Map<string, string>();

  /** Longer texts are replaced first, so that no part of one stays. */
  constructor({ secrets, hosts }: Redaction) {
    const longest = (a: string, b: string) => b.length - a.length;
    this.#secrets = [...new Set(secrets)].filter((s) => s !== "").sort(longest);
    this.#hosts = hosts === null
      ? null
      : [...new Set(hosts)].filter((h) => h !== "" && !COMMON.test(h)).sort(longest);
  }

  /** Redacts one text. */
  text(text: string): string {
    let out = text;
    for (const secret of this.#secrets) out = out.replaceAll(secret, HIDDEN);
    out = out.replace(NAMED, `$1${HIDDEN}`);
    if (this.#hosts === null) return out;
    for (const host of this.#hosts) out = out.replaceAll(host, this.#name(host));
    return out.replace(IPV4, (ip) => this.#name(ip))
      // Times of day look like short addresses.
      .replace(IPV6, (ip) => /^\d\d:\d\d:\d\d$/.test(ip) ? ip : this.#name(ip));
  }

  /** Redacts every text in a plain value, keys of objects included. */
  value(value: unknown): unknown {
    if (typeof value === "string") return this.text(value);
    if (Array.isArray(value)) return value.map((item) => this.value(item));
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => [this.text(key), this.value(item)]),
    );
  }

  #name(host: string): string {
    if (COMMON.test(host)) return host;
    const name = this.#names.get(host) ?? `host-${this.#names.size + 1}`;
    this.#names.set(host, name);
    return name;
  }
}
