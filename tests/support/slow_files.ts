/**
 * A disk that takes as long as a test wants.
 *
 * @module
 */

import { denoFiles, type FileLayer } from "../../lib/keystore/files.ts";

/** The operations that change something. */
const WRITES = ["writeAtomic", "writeNew", "append", "rename", "remove", "makeDirectory"] as const;

/** Real files, every change to which waits at a gate. */
export class SlowFiles {
  /** Names of files that writes have begun on, without their folder, oldest first. */
  readonly begun: string[] = [];
  /** What each write waits for before it touches anything. */
  gate: () => Promise<void> = () => Promise.resolve();
  readonly files: FileLayer;

  constructor() {
    const files = denoFiles();
    const slow = { ...files } as Record<string, unknown>;
    for (const name of WRITES) {
      slow[name] = async (path: string, ...rest: unknown[]) => {
        this.begun.push(path.split("/").at(-1)!);
        await this.gate();
        return await (files[name] as (...args: unknown[]) => Promise<void>)(path, ...rest);
      };
    }
    this.files = slow as unknown as FileLayer;
  }
}
