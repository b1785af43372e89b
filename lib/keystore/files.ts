/**
 * The only place that touches the disk: a small set of durable, cautious file operations.
 *
 * Everything needs `--allow-read` and `--allow-write` for the home directory and nothing else.
 * Directories are synchronised after every change of an entry, so that what was reported done is
 * still done after a power cut.
 *
 * @module
 */

import { fileFailure, isNotFound, KeystoreError } from "./errors.ts";

/** What stands at a path; a symbolic link is not followed. */
export interface FileInfo {
  /** What it is. */
  readonly kind: "file" | "directory" | "symlink" | "other";
  /** Permission bits (lowest nine), or null where the system has none. */
  readonly mode: number | null;
  /** Bytes. */
  readonly size: number;
}

/** An exclusive claim on a home directory. Ends with the process, however that dies. */
export interface FileLock {
  /** Gives the claim up. */
  release(): void;
}

/** Rules for {@link FileLayer.read}. */
export interface ReadRules {
  /** Largest size accepted, in bytes. */
  readonly limit: number;
  /** Refuse a file that group or others may read or write. Default true. */
  readonly secret?: boolean;
}

/** File operations as the keystore needs them. All throw {@link KeystoreError}. */
export interface FileLayer {
  /** Reads a regular file; refuses links, oversized files and, unless told, open modes. */
  read(path: string, rules: ReadRules): Promise<Uint8Array<ArrayBuffer>>;
  /**
   * Puts `bytes` at `path` as a whole: temporary file in the same directory, write, sync, mode,
   * rename, directory sync. On any failure the old content stands.
   */
  writeAtomic(path: string, bytes: Uint8Array, mode: number): Promise<void>;
  /**
   * Puts `bytes` at `path`, where nothing may be yet, by way of `path.part`, with mode 0600. For
   * files outside the home directory: of theirs the process may touch nothing else. Throws
   * TF-EXISTS.
   */
  writeNew(path: string, bytes: Uint8Array): Promise<void>;
  /** Adds `bytes` to the end of a file (created with mode 0600) and syncs it. */
  append(path: string, bytes: Uint8Array): Promise<void>;
  /** Renames within one directory, replacing the target, and syncs the directory. */
  rename(from: string, to: string): Promise<void>;
  /**
   * Removes a file and syncs the directory; a missing file is fine. With `overwrite` its bytes
   * are overwritten and synced first. (On flash and copy-on-write storage old blocks may survive
   * that: full-disk encryption is the remedy.)
   */
  remove(path: string, options?: { readonly overwrite?: boolean }): Promise<void>;
  /** Returns the names in a directory, sorted; an absent directory has none. */
  list(directory: string): Promise<string[]>;
  /** Makes a directory, parents included, with mode 0700; an existing one is left as it is. */
  makeDirectory(path: string): Promise<void>;
  /** Looks at a path, not following a link unless told; null if nothing is there. */
  stat(path: string, options?: { readonly follow?: boolean }): Promise<FileInfo | null>;
  /** Claims `path` (created if absent) for this process; null if another process holds it. */
  lock(path: string): Promise<FileLock | null>;
}

/** Beginning of the name of every temporary file; the Go service uses the same. */
export const TEMPORARY = ".tmp-";

/** Ending of the file that {@link FileLayer.writeNew} writes first. */
export const PART = ".part";

/** A primitive that {@link denoFiles} is about to run; tests stop or fail at each. */
export type FileStep =
  | "create"
  | "write"
  | "sync"
  | "chmod"
  | "rename"
  | "sync-directory"
  | "overwrite"
  | "remove"
  | "append"
  | "make-directory";

/** Joins a directory and a name. */
export function joinPath(directory: string, ...names: string[]): string {
  return [directory.replace(/\/+$/, "") || "", ...names].join("/");
}

/** Returns the directory part of a path. */
export function parentOf(path: string): string {
  const at = path.lastIndexOf("/");
  return at < 0 ? "." : at === 0 ? "/" : path.slice(0, at);
}

/**
 * Refuses what must not hold a secret: a link, something that is no regular file, or a file that
 * group or others may read or write.
 *
 * @throws {KeystoreError} TF-UNSAFE-FILE.
 */
export function assertPrivateFile(path: string, info: FileInfo, secret = true): void {
  if (info.kind !== "file") {
    const what = info.kind === "symlink" ? "a symbolic link" : "not a regular file";
    throw new KeystoreError(
      "TF-UNSAFE-FILE",
      `cannot use ${path}: it is ${what}`,
      "put the file itself there",
    );
  }
  if (secret && info.mode !== null && (info.mode & 0o077) !== 0) {
    throw new KeystoreError(
      "TF-UNSAFE-FILE",
      `cannot use ${path}: mode ${octal(info.mode)} lets other users at it`,
      `chmod 600 ${path}, and consider whether somebody has copied it`,
    );
  }
}

/**
 * Refuses a directory that others may write to (they could swap files), or, if `secret`, enter.
 *
 * @throws {KeystoreError} TF-UNSAFE-FILE or TF-HOME.
 */
export function assertPrivateDirectory(path: string, info: FileInfo, secret: boolean): void {
  if (info.kind !== "directory") {
    throw new KeystoreError(
      "TF-HOME",
      `cannot use ${path}: it is not a directory`,
      "move it away or choose another home directory",
    );
  }
  const refused = secret ? 0o077 : 0o022;
  if (info.mode !== null && (info.mode & refused) !== 0) {
    throw new KeystoreError(
      "TF-UNSAFE-FILE",
      `cannot use ${path}: mode ${octal(info.mode)} lets other users ${
        secret ? "in" : "change its files"
      }`,
      `chmod 700 ${path}`,
    );
  }
}

function octal(mode: number): string {
  return mode.toString(8).padStart(4, "0");
}

/**
 * The Deno implementation of {@link FileLayer}.
 *
 * @param step called before every primitive that changes something; what it throws is treated as
 * if the primitive had failed. For fault injection.
 */
export function denoFiles(step: (step: FileStep, path: string) => void = () => {}): FileLayer {
  const syncDirectory = async (directory: string): Promise<void> => {
    step("sync-directory", directory);
    if (Deno.build.os === "windows") return; // Directories cannot be opened there.
    using handle = await Deno.open(directory, { read: true });
    await handle.sync();
  };

  const writeAll = async (handle: Deno.FsFile, bytes: Uint8Array): Promise<void> => {
    for (let at = 0; at < bytes.length;) at += await handle.write(bytes.subarray(at));
  };

  const stat = async (
    path: string,
    options: { readonly follow?: boolean } = {},
  ): Promise<FileInfo | null> => {
    try {
      const info = await (options.follow === true ? Deno.stat(path) : Deno.lstat(path));
      return {
        kind: info.isSymlink
          ? "symlink"
          : info.isFile
          ? "file"
          : info.isDirectory
          ? "directory"
          : "other",
        mode: info.mode === null || Deno.build.os === "windows" ? null : info.mode & 0o777,
        size: info.size,
      };
    } catch (error) {
      if (isNotFound(error)) return null;
      throw fileFailure("look at a file", path, error);
    }
  };

  const overwrite = async (path: string, size: number): Promise<void> => {
    step("overwrite", path);
    using handle = await Deno.open(path, { write: true });
    const noise = new Uint8Array(Math.min(size, 65536));
    for (let left = size; left > 0; left -= noise.length) {
      crypto.getRandomValues(noise);
      await writeAll(handle, noise.subarray(0, Math.min(left, noise.length)));
    }
    await handle.sync();
  };

  return {
    stat,

    async read(path, { limit, secret = true }) {
      try {
        const info = await stat(path);
        if (info === null) throw new Deno.errors.NotFound(path);
        assertPrivateFile(path, info, secret);
        if (info.size > limit) {
          throw new KeystoreError(
            "TF-DAMAGED",
            `cannot read ${path}: it has ${info.size} bytes, more than the ${limit} allowed`,
            "restore the file from a backup",
          );
        }
        return await Deno.readFile(path) as Uint8Array<ArrayBuffer>;
      } catch (error) {
        throw fileFailure("read a file", path, error);
      }
    },

    async writeAtomic(path, bytes, mode) {
      const directory = parentOf(path);
      const temporary = joinPath(directory, TEMPORARY + crypto.randomUUID());
      try {
        step("create", temporary);
        const handle = await Deno.open(temporary, { write: true, createNew: true, mode });
        try {
          step("write", temporary);
          await writeAll(handle, bytes);
          step("sync", temporary);
          await handle.sync();
        } finally {
          handle.close();
        }
        step("chmod", temporary);
        if (Deno.build.os !== "windows") await Deno.chmod(temporary, mode);
        step("rename", path);
        await Deno.rename(temporary, path);
        await syncDirectory(directory);
      } catch (error) {
        // Best effort: what fails here is a leftover that the next start clears.
        await removeQuietly(temporary, step);
        throw fileFailure("write a file", path, error);
      }
    },

    async writeNew(path, bytes) {
      const part = path + PART;
      try {
        if (await stat(path, { follow: true }) !== null) {
          throw new KeystoreError(
            "TF-EXISTS",
            `cannot write ${path}: it is there already`,
            "choose another name; a backup never replaces another",
          );
        }
        if (await stat(part) !== null) await Deno.remove(part); // of a run that was killed
        step("create", part);
        {
          using handle = await Deno.open(part, { write: true, createNew: true, mode: 0o600 });
          step("write", part);
          await writeAll(handle, bytes);
          step("sync", part);
          await handle.sync();
        }
        step("rename", path);
        await Deno.rename(part, path);
        await syncDirectory(parentOf(path)).catch((error) => {
          if (!(error instanceof Deno.errors.NotCapable)) throw error;
        });
      } catch (error) {
        await removeQuietly(part, step);
        throw fileFailure("write a file", path, error);
      }
    },

    async append(path, bytes) {
      try {
        const info = await stat(path);
        if (info !== null) assertPrivateFile(path, info);
        step("append", path);
        {
          using handle = await Deno.open(path, { append: true, create: true, mode: 0o600 });
          await writeAll(handle, bytes);
          step("sync", path);
          await handle.sync();
        }
        if (info === null) await syncDirectory(parentOf(path));
      } catch (error) {
        throw fileFailure("append to a file", path, error);
      }
    },

    async rename(from, to) {
      try {
        step("rename", to);
        await Deno.rename(from, to);
        await syncDirectory(parentOf(to));
      } catch (error) {
        throw fileFailure("rename a file", from, error);
      }
    },

    async remove(path, options = {}) {
      try {
        const info = await stat(path);
        if (info === null) return;
        if (options.overwrite === true && info.kind === "file") {
          // A Go node leaves its pre-parameters read-only, for their owner too.
          if (info.mode !== null && (info.mode & 0o200) === 0) await Deno.chmod(path, 0o600);
          await overwrite(path, info.size);
        }
        step("remove", path);
        await Deno.remove(path);
        await syncDirectory(parentOf(path));
      } catch (error) {
        throw fileFailure("remove a file", path, error);
      }
    },

    async list(directory) {
      const names: string[] = [];
      try {
        for await (const entry of Deno.readDir(directory)) names.push(entry.name);
      } catch (error) {
        if (isNotFound(error)) return [];
        throw fileFailure("list a directory", directory, error);
      }
      return names.sort();
    },

    async makeDirectory(path) {
      try {
        if (await stat(path) !== null) return;
        step("make-directory", path);
        await Deno.mkdir(path, { recursive: true, mode: 0o700 });
        if (Deno.build.os !== "windows") await Deno.chmod(path, 0o700);
        await syncDirectory(path);
        await syncDirectory(parentOf(path)).catch((error) => {
          // The home directory's parent is out of bounds for a node; its entry can wait.
          if (!(error instanceof Deno.errors.NotCapable)) throw error;
        });
      } catch (error) {
        throw fileFailure("make a directory", path, error);
      }
    },

    async lock(path) {
      let handle: Deno.FsFile | undefined;
      try {
        const info = await stat(path);
        if (info !== null) assertPrivateFile(path, info, false);
        handle = await Deno.open(path, { write: true, create: true, mode: 0o600 });
        if (!await handle.tryLock(true)) {
          handle.close();
          return null;
        }
        const held = handle;
        return {
          release() {
            try {
              // A program that is just being started holds a copy of the file for a moment, and with
              // it the lock if that only ended by closing.
              held.unlockSync();
            } finally {
              held.close();
            }
          },
        };
      } catch (error) {
        handle?.close();
        throw fileFailure("lock the home directory", path, error);
      }
    },
  };
}

async function removeQuietly(
  path: string,
  step: (step: FileStep, path: string) => void,
): Promise<void> {
  try {
    step("remove", path);
    await Deno.remove(path);
  } catch {
    // The caller reports the failure that led here.
  }
}
