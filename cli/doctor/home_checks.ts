/**
 * Checks of the home directory: modes, the keystore's files, the clock as files show it, the disk.
 *
 * @module
 */

import { denoFiles, joinPath } from "../../lib/keystore/files.ts";
import { assertPrivateDirectory, assertPrivateFile } from "../../lib/keystore/files.ts";
import { nodeOf, openNode } from "../../lib/keystore/home.ts";
import { type Identity, parseIdentity } from "../../lib/crypto/identity.ts";
import {
  ADMIN_FILE,
  IDENTITY_FILE,
  identityOf,
  loadAdminKey,
  readIdentityFile,
} from "../../lib/keystore/identity_file.ts";
import type { Config } from "../../lib/node/config.ts";
import { duration } from "../output.ts";
import { passphraseFile } from "../secret.ts";
import { failure, type Finding, finding } from "./finding.ts";

/** No correct clock shows an earlier time than this program's first version. */
const EARLIEST = Date.UTC(2026, 0, 1);
/** A file may be this much ahead, for network storage with a clock of its own, in milliseconds. */
const AHEAD_MS = 5_000;
/** Writes that the disk is measured with, and their size in bytes: about that of a share. */
const WRITES = 9;
const WRITE_BYTES = 16 * 1024;
/** Median times of a durable write above which a person should look, in milliseconds. */
const SLOW_MS = 100;
const TOO_SLOW_MS = 1_000;

/** Files of a keystore are few; a home directory with more than this is not one. */
const MAX_ENTRIES = 20_000;

interface Entry {
  readonly path: string;
  readonly directory: boolean;
  readonly mtime: number;
}

/** Everything below `home`, and `home` itself. */
async function walk(home: string): Promise<Entry[]> {
  const out: Entry[] = [];
  const visit = async (path: string): Promise<void> => {
    const info = await Deno.lstat(path);
    out.push({ path, directory: info.isDirectory, mtime: info.mtime?.getTime() ?? 0 });
    if (!info.isDirectory || out.length > MAX_ENTRIES) return;
    for await (const entry of Deno.readDir(path)) await visit(joinPath(path, entry.name));
  };
  await visit(home);
  return out;
}

/** Checks the modes of everything in the home directory, and that no file is from the future. */
export async function checkHome(home: string): Promise<Finding[]> {
  const files = denoFiles();
  let entries: Entry[];
  try {
    // A link to the home directory itself is the operator's business.
    entries = await walk(await Deno.realPath(home));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) {
      return [
        finding(
          "home",
          "fail",
          `there is no home directory ${home}`,
          "run transfunctioner init, or point --home or TRF_HOME at it",
        ),
      ];
    }
    return [failure("home", error)];
  }
  const problems: Finding[] = [];
  for (const { path, directory } of entries) {
    try {
      const info = (await files.stat(path))!;
      if (directory) assertPrivateDirectory(path, info, false);
      else assertPrivateFile(path, info, !path.endsWith("/config.json"));
    } catch (error) {
      problems.push(failure("home", error));
    }
  }
  const now = Date.now();
  const newest = entries.reduce((a, b) => a.mtime > b.mtime ? a : b);
  const clock = now < EARLIEST
    ? finding(
      "clock",
      "fail",
      `it shows ${new Date(now).toISOString()}`,
      "set it, and run an NTP client",
    )
    : newest.mtime > now + AHEAD_MS
    ? finding(
      "clock",
      "fail",
      `${newest.path} was written ${duration(newest.mtime - now)} from now: the clock went back`,
      "set it, and run an NTP client",
    )
    : finding("clock", "ok", `${new Date(now).toISOString()}, later than every file`);
  return [
    ...(problems.length > 0
      ? problems
      : [finding("home", "ok", `${home}: ${entries.length} files and directories, all private`)]),
    clock,
  ];
}

/** Checks that the node key and the admin key can be read, and opened where the secret is known. */
export async function checkKeystore(config: Config): Promise<Finding[]> {
  const files = denoFiles();
  const home = config.home.value;
  const out: Finding[] = [];
  try {
    const admin = await loadAdminKey(files, home);
    out.push(finding("admin-key", "ok", `${joinPath(home, ADMIN_FILE)}: ${admin.identity}`));
  } catch (error) {
    out.push(failure("admin-key", error));
  }
  try {
    const path = joinPath(home, IDENTITY_FILE);
    const privateKey = config.privateKey.value?.reveal();
    let passphrase = config.keystorePassphrase.value?.reveal();
    if (passphrase === undefined && config.passphraseFile.value !== null) {
      passphrase = await passphraseFile(config.passphraseFile.value);
    }
    if (privateKey !== undefined || passphrase !== undefined) {
      const secret = privateKey === undefined ? { passphrase: passphrase! } : { privateKey };
      const node = await openNode(files, home, secret);
      out.push(finding("keystore", "ok", `the secret opens the key of node ${node.identity}`));
      return out;
    }
    const text = await readIdentityFile(files, home);
    out.push(
      text === null
        ? finding(
          "keystore",
          "fail",
          `there is no node key at ${path}`,
          "run transfunctioner init, or set TRF_PRIVATE_KEY",
        )
        : finding(
          "keystore",
          "ok",
          `${path} is whole: node ${identityOf(text, path)}; whether the passphrase opens it was ` +
            "not tried, as none is given",
        ),
    );
  } catch (error) {
    out.push(failure("keystore", error));
  }
  return out;
}

/** Returns whose home directory it is, as far as that shows without a passphrase; else null. */
export async function ownIdentity(config: Config): Promise<Identity | null> {
  try {
    const privateKey = config.privateKey.value?.reveal();
    if (privateKey !== undefined) return nodeOf(privateKey).identity;
    const text = await readIdentityFile(denoFiles(), config.home.value);
    return text === null ? null : parseIdentity(identityOf(text, config.home.value));
  } catch {
    // The keystore's own check says what is wrong.
    return null;
  }
}

/** Measures what a durable write of a share takes: a ceremony ends with one on every node. */
export async function checkDisk(home: string): Promise<Finding> {
  const path = joinPath(home, `.tmp-doctor-${crypto.randomUUID()}`);
  const times: number[] = [];
  try {
    const bytes = new Uint8Array(WRITE_BYTES);
    using file = await Deno.open(path, { write: true, createNew: true, mode: 0o600 });
    for (let i = 0; i < WRITES; i++) {
      const begun = performance.now();
      await file.write(bytes);
      await file.sync();
      times.push(performance.now() - begun);
    }
  } catch (error) {
    return finding(
      "disk",
      "fail",
      `cannot write to ${home}: ${error instanceof Error ? error.message : error}`,
      "make room, or give the node's user the directory",
    );
  } finally {
    await Deno.remove(path).catch(() => {
      // It was never made.
    });
  }
  return judgeDisk(times);
}

/** What to think of a disk by the milliseconds that durable writes took. */
export function judgeDisk(times: readonly number[]): Finding {
  const median = times.toSorted((a, b) => a - b)[times.length >> 1]!;
  const detail = `a durable write takes ${median.toFixed(1)} ms`;
  if (median > TOO_SLOW_MS) {
    return finding("disk", "fail", detail, "ceremonies will time out: use a local disk");
  }
  if (median > SLOW_MS) return finding("disk", "warn", detail, "use a local disk or an SSD");
  return finding("disk", "ok", detail);
}
