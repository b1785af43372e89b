/**
 * Run by process_test.ts in a process that may read and write the home directory and nothing else.
 * Arguments: home, and what to do.
 */
import { systemRandom } from "../../../lib/arith/random.ts";
import { utf8 } from "../../../lib/encoding/bytes.ts";
import { KeystoreError } from "../../../lib/keystore/errors.ts";
import { denoFiles } from "../../../lib/keystore/files.ts";
import { Keystore } from "../../../lib/keystore/keystore.ts";
import { PREPARAMS_STORE_ID, sealStoreFile } from "../../../lib/keystore/store_file.ts";
import {
  CEREMONY_1,
  CEREMONY_2,
  CHEAP,
  KEY_A,
  openHome,
  sampleMeta,
  sampleShare,
} from "../helpers.ts";

const say = (text: string) => Deno.stdout.writeSync(utf8(text + "\n"));
const [home, action] = Deno.args as [string, string];

try {
  if (action === "everything") {
    const secret = { passphrase: "p" };
    const store = await Keystore.create({ home, files: denoFiles(), secret, scrypt: CHEAP });
    await store.writeShareCiphertext(KEY_A, sampleShare(store, KEY_A, "1"), sampleMeta(KEY_A));
    await store.stageShare(KEY_A, CEREMONY_2, sampleShare(store, KEY_A, "2"), sampleMeta(KEY_A));
    await store.commitStaged(KEY_A, CEREMONY_2);
    await store.rememberCeremony(CEREMONY_1);
    await store.putPreParamsCiphertext(
      sealStoreFile(store.storeKey(), PREPARAMS_STORE_ID, utf8("{}"), systemRandom),
    );
    await store.takePreParamsCiphertext();
    await store.retireShare(KEY_A);
    await store.close();
    say("done");
  } else if (action === "hold") {
    await openHome(home);
    say("open");
    // Until it is killed.
    setInterval(() => {}, 60_000);
  } else if (action === "churn") {
    const store = await openHome(home);
    say("open");
    for (let generation = 1;; generation++) {
      const meta = { ...sampleMeta(KEY_A), generation };
      const share = sampleShare(store, KEY_A, String(generation));
      await store.stageShare(KEY_A, CEREMONY_2, share, meta);
      await store.commitStaged(KEY_A);
      say(String(generation));
    }
  } else {
    await (await openHome(home)).close();
    say("done");
  }
} catch (error) {
  if (!(error instanceof KeystoreError)) throw error;
  say(`${error.code}: ${error.message}`);
  Deno.exit(error.exit);
}
