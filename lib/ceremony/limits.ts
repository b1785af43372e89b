/**
 * Every bound and waiting time of the ceremony room, with its reason.
 *
 * @module
 */

/**
 * Most ceremonies that run at once. Each has a worker with its own heap (about 60 MB while it
 * proves); eight keep a small machine alive and are far more than operators start by hand.
 */
export const MAX_CEREMONIES = 8;

/**
 * Largest committee. Every member checks every other member's proofs, so work grows with the
 * square; a key generation of 64 is minutes of arithmetic for each, more is a mistake or an attack.
 */
export const MAX_COMMITTEE = 64;

/** Largest Ed25519 message that is signed: it travels in a request, whose frame holds 1 MiB. */
export const MAX_SIGNED_MESSAGE_BYTES = 512 * 1024;

/** Largest round message: a frame's cleartext is below 1 MiB, so nothing honest is larger. */
export const MAX_ROUND_MESSAGE_BYTES = 1024 * 1024;

/**
 * Most messages that one member may send to a ceremony in one role. The longest protocol has ten
 * types per sender; repeats are allowed, as retries and a final acknowledgement come twice.
 */
export const MAX_MESSAGES_PER_MEMBER = 64;

/** Most bytes that one member may send to a ceremony in one role: honest ones stay below 1 MiB. */
export const MAX_BYTES_PER_MEMBER = 4 * 1024 * 1024;

/**
 * How long messages of a ceremony that is not known here are kept: members learn of a ceremony at
 * different times, with manual consent seconds apart. (The Go node keeps them 3.9 s.)
 */
export const EARLY_MS = 60_000;

/** Most early messages kept per sender: what the longest protocol sends before it must hear us. */
export const EARLY_MESSAGES_PER_SENDER = 32;

/** Most early bytes kept per sender: first rounds of a few ceremonies (0.4 MB each). */
export const EARLY_BYTES_PER_SENDER = 4 * 1024 * 1024;

/** Most early messages kept from all senders together. */
export const EARLY_MESSAGES = 1024;

/** Most early bytes kept from all senders together. */
export const EARLY_BYTES = 48 * 1024 * 1024;

/**
 * Waiting or computing in one place for longer than this ends a ceremony. A slow Go node needs
 * about 10 s for the heaviest round of five; messages that got lost never come.
 */
export const ROUND_TIMEOUT_MS = 60_000;

/** No ceremony runs longer than this. */
export const CEREMONY_TIMEOUT_MS = 10 * 60_000;

/**
 * Distances after which a member that still owes us a message gets ours again. The first lets a
 * busy Go node finish a heavy round; their sum exceeds the time limit of a round. There are few:
 * a Go node's queue holds four messages per member and ceremony.
 */
export const REPEAT_AFTER_MS: readonly number[] = [3_000, 6_000, 12_000, 20_000, 20_000];

/** A member is not answered, or served out of turn, sooner than this after the last message to it. */
export const ANSWER_GAP_MS = 2_500;

/** Answers to one member's repeats between two steps of progress, and after the end. */
export const MAX_ANSWERS = 4;

/** The same message again within this time was sent twice on purpose, not for want of an answer. */
export const TWIN_MS = 1_500;

/** Ended ceremonies whose last messages are kept for members that still lack them. */
export const MAX_LINGERING = 16;

/** How long they are kept: no member waits longer for one round. */
export const LINGER_MS = 5 * 60_000;

/** Answers to one member's questions about what was broadcast, per ceremony. */
export const MAX_WITNESS_ANSWERS = 16;

/** Signed messages shown to one member, and taken from it, per ceremony. */
export const MAX_EXHIBITS = 64;

/** Bytes of proof that one member spreads when it convicts another. */
export const MAX_SPREAD_BYTES = 16 * 1024 * 1024;

/** After a failure the others' findings are awaited this long. */
export const INQUEST_MS = 5_000;

/** How long a finished ceremony can be asked about, as long as the Go node keeps its entries. */
export const HISTORY_MS = 29 * 60_000;

/** Most finished ceremonies kept for questions; the oldest goes first. */
export const HISTORY_ENTRIES = 1000;

/** Most workers that search for primes at once: two find a set in a second or so. */
export const MAX_PRIME_WORKERS = 2;

/** The bounds that an engine takes; tests lower them. */
export interface CeremonyLimits {
  /** See {@link MAX_CEREMONIES}. */
  readonly maxCeremonies: number;
  /** See {@link MAX_COMMITTEE}. */
  readonly maxCommittee: number;
  /** See {@link MAX_MESSAGES_PER_MEMBER}. */
  readonly maxMessagesPerMember: number;
  /** See {@link MAX_BYTES_PER_MEMBER}. */
  readonly maxBytesPerMember: number;
  /** See {@link EARLY_MS}. */
  readonly earlyMs: number;
  /** See {@link EARLY_MESSAGES_PER_SENDER}. */
  readonly earlyMessagesPerSender: number;
  /** See {@link EARLY_BYTES_PER_SENDER}. */
  readonly earlyBytesPerSender: number;
  /** See {@link EARLY_MESSAGES}. */
  readonly earlyMessages: number;
  /** See {@link EARLY_BYTES}. */
  readonly earlyBytes: number;
  /** See {@link ROUND_TIMEOUT_MS}. */
  readonly roundTimeoutMs: number;
  /** See {@link CEREMONY_TIMEOUT_MS}. */
  readonly ceremonyTimeoutMs: number;
  /** See {@link HISTORY_MS}. */
  readonly historyMs: number;
  /** See {@link HISTORY_ENTRIES}. */
  readonly historyEntries: number;
}

/** The bounds that a node runs with unless it is configured otherwise. */
export const defaultLimits: CeremonyLimits = {
  maxCeremonies: MAX_CEREMONIES,
  maxCommittee: MAX_COMMITTEE,
  maxMessagesPerMember: MAX_MESSAGES_PER_MEMBER,
  maxBytesPerMember: MAX_BYTES_PER_MEMBER,
  earlyMs: EARLY_MS,
  earlyMessagesPerSender: EARLY_MESSAGES_PER_SENDER,
  earlyBytesPerSender: EARLY_BYTES_PER_SENDER,
  earlyMessages: EARLY_MESSAGES,
  earlyBytes: EARLY_BYTES,
  roundTimeoutMs: ROUND_TIMEOUT_MS,
  ceremonyTimeoutMs: CEREMONY_TIMEOUT_MS,
  historyMs: HISTORY_MS,
  historyEntries: HISTORY_ENTRIES,
};

/**
 * How long after the start of the node, and after the last ceremony, the next worker rehearses: not
 * while more requests may come, and not while the node is making its first sessions.
 */
export const SPARE_AFTER_MS = 1_000;
