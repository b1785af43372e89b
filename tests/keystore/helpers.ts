/**
 * What the keystore's tests share: homes in temporary directories, a stopping disk, sample shares.
 */
import type { Identity } from "../../lib/crypto/identity.ts";
import { fromHex, toHex, utf8 } from "../../lib/encoding/bytes.ts";
import { systemRandom } from "../../lib/arith/random.ts";
import { denoFiles, type FileLayer, type FileStep } from "../../lib/keystore/files.ts";
import { Keystore } from "../../lib/keystore/keystore.ts";
import { keyIdBytes, type KeyMeta, newKeyMeta } from "../../lib/keystore/meta.ts";
import { sealStoreFile } from "../../lib/keystore/store_file.ts";
import type { Logger } from "../../lib/observe/logger.ts";

/** The cheapest scrypt that the keystore accepts. */
export const CHEAP = { N: 2 ** 14, r: 8, p: 1 };
export const PRIVATE_KEY = fromHex(
  "2f2431e1082fe4c391e490eb81ae1bd60896ec09b3d356d2535d06b9cb3eeb58",
);
export const KEY_A = "000102030405060708090a0b0c0d0e0f";
export const KEY_B = "ffeeddccbbaa99887766554433221100";
export const CEREMONY_1 = "11".repeat(32);
export const CEREMONY_2 = "22".repeat(32);
export const NOW = Date.UTC(2026, 0, 2, 3, 4, 5, 678);

/** Runs `body` with a fresh home directory and removes it afterwards. */
export async function withHome(body: (home: string) => Promise<void>): Promise<void> {
  const home = await Deno.makeTempDir({ prefix: "trf-keystore-" });
  try {
    await body(home);
  } finally {
    await Deno.remove(home, { recursive: true });
  }
}

/** Opens a home with the private key, as a Go node's. */
export function openHome(
  home: string,
  files: FileLayer = denoFiles(),
  log?: Logger,
): Promise<Keystore> {
  return Keystore.open({
    home,
    files,
    secret: { privateKey: PRIVATE_KEY },
    now: () => NOW,
    ...(log === undefined ? {} : { log }),
  });
}

/** A disk error with the code an operating system gives. */
export class DiskError extends Error {
  constructor(readonly code: string) {
    super(`simulated ${code}`);
  }
}

/** Lets `count` steps happen and then fails all (a crash) or only the next one (an error). */
export class FaultyDisk {
  readonly files: FileLayer;
  readonly steps: FileStep[] = [];
  left: number;

  constructor(count: number, readonly mode: "crash" | "once", readonly code = "EIO") {
    this.left = count;
    this.files = denoFiles((step) => {
      this.steps.push(step);
      if (this.left > 0) {
        this.left--;
        return;
      }
      if (this.mode === "once") this.left = Infinity;
      throw new DiskError(this.code);
    });
  }
}

/** Metadata of a key with a committee of three. */
export function sampleMeta(keyId: string, extra: Partial<KeyMeta> = {}): KeyMeta {
  return {
    ...newKeyMeta({
      keyId,
      committee: ["01".repeat(20), "02".repeat(20), "03".repeat(20)] as Identity[],
      threshold: 1,
      publicKey: new Uint8Array(64).fill(7),
      nowMs: NOW,
      ceremony: CEREMONY_1,
    }),
    ...extra,
  };
}

/** A sealed file as the worker makes it. */
export function sampleShare(store: Keystore, keyId: string, text: string): Uint8Array {
  const key = store.storeKey();
  return sealStoreFile(key, keyIdBytes(keyId), utf8(`{"share":"${text}"}`), systemRandom);
}

/** All regular files under a directory: path relative to it, and content in hex. */
export async function snapshot(directory: string): Promise<Map<string, string>> {
  const out = new Map<string, string>();
  const walk = async (path: string, name: string): Promise<void> => {
    for await (const entry of Deno.readDir(path)) {
      const [p, n] = [`${path}/${entry.name}`, name + entry.name];
      if (entry.isDirectory) await walk(p, n + "/");
      else out.set(n, toHex(await Deno.readFile(p)));
    }
  };
  await walk(directory, "");
  return out;
}
