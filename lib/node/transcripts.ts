/**
 * Where transcripts of ceremonies and proofs against members are kept.
 *
 * @module
 */

import type { Transcript } from "../ceremony/recorder.ts";
import { utf8 } from "../encoding/bytes.ts";
import { type FileLayer, joinPath } from "../keystore/files.ts";
import { WriteQueue } from "../keystore/write_queue.ts";
import type { Logger } from "../observe/logger.ts";

/** Folder of the home directory for files that convict somebody. */
export const EVIDENCE_FOLDER = "evidence";

/** Most files kept there: a member that does nothing but lie must not fill the disk. */
const MAX_EVIDENCE = 100;

/** What keeping needs of its surroundings. */
export interface TranscriptFilesOptions {
  readonly files: FileLayer;
  readonly home: string;
  /** Folder of the home directory for all transcripts; `null` keeps proofs only. */
  readonly folder: string | null;
  readonly log: Logger;
}

/** Writes transcripts, one at a time. */
export class TranscriptFiles {
  readonly #o: TranscriptFilesOptions;
  readonly #writes = new WriteQueue();

  /** Makes no folder before there is something to keep. */
  constructor(options: TranscriptFilesOptions) {
    this.#o = options;
  }

  /** Resolves when everything given so far is written, or could not be. */
  get settled(): Promise<void> {
    return this.#writes.settled();
  }

  /** Keeps nothing more; resolves when what was given so far is written, or could not be. */
  close(): Promise<void> {
    return this.#writes.close();
  }

  /** Keeps a transcript, as `CEREMONY.jsonl`. Never throws: a failure is logged. */
  keep(transcript: Transcript): void {
    this.#writes.run(() => this.#write(transcript)).catch((error) =>
      this.#o.log.error("a transcript could not be kept", {
        ceremony: transcript.ceremony,
        reason: error instanceof Error ? error.message : String(error),
      })
    );
  }

  async #write({ ceremony, proof, text }: Transcript): Promise<void> {
    const { files, home, folder, log } = this.#o;
    const name = `${ceremony}.jsonl`;
    const bytes = utf8(text);
    for (const place of [folder, proof ? EVIDENCE_FOLDER : null]) {
      if (place === null) continue;
      const directory = joinPath(home, ...place.split("/"));
      await files.makeDirectory(directory);
      if (place === EVIDENCE_FOLDER && (await files.list(directory)).length >= MAX_EVIDENCE) {
        log.warn("proof not kept: move older files out of the folder", { ceremony, directory });
        continue;
      }
      const path = joinPath(directory, name);
      await files.writeAtomic(path, bytes, 0o600);
      if (place === EVIDENCE_FOLDER) log.warn("proof against a member kept", { ceremony, path });
    }
  }
}
