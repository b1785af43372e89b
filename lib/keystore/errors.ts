/**
 * The one error that the keystore throws at an operator.
 *
 * @module
 */

/** Stable codes of {@link KeystoreError}. */
export type KeystoreCode =
  /** The home directory is missing, cannot be read or cannot be written. */
  | "TF-HOME"
  /** Another process uses the home directory. */
  | "TF-LOCKED"
  /** There is no keystore in the home directory, or something of it is missing. */
  | "TF-NO-KEYSTORE"
  /** The passphrase does not open the node key. */
  | "TF-PASSPHRASE"
  /** The configured private key is not the one that the home directory belongs to. */
  | "TF-IDENTITY"
  /** A file is truncated, altered, from another node or under the wrong name. */
  | "TF-DAMAGED"
  /** A secret file is open to others, or not a regular file. */
  | "TF-UNSAFE-FILE"
  /** Something is there already and is never overwritten. */
  | "TF-EXISTS"
  /** No such key, staged share or file. */
  | "TF-NOT-FOUND"
  /** The disk, or the quota, is full. */
  | "TF-DISK-FULL"
  /** Reading or writing a file failed. */
  | "TF-FILE"
  /** A backup is damaged, or not one. */
  | "TF-BACKUP"
  /** The node of this home directory was moved to another machine. */
  | "TF-MOVED"
  /** The keystore was opened for reading only, or is closed. */
  | "TF-READ-ONLY"
  /** An argument is out of range: a fault of the caller. */
  | "TF-ARGUMENT";

/** Codes that an operator mends before a start: exit code 2, the others 1. */
const OPERATOR: ReadonlySet<KeystoreCode> = new Set([
  "TF-HOME",
  "TF-LOCKED",
  "TF-NO-KEYSTORE",
  "TF-PASSPHRASE",
  "TF-IDENTITY",
  "TF-UNSAFE-FILE",
  "TF-MOVED",
]);

/** A keystore operation that did not happen. What was on disk before is still there. */
export class KeystoreError extends Error {
  /** Class name. */
  override readonly name = "KeystoreError";
  /** Stable code for machines. */
  readonly code: KeystoreCode;
  /** What a person should do, without a full stop. */
  readonly hint: string;
  /** Exit code for a command that fails because of this error. */
  readonly exit: 1 | 2;

  /** `message` says what failed and what is wrong; neither it nor `hint` holds a secret. */
  constructor(code: KeystoreCode, message: string, hint: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.hint = hint;
    this.exit = OPERATOR.has(code) ? 2 : 1;
  }
}

/** Returns an operating system error's code (`ENOSPC`), or "" if it has none. */
export function systemCode(error: unknown): string {
  const code = error instanceof Error ? (error as Error & { code?: unknown }).code : undefined;
  return typeof code === "string" ? code : "";
}

/** Tells whether `error` says that a path does not exist. */
export function isNotFound(error: unknown): boolean {
  return (error instanceof Error && error.name === "NotFound") || systemCode(error) === "ENOENT";
}

/**
 * Turns whatever a file operation threw into a {@link KeystoreError}; passes one through.
 *
 * @param doing what failed, as `write the share of key 2beb…`.
 * @param path the file or directory.
 */
export function fileFailure(doing: string, path: string, error: unknown): KeystoreError {
  if (error instanceof KeystoreError) return error;
  const name = error instanceof Error ? error.name : "";
  const code = systemCode(error);
  const what = `cannot ${doing}`;
  if (code === "ENOSPC" || code === "EDQUOT") {
    const full = code === "ENOSPC" ? "the disk is full" : "the disk quota is used up";
    return new KeystoreError(
      "TF-DISK-FULL",
      `${what}: ${full} (${path})`,
      "free some space and try again; nothing was overwritten",
      error,
    );
  }
  if (name === "NotCapable") {
    return new KeystoreError(
      "TF-HOME",
      `${what}: the process has no permission for ${path}`,
      "name the permitted directory with --home or TRF_HOME, or start with the flags that `permissions --flags` prints",
      error,
    );
  }
  if (code === "EROFS" || name === "PermissionDenied" || code === "EACCES" || code === "EPERM") {
    const why = code === "EROFS" ? "the file system is read-only" : "permission denied";
    return new KeystoreError(
      "TF-HOME",
      `${what}: ${why} (${path})`,
      "make the home directory readable and writable for the user that runs the node",
      error,
    );
  }
  if (isNotFound(error)) {
    return new KeystoreError("TF-NOT-FOUND", `${what}: ${path} does not exist`, "check the path");
  }
  const detail = error instanceof Error ? error.message : String(error);
  return new KeystoreError(
    "TF-FILE",
    `${what}: ${detail} (${path})`,
    "check the disk and the file system",
    error,
  );
}
