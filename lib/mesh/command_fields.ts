/**
 * Field names, order and types of every command on the wire (specification: mesh section 7).
 *
 * @module
 */

import type {
  AdminPeerRecord,
  CeremonyStatus,
  Command,
  CommandType,
  NodeContact,
  OutcomeCommand,
  PartyId,
  PeerRecord,
  WitnessEntry,
  WitnessMessage,
} from "./command_types.ts";
import {
  field,
  goBool,
  goByteArray,
  goBytes,
  type GoFields,
  goHash,
  goIdentity,
  goInt64,
  goList,
  goString,
  goStringMap,
  goStruct,
  type GoType,
  goUint32,
  goUint8,
  optional,
} from "./go_json.ts";

/** The fields of the command with type `K`, without the type. */
type Body<K extends CommandType, C = Command> = C extends { readonly type: infer T }
  ? K extends T ? Omit<C, "type"> : never
  : never;

const recordFields: GoFields<PeerRecord> = {
  identity: field("identity", goIdentity),
  address: field("address", goString),
  naclPub: optional("nacl_pub", goBytes),
  version: field("version", goUint32),
  lastSeen: field("last_seen", goInt64),
  sessions: optional("sessions", goList(goIdentity)),
};

const contactFields: GoFields<NodeContact> = {
  identity: field("identity", goIdentity),
  kind: optional("kind", goString),
  session: field("session", goBool),
  known: field("known", goBool),
  age: field("age", goInt64),
  roundTrip: field("rtt", goInt64),
};

const adminRecordFields: GoFields<AdminPeerRecord> = {
  ...recordFields,
  connected: field("connected", goBool),
  live: field("live", goBool),
  self: field("self", goBool),
};

/** A member of a committee as it stands in requests. */
export const goPartyId: GoType<PartyId> = goStruct<PartyId>({
  id: field("id", goString),
  moniker: field("moniker", goString),
  key: field("key", goBytes),
  index: field("index", goInt64),
});

const committee = goList(goPartyId);

const statusFields: GoFields<CeremonyStatus> = {
  ceremonyId: field("ceremony_id", goHash),
  found: field("found", goBool),
  ceremonyType: optional("type", goString),
  status: optional("status", goString),
  startTime: optional("start_time", goInt64),
  keyId: optional("key_id", goBytes),
  committee: optional("committee", goList(goIdentity)),
  error: optional("error", goString),
};

const outcomeFields: GoFields<Omit<OutcomeCommand, "type">> = {
  ceremonyId: field("ceremonyid", goHash),
  success: field("success", goBool),
  error: optional("error", goString),
};

const witnessEntryFields: GoFields<WitnessEntry> = {
  from: field("from", goIdentity),
  role: field("role", goUint8),
  name: field("name", goString),
  digest: field("digest", goHash),
};

const witnessMessageFields: GoFields<WitnessMessage> = {
  from: field("from", goIdentity),
  ceremonyType: field("type", goUint8),
  flags: field("flags", goUint8),
  data: field("data", goBytes),
  signature: field("signature", goBytes),
};

const empty = {} as const;

/** Every payload type with its fields, in wire order. */
const catalogue: { readonly [K in CommandType]: GoFields<Body<K>> } = {
  "hello": {
    version: field("version", goUint32),
    options: optional("options", goStringMap),
    identity: field("identity", goIdentity),
    challenge: field("challenge", goBytes),
    naclPub: field("nacl_pub", goBytes),
  },
  "hello-response": { signature: field("signature", goBytes) },
  "ping": { originTimestamp: field("origintimestamp", goInt64) },
  "ping-response": {
    originTimestamp: field("origintimestamp", goInt64),
    peerTimestamp: field("peertimestamp", goInt64),
  },
  "peer-notify": { count: field("count", goInt64) },
  "peer-list-request": empty,
  "peer-list-response": { peers: field("peers", goList(goStruct<PeerRecord>(recordFields))) },
  "encrypted": {
    ephemeralPub: field("ephemeral_pub", goByteArray(32)),
    nonce: field("nonce", goByteArray(24)),
    ciphertext: field("ciphertext", goBytes),
    signature: field("signature", goBytes),
    sender: field("sender", goIdentity),
    innerType: field("inner_type", goString),
  },
  "tss": {
    ceremonyId: field("ceremonyid", goHash),
    ceremonyType: field("type", goUint8),
    from: field("from", goIdentity),
    flags: field("flags", goUint8),
    data: field("data", goBytes),
    signature: field("signature", goBytes),
  },
  "keygen": {
    ceremonyId: field("ceremonyid", goHash),
    curve: field("curve", goString),
    committee: field("committee", committee),
    threshold: field("threshold", goInt64),
    coordinator: field("coordinator", goIdentity),
  },
  "keygen-response": outcomeFields,
  "sign": {
    ceremonyId: field("ceremonyid", goHash),
    keyId: field("keyid", goBytes),
    committee: field("committee", committee),
    threshold: field("threshold", goInt64),
    data: field("data", goBytes),
  },
  "sign-response": {
    ceremonyId: field("ceremonyid", goHash),
    success: field("success", goBool),
    r: optional("r", goBytes),
    s: optional("s", goBytes),
    error: optional("error", goString),
  },
  "reshare": {
    ceremonyId: field("ceremonyid", goHash),
    curve: field("curve", goString),
    keyId: field("keyid", goBytes),
    oldCommittee: field("oldcommittee", committee),
    newCommittee: field("newcommittee", committee),
    oldThreshold: field("oldthreshold", goInt64),
    newThreshold: field("newthreshold", goInt64),
  },
  "reshare-response": outcomeFields,
  "presign": {
    ceremonyId: field("ceremonyid", goHash),
    keyId: field("keyid", goBytes),
    committee: field("committee", goList(goIdentity)),
    threshold: field("threshold", goInt64),
    generation: field("generation", goInt64),
    keep: optional("keep", goList(goHash)),
  },
  "presign-response": outcomeFields,
  "presigned-sign": {
    ceremonyId: field("ceremonyid", goHash),
    keyId: field("keyid", goBytes),
    committee: field("committee", goList(goIdentity)),
    threshold: field("threshold", goInt64),
    generation: field("generation", goInt64),
    presignature: field("presignature", goHash),
    data: field("data", goBytes),
  },
  "ceremony-result": outcomeFields,
  "ceremony-abort": {
    ceremonyId: field("ceremonyid", goHash),
    reason: field("reason", goString),
  },
  "busy": empty,
  "peer-list-admin": empty,
  "peer-list-admin-response": {
    peers: field("peers", goList(goStruct<AdminPeerRecord>(adminRecordFields))),
  },
  "ceremony-status": { ceremonyId: field("ceremony_id", goHash) },
  "ceremony-status-response": statusFields,
  "ceremony-list": empty,
  "ceremony-list-response": {
    ceremonies: field("ceremonies", goList(goStruct<CeremonyStatus>(statusFields))),
  },
  "node-echo": {
    nonce: field("nonce", goHash),
    answer: field("answer", goBool),
    about: optional("about", goList(goIdentity)),
    software: field("software", goString),
    protocol: field("protocol", goUint32),
    now: field("now", goInt64),
    preParams: field("preparams", goUint32),
    presign: optional("presign", goUint32),
    standing: optional("standing", goUint32),
    contacts: optional("contacts", goList(goStruct<NodeContact>(contactFields))),
    more: optional("more", goStringMap),
  },
  "ceremony-note": {
    ceremonyId: field("ceremonyid", goHash),
    about: field("about", goString),
    text: field("text", goString),
  },
  "ceremony-standing": {
    nonce: field("nonce", goHash),
    ceremonyId: field("ceremonyid", goHash),
  },
  "ceremony-standing-response": {
    nonce: field("nonce", goHash),
    ceremonyId: field("ceremonyid", goHash),
    state: field("state", goString),
    round: optional("round", goUint8),
    rounds: optional("rounds", goUint8),
    age: optional("age", goInt64),
    waitingFor: optional("waitingfor", goList(goIdentity)),
    code: optional("code", goString),
    culprits: optional("culprits", goList(goIdentity)),
  },
  "node-witness": {
    ceremonyId: field("ceremonyid", goHash),
    part: field("part", goString),
    stage: field("stage", goUint8),
    ask: field("ask", goBool),
    entries: optional("entries", goList(goStruct<WitnessEntry>(witnessEntryFields))),
    messages: optional("messages", goList(goStruct<WitnessMessage>(witnessMessageFields))),
    kind: optional("kind", goString),
    round: field("round", goUint8),
    reason: optional("reason", goString),
    culprits: optional("culprits", goList(goIdentity)),
  },
  "peer-add": { address: field("address", goString) },
  "peer-add-response": {
    accepted: field("accepted", goBool),
    error: optional("error", goString),
  },
};

/** The struct of every payload type. Lookups are exact and case-sensitive. */
export const commandStructs: ReadonlyMap<string, GoType<object>> = new Map(
  Object.entries(catalogue).map(([type, fields]) => [type, goStruct<object>(fields)]),
);
