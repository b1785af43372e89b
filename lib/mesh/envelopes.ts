/**
 * The gate for sealed envelopes addressed to this node: what to open, and what to refuse before and
 * after (specification: mesh section 8, weaknesses 20, 23, 24).
 *
 * @module
 */

import type { Identity, NodeIdentity } from "../crypto/identity.ts";
import { toHex } from "../encoding/bytes.ts";
import type { Clock } from "./clock.ts";
import { type Command, encodeCommand, type EncryptedCommand } from "./commands.ts";
import { DuplicateCache } from "./duplicates.ts";
import {
  PROVEN_BURST,
  PROVEN_RATE,
  PROVEN_SENDERS,
  REPLAY_ENTRIES,
  REPLAY_LIFE,
  REPLAY_PER_SENDER,
  SEALED_BURST,
  SEALED_PATIENCE,
  SEALED_PENALTY,
  SEALED_RATE,
  SENDER_ENTRIES,
  SENDER_QUOTA,
  SENDER_WINDOW,
} from "./limits.ts";
import { TokenBucket, WindowQuota } from "./rate_limit.ts";
import { envelopeDigest, open } from "./sealed.ts";
import { messageOf, type Session } from "./session.ts";

/** What may travel sealed; everything else inside an envelope is ignored. */
const SEALED_TYPES: ReadonlySet<string> = new Set(
  [
    "tss",
    "keygen",
    "sign",
    "reshare",
    "keygen-response",
    "sign-response",
    "reshare-response",
    "node-echo",
    "ceremony-note",
    "node-witness",
    "ceremony-standing",
    "ceremony-standing-response",
    "presign",
    "presign-response",
    "presigned-sign",
  ] satisfies Command["type"][],
);

/** Length of a NaCl box's tag. */
const TAG_BYTES = 16;

/** What an envelope turned out to be. */
export type Opened =
  | { readonly sender: Identity; readonly inner: Command }
  | { readonly refused: string };

interface Budget {
  readonly bucket: TokenBucket;
  /** Since when it has been empty without a break, ms. */
  since: number | null;
  dropping: boolean;
}

/** Opens envelopes, each once, within quotas. */
export class EnvelopeGate {
  readonly #clock: Clock;
  readonly #identity: NodeIdentity;
  readonly #seen: DuplicateCache;
  readonly #senders: WindowQuota;
  readonly #budgets = new WeakMap<Session, Budget>();
  /** Senders whose envelopes opened, the latest last, with what they may send in a flood. */
  readonly #proven = new Map<Identity, TokenBucket>();
  /** Envelopes refused because their sender, or the session that delivered them, sent too many. */
  rateDropped = 0;
  /** Envelopes that came again. */
  replays = 0;

  /** The gate of the node `identity`. */
  constructor(clock: Clock, identity: NodeIdentity) {
    this.#clock = clock;
    this.#identity = identity;
    this.#seen = new DuplicateCache(clock, REPLAY_LIFE, REPLAY_ENTRIES, REPLAY_PER_SENDER);
    this.#senders = new WindowQuota(clock, SENDER_WINDOW, SENDER_QUOTA, SENDER_ENTRIES);
  }

  /**
   * Charges the session for one envelope, before anything is computed. Returns how long it should
   * pause, or `null` if the envelope is to be dropped. The delivering session pays, not the claimed
   * sender: forged envelopes must not silence a real one. While a flood comes through a session, a
   * few envelopes a second of each sender whose envelopes opened before still pass.
   */
  charge(session: Session, sender: Identity): number | null {
    const now = this.#clock.now();
    const budget = this.#budget(session);
    if (budget.dropping) {
      if (budget.bucket.level < SEALED_BURST / 2) {
        if (this.#proven.get(sender)?.take() === true) return 0;
        this.rateDropped++;
        return null;
      }
      budget.dropping = false;
    }
    const pause = budget.bucket.debit();
    if (pause === 0) budget.since = null;
    else {
      budget.since ??= now;
      budget.dropping = now - budget.since > SEALED_PATIENCE;
    }
    return pause;
  }

  #budget(session: Session): Budget {
    let budget = this.#budgets.get(session);
    if (budget === undefined) {
      const bucket = new TokenBucket(this.#clock, SEALED_RATE, SEALED_BURST);
      this.#budgets.set(session, budget = { bucket, since: null, dropping: false });
    }
    return budget;
  }

  /** Checks and opens one envelope that `session` delivered. Never throws. */
  open(command: EncryptedCommand, session: Session): Opened {
    if (!SEALED_TYPES.has(command.innerType)) {
      return { refused: `a ${command.innerType} is not taken from an envelope` };
    }
    const digest = toHex(envelopeDigest(command));
    if (this.#seen.has(digest)) {
      this.replays++;
      return { refused: "the envelope was seen before" };
    }
    let opened: { sender: Identity; inner: Command };
    try {
      opened = open(command, this.#identity);
    } catch (error) {
      this.#budget(session).bucket.debit(SEALED_PENALTY);
      // Whoever forges in a proven sender's name must not get its places for nothing.
      const proven = this.#proven.get(command.sender);
      if (proven !== undefined && proven.level > 0) proven.debit(SEALED_PENALTY);
      return { refused: messageOf(error) };
    }
    // The type is not signed: content that does not fill it was sealed as something else.
    if (encodeCommand(opened.inner).length !== command.ciphertext.length - TAG_BYTES) {
      return { refused: `the content is not a ${command.innerType} in canonical form` };
    }
    if (!this.#senders.take(opened.sender)) {
      this.rateDropped++;
      return { refused: "its sender sent too many envelopes" };
    }
    // Only what opened is remembered: a spoiled copy must not suppress the real one.
    this.#seen.see(digest, opened.sender);
    this.#prove(opened.sender);
    return opened;
  }

  #prove(sender: Identity): void {
    const bucket = this.#proven.get(sender) ??
      new TokenBucket(this.#clock, PROVEN_RATE, PROVEN_BURST);
    this.#proven.delete(sender);
    this.#proven.set(sender, bucket);
    if (this.#proven.size > PROVEN_SENDERS) {
      this.#proven.delete(this.#proven.keys().next().value!);
    }
  }
}
