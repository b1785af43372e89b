/**
 * Everything of this program that reads what others wrote, as fuzz targets: good inputs to start
 * from, a run that throws when a promise is broken, and the errors that are no finding.
 *
 * @module
 */

import assert from "node:assert/strict";
import { systemRandom } from "../../lib/arith/random.ts";
import {
  decodeAdminMessage,
  encodeAdminFailure,
  encodeAdminRequest,
  encodeAdminResult,
} from "../../lib/mesh/admin_protocol.ts";
import {
  COMMAND_TYPES,
  decodeCommand,
  encodeCommand,
  isCanonical,
} from "../../lib/mesh/commands.ts";
import { parseTxtRecord, txtIdentity } from "../../lib/mesh/dns_txt.ts";
import { decodeEnvelope, encodeEnvelope } from "../../lib/mesh/envelope.ts";
import { parseAddress as parseDialAddress } from "../../lib/mesh/entrance.ts";
import { WireError } from "../../lib/mesh/errors.ts";
import { FRAME_HEADER_BYTES, FrameOpener } from "../../lib/mesh/frames.ts";
import { keyExchangeLine, parseKeyExchangeLine } from "../../lib/mesh/key_exchange.ts";
import { checkPeerAddress, splitHostPort } from "../../lib/mesh/records.ts";
import { open } from "../../lib/mesh/sealed.ts";
import type {
  EncryptedCommand,
  KeygenCommand,
  ReshareCommand,
  SignCommand,
} from "../../lib/mesh/command_types.ts";
import { Inbox } from "../../lib/ceremony/inbox.ts";
import { type Identity, parseIdentity } from "../../lib/crypto/identity.ts";
import { concat, equalBytes, fromHex, fromUtf8, utf8 } from "../../lib/encoding/bytes.ts";
import { type Json, parseJson, stringifyJson } from "../../lib/encoding/json.ts";
import { identityOf, sealIdentity } from "../../lib/keystore/identity_file.ts";
import { KeystoreError } from "../../lib/keystore/errors.ts";
import { decodeMeta, MetaError } from "../../lib/keystore/meta.ts";
import { openStoreFile, StoreFileError } from "../../lib/keystore/store_file.ts";
import { CONFIG_OPTIONS, ConfigError, loadConfig } from "../../lib/node/config.ts";
import { NodeError } from "../../lib/node/errors.ts";
import { requestFromCommand } from "../../lib/node/request.ts";
import type { MessageSpec } from "../../lib/tss/channel.ts";
import * as ecdsa from "../../lib/tss/ecdsa/messages.ts";
import type { MessageType } from "../../lib/tss/message_type.ts";
import { parsePreParams } from "../../lib/tss/ecdsa/preparams.ts";
import { parseShare as parseEcdsaShare } from "../../lib/tss/ecdsa/share.ts";
import * as eddsa from "../../lib/tss/eddsa/messages.ts";
import { parseShare as parseEddsaShare } from "../../lib/tss/eddsa/share.ts";
import { ContentError } from "../../lib/tss/errors.ts";
import { at, readTranscript, testdata } from "../tss/replay.ts";
import { HOME_TARGETS } from "./home_targets.ts";
import { OVERSIGHT_TARGETS } from "./oversight_targets.ts";
import { sessionTarget } from "./session_target.ts";
import { vectorNode, vectors } from "../wire/vectors.ts";

/** One parser under fuzz. */
export interface FuzzTarget {
  readonly name: string;
  /** Good inputs. */
  readonly corpus: readonly Uint8Array[];
  /** Reads one input; throws an allowed error, or an AssertionError when a promise is broken. */
  run(input: Uint8Array): void | Promise<void>;
  /** Errors that mean "refused". */
  readonly refusals: readonly (abstract new (...args: never[]) => Error)[];
}

const SELF = vectorNode("A").identity;
const envelopes = Object.values(vectors.envelopes as unknown as Record<string, unknown>)
  .filter((v): v is { cleartext_utf8: string; payload_type: string; command_json: string } =>
    typeof v === "object" && v !== null && "cleartext_utf8" in v
  );
const cleartexts = envelopes.map((v) => utf8(v.cleartext_utf8));
const commands = envelopes.map((v) => ({ type: v.payload_type, bytes: utf8(v.command_json) }));
const text = (input: Uint8Array) => new TextDecoder().decode(input);

const files = [
  "ecdsa-keygen-3-1.json",
  "ecdsa-sign-2of3.json",
  "ecdsa-reshare-3to3.json",
  "eddsa-keygen-3-1.json",
  "eddsa-sign-2of3.json",
  "eddsa-reshare-3to4.json",
];
const specs: MessageSpec<unknown>[] = [ecdsa, eddsa].flatMap((m) => [
  ...m.keygenMessages,
  ...m.signingMessages,
  ...m.resharingMessages,
]);
const roundMessages = [
  ...new Map(
    files.flatMap((file) => readTranscript(file).messages.map((m) => [m.type, m.content])),
  ),
].map(([t, c]) => utf8(stringifyJson(new Map<string, Json>([["t", t], ["c", c]]))));
const saved = (file: string) =>
  (at(testdata(file), "secrets", "save_data") as Json[]).map((j) => utf8(stringifyJson(j)));
const frame = fromHex(vectors.frame.frame);
const frameKey = fromHex(vectors.frame.key);
const store = vectors.store;

/** A type and its JSON, parted by a NUL: one input chooses both. */
const typed = commands.map((c) => concat(utf8(c.type), Uint8Array.of(0), c.bytes));
function untyped(input: Uint8Array): [string, Uint8Array] {
  const end = input.indexOf(0);
  const type = text(input.subarray(0, Math.max(0, end)));
  const known = (COMMAND_TYPES as readonly string[]).includes(type);
  return [
    known ? type : COMMAND_TYPES[input.length % COMMAND_TYPES.length]!,
    input.subarray(end + 1),
  ];
}

/** All targets. */
export const TARGETS: readonly FuzzTarget[] = [
  {
    name: "json",
    corpus: [...commands.map((c) => c.bytes), ...roundMessages.slice(0, 4)],
    refusals: [SyntaxError, TypeError],
    run(input) {
      const value = parseJson(input);
      // What was read is written and read again without change, and agrees with the platform.
      const written = stringifyJson(value);
      assert.equal(stringifyJson(parseJson(written)), written);
      JSON.parse(written);
    },
  },
  {
    name: "envelope",
    corpus: [
      ...cleartexts,
      ...vectors.receiver_acceptance.vectors.map((v) => utf8(v.cleartext_utf8)),
    ],
    refusals: [WireError],
    run(input) {
      const { header, command, commandBytes, canonical } = decodeEnvelope(input);
      assert.ok(equalBytes(encodeEnvelope(header, commandBytes), input));
      if (canonical) assert.ok(equalBytes(encodeCommand(command), commandBytes));
    },
  },
  {
    // The hash is made right, so that the mutations get past it.
    name: "envelope-hashed",
    corpus: typed,
    refusals: [WireError],
    run(input) {
      const [type, bytes] = untyped(input);
      const { command, canonical } = decodeEnvelope(
        encodeEnvelope({ payloadType: type, origin: SELF, ttl: 1 }, bytes),
      );
      if (canonical) assert.ok(equalBytes(encodeCommand(command), bytes));
    },
  },
  {
    name: "command",
    corpus: typed,
    refusals: [WireError],
    run(input) {
      const [type, bytes] = untyped(input);
      const command = decodeCommand(type, bytes);
      // Writing and reading again is a fixed point, whatever was read.
      const once = encodeCommand(command);
      assert.ok(isCanonical(type, once) || type === "keygen" || /sign|reshare/.test(type));
      assert.ok(equalBytes(encodeCommand(decodeCommand(type, once)), once));
      assert.equal(isCanonical(type, bytes) && !equalBytes(once, bytes), false);
    },
  },
  {
    name: "request",
    corpus: typed.filter((t) => /^(keygen|sign|reshare)\0/.test(text(t))),
    refusals: [WireError, NodeError],
    run(input) {
      const [type, bytes] = untyped(input);
      if (type !== "keygen" && type !== "sign" && type !== "reshare") return;
      const command = decodeCommand(type, bytes) as KeygenCommand | SignCommand | ReshareCommand;
      const request = requestFromCommand(command, SELF);
      assert.match(request.id, /^[0-9a-f]{64}$/);
    },
  },
  {
    name: "key-exchange",
    corpus: [keyExchangeLine(frameKey).slice(0, -1)],
    refusals: [WireError],
    run(input) {
      assert.equal(parseKeyExchangeLine(input).length, 32);
    },
  },
  {
    name: "frame",
    corpus: [frame],
    refusals: [WireError],
    run(input) {
      // Whoever reads the stream hands over whole headers.
      if (input.length < FRAME_HEADER_BYTES + 41) return;
      const opener = new FrameOpener(frameKey.slice());
      const size = opener.openHeader(input.subarray(0, FRAME_HEADER_BYTES));
      assert.ok(
        equalBytes(input.subarray(0, FRAME_HEADER_BYTES), frame.subarray(0, FRAME_HEADER_BYTES)),
      );
      opener.openBody(input.subarray(FRAME_HEADER_BYTES, FRAME_HEADER_BYTES + size));
      // Only the frame itself opens.
      assert.ok(equalBytes(input.subarray(0, frame.length), frame));
    },
  },
  {
    name: "sealed",
    corpus: [utf8(vectors.e2e.encrypted_payload_json)],
    refusals: [WireError],
    run(input) {
      const command = decodeCommand("encrypted", input) as EncryptedCommand;
      // Nobody but the sender can make an envelope that opens.
      assert.equal(open(command, vectorNode("B")).sender, vectorNode("A").identity);
    },
  },
  {
    name: "admin",
    corpus: [
      encodeAdminRequest({ id: "1", method: "sign", params: { key: "00", list: [1, null] } }, SELF),
      encodeAdminResult("1", { state: "running", round: 2 }, false, SELF),
      encodeAdminFailure("1", { code: "TF-X", message: "no", hint: "" }, SELF),
      ...cleartexts.slice(0, 6),
    ],
    refusals: [WireError],
    run(input) {
      decodeAdminMessage(input);
    },
  },
  {
    name: "inbox",
    corpus: roundMessages,
    refusals: [],
    run(input) {
      // Never throws; a bad message fails the ceremony with its sender named, and nothing of its
      // content shows.
      const inbox = new Inbox({ task: "fuzz", specs });
      inbox.receive("single", 3, input);
      inbox.receive("old", 3, input);
      inbox.receive("new", 3, input);
      return inbox.collect(specs[0]!, []).then(() => {}, (error) => {
        assert.equal(error.name, "ProtocolError");
        assert.deepEqual(error.culprits, [3]);
        assert.ok(error.message.length < 400, error.message);
      });
    },
  },
  {
    name: "round-content",
    corpus: roundMessages,
    refusals: [SyntaxError, TypeError, ContentError],
    run(input) {
      const message = parseJson(input);
      if (!(message instanceof Map)) return;
      const content = message.get("c") ?? null;
      const spec = specs.find((s) => s.type === message.get("t"));
      for (const s of spec === undefined ? specs : [spec]) {
        const value = s.parse(content);
        // What was accepted is written in a form that is accepted again.
        s.parse(parseJson(stringifyJson((s as MessageType<unknown>).toJson(value))));
      }
    },
  },
  {
    name: "ecdsa-share",
    corpus: saved("ecdsa-keygen-3-1.json"),
    refusals: [SyntaxError, TypeError, ContentError],
    run(input) {
      parseEcdsaShare(parseJson(input));
    },
  },
  {
    name: "eddsa-share",
    corpus: [...saved("eddsa-keygen-3-1.json"), ...saved("eddsa-reshare-3to4.json")],
    refusals: [SyntaxError, TypeError, ContentError],
    run(input) {
      parseEddsaShare(parseJson(input));
    },
  },
  {
    name: "preparams",
    corpus: (testdata("preparams.json") as Json[]).slice(0, 2).map((j) => utf8(stringifyJson(j))),
    refusals: [SyntaxError, TypeError, ContentError],
    run(input) {
      parsePreParams(parseJson(input));
    },
  },
  {
    name: "store-file",
    corpus: [fromHex(store.file), fromHex(store.meta_file)],
    refusals: [StoreFileError],
    run(input) {
      openStoreFile(fromHex(store.store_key), fromHex(store.key_id), input);
      assert.ok([store.file, store.meta_file].some((f) => equalBytes(fromHex(f), input)));
    },
  },
  {
    name: "meta",
    corpus: [utf8(store.meta_plaintext_utf8)],
    refusals: [MetaError],
    run(input) {
      decodeMeta(input, store.key_id);
    },
  },
  {
    name: "identity-file",
    corpus: [
      utf8(
        await sealIdentity(vectorNode("A"), "passphrase", systemRandom, { N: 2 ** 14, r: 8, p: 1 }),
      ),
    ],
    refusals: [KeystoreError],
    run(input) {
      identityOf(input, "identity.json");
    },
  },
  {
    name: "config",
    corpus: [
      utf8('{"connect":["10.0.0.1:45067"],"listen_address":"0.0.0.0:45067","consent":"manual"}'),
      utf8('{"log_level":"debug","peers_wanted":8,"initiators":[],"round_timeout":"90s"}'),
    ],
    refusals: [ConfigError],
    async run(input) {
      await loadConfig({
        flags: {},
        env: { HOME: "/home/x" },
        readFile: () => Promise.resolve(input),
      });
    },
  },
  {
    name: "environment",
    corpus: [
      utf8("TRF_CONNECT=10.0.0.1:1,[::1]:2"),
      utf8("TRF_LISTEN_ADDRESS=off"),
      utf8("TRF_LOG_LEVEL=mesh=debug:info"),
      utf8("TRF_PREPARAMS_TIMEOUT=1h2m3.5s"),
      utf8("TRF_SEEDS=seed.example:45067"),
      utf8(`TRF_INITIATORS=${"ab".repeat(20)}`),
      utf8(`TRF_PRIVATE_KEY=${"cd".repeat(32)}`),
      utf8("TRF_HOSTNAME=node.example"),
    ],
    refusals: [ConfigError],
    async run(input) {
      const [word = "", ...value] = text(input).split("=");
      const names = CONFIG_OPTIONS.map((o) => o.variable);
      const name = names.includes(word) ? word : names[input.length % names.length]!;
      try {
        await loadConfig({
          flags: {},
          env: { HOME: "/home/x", [name]: value.join("=") },
          readFile: () => Promise.resolve(null),
        });
      } catch (error) {
        if (name === "TRF_PRIVATE_KEY" && value[0]!.length > 12) {
          assert.ok(!(error as Error).message.includes(value[0]!), "an error repeats the key");
        }
        throw error;
      }
    },
  },
  {
    name: "dns-txt",
    corpus: vectors.dns_txt_parsing.vectors.map((v) => utf8(v.txt)),
    refusals: [],
    run(input) {
      const fields = parseTxtRecord(text(input));
      const identity = txtIdentity(text(input));
      assert.ok(identity === null || (fields !== null && /^[0-9a-f]{40}$/.test(identity)));
    },
  },
  {
    name: "address",
    corpus: vectors.peer_address_validation.vectors.map((v) => utf8(v.address)),
    refusals: [],
    run(input) {
      const address = text(input);
      const fault = checkPeerAddress(address);
      const parts = splitHostPort(address);
      const dial = parseDialAddress(address);
      if (fault === null && address !== "") assert.notEqual(parts, null);
      if (dial !== null) assert.ok(parts !== null && dial.port > 0 && dial.port < 65_536);
    },
  },
  {
    name: "identity",
    corpus: [utf8("aabbccddee00112233445566778899aabbccddee")],
    refusals: [RangeError, TypeError, WireError, Error],
    run(input) {
      const identity: Identity = parseIdentity(fromUtf8(input));
      assert.match(identity, /^[0-9a-f]{40}$/);
    },
  },
  ...HOME_TARGETS,
  ...OVERSIGHT_TARGETS,
  sessionTarget(cleartexts, commands),
];
