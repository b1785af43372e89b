/**
 * Every limit and timer of the mesh, each with its reason. Times are milliseconds, sizes bytes.
 * Values marked "Go" are those of the Go node (specification: mesh section 20) and keep a mixed
 * mesh together; the others are our own choice within section 21.2.
 *
 * @module
 */

/** A dial that has not connected by then is given up (Go). */
export const DIAL_TIMEOUT = 11_000;
/** First ping of a session: no answer by then ends it (Go). */
export const FIRST_PONG_TIMEOUT = 7_000;
/** Distance of the pings of a session (Go). */
export const PING_INTERVAL = 29_000;
/** Later pings: no answer by then ends the session (Go). */
export const PONG_TIMEOUT = 13_000;
/** How often missing sessions are topped up from the peer table (Go). */
export const MAINTENANCE_INTERVAL = 67_000;
/** How often a node without any session tries known peers; each one at most every 31 s. */
export const ALONE_INTERVAL = 5_000;
/** The first time it does so sooner after its last session ended; up to three times this. */
export const ALONE_FIRST = 250;
/** Share of the wanted sessions that own dials fill; the rest is for those who come. */
export const OWN_SHARE = 0.75;
/** After a `busy`, an address is refused for this long, and not dialled either (Go). */
export const BUSY_COOLDOWN = 31_000;
/** Life of a peer record after its last refresh (Go). */
export const PEER_RECORD_LIFE = 67_000;
/** Life of an entry of the duplicate cache (Go). */
export const DUPLICATE_LIFE = 67_000;
/** Hop budget of what we originate, and the most that we pass on: a larger one only feeds floods. */
export const HOP_BUDGET = 8;

/** Inbound handshakes at once, over all addresses: memory and signature work stay small. */
export const HANDSHAKES_TOTAL = 64;
/** Inbound handshakes at once from one address (IPv6: one /64), so that it cannot take all slots. */
export const HANDSHAKES_PER_ADDRESS = 4;
/** The same for loopback, where many honest nodes share the address. */
export const HANDSHAKES_LOOPBACK = 48;
/** A whole inbound handshake, key exchange included. Go's own steps add up to 13 s at the worst. */
export const HANDSHAKE_DEADLINE = 10_000;
/** Addresses whose cool-down is remembered; the oldest is forgotten first. */
export const COOLDOWN_ENTRIES = 4_096;
/** Pause after the operating system failed to hand over a connection (no file descriptors left). */
export const ACCEPT_RETRY = 250;

/** First wait before a failed configured peer is dialled again. */
export const BACKOFF_FIRST = 1_000;
/** Longest wait: an operator who starts the other node should not wait longer than this. */
export const BACKOFF_MOST = 60_000;
/** A session that lived this long resets its peer's back-off. */
export const BACKOFF_RESET = 30_000;
/** Wait before an address that turned out to be ourselves is tried again: it may be reassigned. */
export const SELF_RETRY = 600_000;
/** Dials at once: gossip must not turn a node into a port scanner. */
export const DIALS_TOTAL = 16;

/**
 * Two connections to one peer count as a simultaneous dial if the older is younger than this: the
 * two ends can finish a handshake no further apart than its read deadlines.
 */
export const SIMULTANEOUS_WINDOW = 15_000;
/** A second connection waits this long for a sign of which one the peer uses; above the first pong. */
export const STANDBY_LIFE = 9_000;
/** The connection that lost is read for this long, so that messages already sent are not lost. */
export const DRAIN_LIFE = 2_000;

/** Small messages per second and session, as Go; above it they are dropped and counted. */
export const CONTROL_RATE = 97;
/** Burst of the same, as Go. */
export const CONTROL_BURST = 199;
/**
 * Ceremony and relayed messages per second and session. Above it reading pauses, nothing is lost:
 * TCP slows the sender. Go bursts (4 messages per pair in a keygen, 10 in a signing) fit at once.
 */
export const DATA_RATE = 1_000;
/** Burst of the same: a 100-party signing (10 messages from each) over one relay fits four times. */
export const DATA_BURST = 4_000;
/** Bytes per second and session that are taken in before reading pauses: parsing costs CPU time. */
export const BYTE_RATE = 8 * 1024 * 1024;
/** Burst of the same: the first rounds of a 100-party key generation over one relay. */
export const BYTE_BURST = 64 * 1024 * 1024;
/** Sealed envelopes for us per second and session, checked before any signature; then reading pauses. */
export const SEALED_RATE = 200;
/** Burst of the same; a signature check costs 2 to 3 ms. */
export const SEALED_BURST = 1_000;
/** What an envelope that does not open costs beside its own token. */
export const SEALED_PENALTY = 4;
/**
 * After pausing for so long in one go, envelopes are dropped unopened until half the burst is free
 * again: somebody floods through this neighbour, and its pings must not wait behind that.
 */
export const SEALED_PATIENCE = 3_000;
/** Envelopes per second that a sender known from opened ones has for itself during a flood. */
export const PROVEN_RATE = 10;
/** Burst of the same: a whole signing is ten messages from each member. */
export const PROVEN_BURST = 40;
/** Senders known from opened envelopes; the one not heard for longest is forgotten first. */
export const PROVEN_SENDERS = 1_024;
/** Window of the per-sender envelope quota (Go). */
export const SENDER_WINDOW = 61_000;
/** Verified envelopes per sender and window; Go has 199, too few if round messages are re-sent. */
export const SENDER_QUOTA = 2_000;
/** Senders whose quota is remembered at once. */
export const SENDER_ENTRIES = 4_096;
/** Answers to `peer-list-request` per second and session; each may be a megabyte. */
export const LIST_ANSWER_RATE = 0.5;
/** Burst of the same. */
export const LIST_ANSWER_BURST = 5;

/**
 * Frames per second that we send to a Go node, which drops what exceeds its own limit (97/s, burst
 * 199) without a word; ours slow the sender down instead and need no pacing.
 */
export const GO_SEND_RATE = 90;
/** Burst of the same. */
export const GO_SEND_BURST = 180;

/** After handling frames of one session for so long, the others get a turn. */
export const READ_TURN = 10;

/** Lines of one text per second in the log; strangers can provoke many. */
export const LOG_RATE = 1;
/** Burst of the same. */
export const LOG_BURST = 60;

/**
 * Bytes handed to a connection before earlier ones are written: small frames leave together, and a
 * ping waits behind no more than this.
 */
export const PIPELINE_BYTES = 64 * 1024;
/** Bytes of own messages waiting for one session; more means the peer does not read. */
export const QUEUE_OWN_BYTES = 64 * 1024 * 1024;
/** Bytes of other nodes' messages waiting for one session; further ones are dropped and counted. */
export const QUEUE_RELAY_BYTES = 8 * 1024 * 1024;
/** Messages waiting for one session, own and relayed each: small ones cost memory too. */
export const QUEUE_MESSAGES = 16_384;
/** Control messages (pings, lists) waiting for one session; a peer can provoke these. */
export const QUEUE_CONTROL = 64;

/** Entries of the duplicate cache; about 10 MB at the worst. */
export const DUPLICATE_ENTRIES = 65_536;
/** Entries that one neighbour may hold there, so that it cannot push out the others'. */
export const DUPLICATE_ENTRIES_PER_SOURCE = 8_192;
/** Life of a seen envelope: longer than any ceremony that could still use its content. */
export const REPLAY_LIFE = 30 * 60_000;
/** Envelopes remembered per sender; more than its quota lets through in a ceremony's life. */
export const REPLAY_PER_SENDER = 8_192;
/** Envelopes remembered in all. */
export const REPLAY_ENTRIES = 131_072;

/** Peer records kept; a mesh of a thousand nodes fits, with room for invented ones. */
export const PEER_RECORDS = 2_048;
/** Records per list that are read and sent (Go reads no more). */
export const LIST_ENTRIES = 256;
/** Bytes of a list we send; below the largest frame with room for header and tags. */
export const LIST_BYTES = 1_000_000;
/** Session identities listed in one record; the largest record then still leaves room for others. */
export const RECORD_SESSIONS = 256;
/** A hearsay record claims to be seen at most this far in the future before it is cut to now. */
export const CLOCK_SKEW = 5_000;
/** Neighbours whose word on one node's sessions is kept; links count as far as these agree. */
export const ADJACENCY_INFORMANTS = 4;
/** Destinations whose ways are kept between two changes of the topology. */
export const ROUTES = 4_096;
/** Ways kept per destination: the best, and others for what comes from the best one itself. */
export const ROUTE_CHOICES = 3;
/** NaCl keys of vanished peers that are remembered, so that hearsay cannot replace them. */
export const REMEMBERED_KEYS = 4_096;
/** How often own record and live neighbours are repeated; two repeats fit in Go's 67 s record life. */
export const GOSSIP_INTERVAL = 25_000;
/**
 * A far node's record is repeated to Go nodes while it was seen this recently: a ping's answer every
 * 29 s, spread a few hops, is younger; a vanished node's is older at the second repetition.
 */
export const FAR_FRESH = 45_000;
/** News about far nodes go on to our own kind at most this often: five seconds a hop. */
export const SPREAD_INTERVAL = 5_000;
/**
 * Distance of the repetitions of a far node's unchanged record, ms per known node: what they cost
 * would otherwise grow with the number of nodes. Up to 100 nodes {@link GOSSIP_INTERVAL} rules.
 */
export const FAR_REPEAT_PER_NODE = 250;
/** Life of a far node's record, in repetitions: three may come late or get lost on the way. */
export const FAR_LIFE = 4;
/**
 * Life of what one neighbour said of a far node's links, in repetitions. Whoever heard the news from
 * us does not tell us back, so that its former word, which contradicts them, is never taken back.
 */
export const CLAIM_LIFE = 2;
/** Full lists asked of one of our own kind, per second: news comes by itself. */
export const LIST_REQUEST_RATE = 1 / 30;
/** News (`peer-notify`) are sent at most this often; what comes between is joined into one. */
export const NOTIFY_INTERVAL = 1_000;

/** Admin connections at once. */
export const ADMIN_CONNECTIONS = 16;
/** Unfinished requests of one admin connection. */
export const ADMIN_OUTSTANDING = 16;
/** Admin requests per second and connection; above it reading pauses. */
export const ADMIN_RATE = 50;
/** Burst of the same. */
export const ADMIN_BURST = 100;
/** Largest admin request command; a signing request is far smaller. */
export const ADMIN_REQUEST_BYTES = 256 * 1024;
/** Bytes waiting for an admin client; a client that does not read is cut off. */
export const ADMIN_QUEUE_BYTES = 16 * 1024 * 1024;
/** Connections that a tool opens to a node that takes too long to answer, one after the other. */
export const ADMIN_CONNECT_TRIES = 3;
/** Distance of admin keep-alive pings, both ways; three fit in the 37 s read deadline. */
export const ADMIN_PING_INTERVAL = 11_000;

/** What the DNS said about a name or an address is good for this long, also when it failed (Go). */
export const DNS_CHECK_LIFE = 59_000;
/** One look-up; longer than a resolver's own retries, shorter than a handshake's deadline. */
export const DNS_TIMEOUT = 8_000;
/** Answers of the DNS that are remembered; strangers can provoke one for each of their addresses. */
export const DNS_ENTRIES = 4_096;
/** All look-ups of seeds together (Go). */
export const SEED_LOOKUPS = 15_000;
/** Addresses dialled of one seed. */
export const SEED_ADDRESSES = 16;
/** First wait before seeds are asked again while nobody is there. */
export const SEED_RETRY_FIRST = 5_000;
/** Longest such wait. */
export const SEED_RETRY_MOST = 120_000;

/** Sessions that strangers from one address (IPv6: one /64) may hold; loopback and known peers are exempt. */
export const SESSIONS_PER_ADDRESS = 4;
