/**
 * Fuzz targets for what lies in a home directory or comes from a backup: bundles, records, the
 * ceremonies seen and under way.
 *
 * @module
 */

import assert from "node:assert/strict";
import { systemRandom } from "../../lib/arith/random.ts";
import { NodeIdentity } from "../../lib/crypto/identity.ts";
import { concat, utf8 } from "../../lib/encoding/bytes.ts";
import { parseJson } from "../../lib/encoding/json.ts";
import { backupEntries, readBackup } from "../../lib/keystore/backup.ts";
import {
  decodeEntries,
  encodeEntries,
  parseBundleHeader,
  sealBundle,
} from "../../lib/keystore/bundle.ts";
import { KeystoreError } from "../../lib/keystore/errors.ts";
import type { FileLayer } from "../../lib/keystore/files.ts";
import { keysNotBackedUp, parseBackupRecord } from "../../lib/keystore/home_marks.ts";
import { CeremonyJournal } from "../../lib/keystore/journal.ts";
import { keyIdBytes } from "../../lib/keystore/meta.ts";
import { ReplayGuard } from "../../lib/keystore/replay_guard.ts";
import { shareHash } from "../../lib/keystore/share_files.ts";
import { sealStoreFile } from "../../lib/keystore/store_file.ts";
import { CHEAP, KEY_A, PRIVATE_KEY, sampleMeta } from "../keystore/helpers.ts";
import type { FuzzTarget } from "./targets.ts";

const NODE = NodeIdentity.fromPrivateKey(PRIVATE_KEY);
const share = sealStoreFile(NODE.storeKey(), keyIdBytes(KEY_A), utf8("{}"), systemRandom);
const contents = () =>
  backupEntries({
    id: "0".repeat(32),
    createdAt: 1,
    move: false,
    node: NODE,
    admin: NODE,
    keys: [{ meta: sampleMeta(KEY_A, { shareHash: shareHash(share) }), share }],
    files: new Map([["config.json", utf8("{}")]]),
  });
const bundle = await sealBundle(
  new Map([["manifest", utf8("{}")]]),
  "12345678",
  systemRandom,
  CHEAP,
);
const record = utf8(
  `{"schema":"transfunctioner/backup-record/1","bundle":"${
    "0".repeat(32)
  }","at":1,"keys":{"${KEY_A}":"0 x"}}`,
);
const line = (id: string) => `${id.repeat(64)} 1767225600\n`;
const opened = `+ ${"a".repeat(64)} sign 1767225600 ${NODE.identity} ${NODE.identity} -\n`;

/** A disk with one file, which can be read only. */
function oneFile(content: Uint8Array): FileLayer {
  const refuse = () => assert.fail("nothing may be written");
  return {
    read: () => Promise.resolve(content.slice() as Uint8Array<ArrayBuffer>),
    stat: () => Promise.resolve({ kind: "file", mode: 0o600, size: content.length }),
    list: () => Promise.resolve([]),
    writeAtomic: () => Promise.resolve(),
    writeNew: refuse,
    append: refuse,
    rename: refuse,
    remove: refuse,
    makeDirectory: refuse,
    lock: refuse,
  };
}

/** The targets. */
export const HOME_TARGETS: readonly FuzzTarget[] = [
  {
    name: "bundle",
    corpus: [bundle],
    refusals: [KeystoreError],
    run(input) {
      const { box, N, r, p } = parseBundleHeader(input);
      // Whatever was changed, its cost stays one that this program uses.
      assert.ok(N <= 2 ** 20 && 128 * N * r <= 2 ** 30 && p <= 4);
      assert.ok(box.length < input.length);
    },
  },
  {
    name: "bundle-contents",
    corpus: [encodeEntries(contents())],
    refusals: [KeystoreError],
    run(input) {
      const entries = decodeEntries(input);
      assert.deepEqual(encodeEntries(entries), input);
      // Whoever has the passphrase can write what he likes; only whole keys come out.
      const { node, keys } = readBackup(entries);
      assert.match(node.identity, /^[0-9a-f]{40}$/);
      for (const { meta, share } of keys) assert.equal(share === null, meta.status !== "active");
    },
  },
  {
    name: "backup-record",
    corpus: [record],
    refusals: [SyntaxError, TypeError],
    run(input) {
      const json = parseJson(input, { depth: 3, digits: 16 });
      if (!(json instanceof Map)) return;
      const read = parseBackupRecord(json);
      if (read === null) return;
      new Date(read.at).toISOString();
      keysNotBackedUp(read, [sampleMeta(KEY_A)]);
    },
  },
  {
    name: "ceremonies-seen",
    corpus: [utf8(line("a") + line("b")), utf8(line("c"))],
    refusals: [],
    async run(input) {
      const options = { files: oneFile(input), path: "/seen", now: () => 0, capacity: 100 };
      const guard = await ReplayGuard.open(options);
      const before = guard.size;
      await guard.adopt(concat(utf8(line("d")), input));
      assert.ok(guard.has("d".repeat(64)) && guard.size >= before && guard.size <= 100);
    },
  },
  {
    name: "ceremonies-open",
    corpus: [utf8(opened + `- ${"a".repeat(64)}\n`), utf8(opened)],
    refusals: [],
    async run(input) {
      const journal = await CeremonyJournal.open({
        files: oneFile(input),
        path: "/open",
        now: 1767225600_000,
      });
      for (const { id, requester } of journal.lost) {
        assert.match(id, /^[0-9a-f]{64}$/);
        assert.match(requester, /^[0-9a-f]{40}$/);
      }
    },
  },
];
