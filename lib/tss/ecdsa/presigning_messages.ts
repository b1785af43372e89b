/**
 * The message types of presigning and of signing from a presignature. Nodes of this implementation
 * exchange them only with each other; contents that the nine rounds have too are the same.
 *
 * @module
 */

import { toBase64 } from "../../encoding/bytes.ts";
import type { Json } from "../../encoding/json.ts";
import { type CurvePoint, secp256k1 } from "../../crypto/curve.ts";
import { bytes, int, object, pathOf, point, value } from "../fields.ts";
import type { MessageType } from "../message_type.ts";
import { pointToJson } from "../points.ts";
import { parsePointProof, type PointProof, pointProofToJson } from "../proofs/mta_point.ts";
import {
  parseSameScalarProof,
  type SameScalarProof,
  sameScalarProofToJson,
} from "../proofs/same_scalar.ts";
import { parseVProof, type VProof, vProofToJson } from "../proofs/vproof.ts";
import {
  type SignCommitment,
  SignRound1Message1,
  SignRound1Message2,
  type SignRound1Mta,
  SignRound2Message,
  type SignRound2Mta,
  type SignRound4,
  SignRound4Message,
} from "./signing_messages.ts";

const SCALAR = { max: secp256k1.q - 1n };

function renamed<T>(type: MessageType<T>, name: string): MessageType<T> {
  return { ...type, type: `ecdsa.presigning.${name}` };
}

/** Round 1, to one signer: k encrypted for it. */
export const PreRound1Message1: MessageType<SignRound1Mta> = renamed(
  SignRound1Message1,
  "PreRound1Message1",
);

/** Round 1: commitment to Gamma. */
export const PreRound1Message2: MessageType<SignCommitment> = renamed(
  SignRound1Message2,
  "PreRound1Message2",
);

/** Round 2, to one signer: both products with its k. */
export const PreRound2Message: MessageType<SignRound2Mta> = renamed(
  SignRound2Message,
  "PreRound2Message",
);

/** Round 3: the share of theta, and a commitment to the share of sigma. */
export interface PreRound3 {
  /** In [0, q). */
  readonly theta: bigint;
  /** `T = sigma·G + l·H`. */
  readonly T: CurvePoint;
  /** Knowledge of sigma and l. */
  readonly proof: VProof;
}

/** Reads and writes {@link PreRound3}. */
export const PreRound3Message: MessageType<PreRound3> = {
  type: "ecdsa.presigning.PreRound3Message",
  round: 3,
  from: "single",
  broadcast: true,
  parse(content: Json) {
    const o = object(content, "PreRound3Message");
    return {
      theta: int(o, "Theta", SCALAR),
      T: point(o, "T", secp256k1),
      proof: parseVProof(value(o, "Proof"), pathOf(o, "Proof")),
    };
  },
  toJson: (m) => ({ Theta: m.theta, T: pointToJson(m.T), Proof: vProofToJson(m.proof) }),
};

/** Round 4: the opening of Gamma and the proof of knowing gamma. */
export const PreRound4Message: MessageType<SignRound4> = renamed(
  SignRound4Message,
  "PreRound4Message",
);

/** Round 5, to one signer: the image of k under R, with a proof made for it. */
export interface PreRound5 {
  /** `k·R`; everybody gets the same, which round 7 makes sure of. */
  readonly K: CurvePoint;
  /** It is the k that round 1 encrypted for the receiver. */
  readonly proof: PointProof;
}

/** Reads and writes {@link PreRound5}. */
export const PreRound5Message: MessageType<PreRound5> = {
  type: "ecdsa.presigning.PreRound5Message",
  round: 5,
  from: "single",
  broadcast: false,
  parse(content: Json) {
    const o = object(content, "PreRound5Message");
    return {
      K: point(o, "K", secp256k1),
      proof: parsePointProof(value(o, "Proof"), pathOf(o, "Proof")),
    };
  },
  toJson: (m) => ({ K: pointToJson(m.K), Proof: pointProofToJson(m.proof) }),
};

/** Round 6: the image of sigma under R. */
export interface PreRound6 {
  /** `sigma·R`. */
  readonly S: CurvePoint;
  /** It is the sigma that round 3 committed to. */
  readonly proof: SameScalarProof;
}

/** Reads and writes {@link PreRound6}. */
export const PreRound6Message: MessageType<PreRound6> = {
  type: "ecdsa.presigning.PreRound6Message",
  round: 6,
  from: "single",
  broadcast: true,
  parse(content: Json) {
    const o = object(content, "PreRound6Message");
    return {
      S: point(o, "S", secp256k1),
      proof: parseSameScalarProof(value(o, "Proof"), pathOf(o, "Proof")),
    };
  },
  toJson: (m) => ({ S: pointToJson(m.S), Proof: sameScalarProofToJson(m.proof) }),
};

/** Round 7: what this signer heard, so that nobody keeps what others see differently. */
export interface PreRound7 {
  /** 32 bytes over everything public that the presignature holds. */
  readonly transcript: Uint8Array;
}

/** Reads and writes {@link PreRound7}. */
export const PreRound7Message: MessageType<PreRound7> = {
  type: "ecdsa.presigning.PreRound7Message",
  round: 7,
  from: "single",
  broadcast: true,
  parse: (content) => ({
    transcript: bytes(object(content, "PreRound7Message"), "Transcript", { length: 32 }),
  }),
  toJson: (m) => ({ Transcript: toBase64(m.transcript) }),
};

/** The only message of signing from a presignature. */
export interface SignatureShare {
  /** The share of s before re-randomisation, `m·k + r·sigma`; in [0, q). */
  readonly s: bigint;
  /** 32 bytes that name what is signed, with which presignature and re-randomised how. */
  readonly statement: Uint8Array;
}

/** Reads and writes {@link SignatureShare}. */
export const PartialMessage: MessageType<SignatureShare> = {
  type: "ecdsa.presigned.PartialMessage",
  round: 1,
  from: "single",
  broadcast: true,
  parse(content: Json) {
    const o = object(content, "PartialMessage");
    return { s: int(o, "S", SCALAR), statement: bytes(o, "Statement", { length: 32 }) };
  },
  toJson: (m) => ({ S: m.s, Statement: toBase64(m.statement) }),
};
