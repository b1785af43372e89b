/**
 * The messages of threshold EdDSA: type names, contents, and the one place where received JSON
 * becomes a checked value (specification: eddsa.md section 3).
 *
 * A parser demands presence, sign, size and canonical form; whoever sent anything else is to
 * blame. What depends on the session (number of coefficients, openings, proofs) is checked in the
 * round that uses it.
 *
 * @module
 */

import { ed25519 } from "../../crypto/curve.ts";
import type { CurvePoint } from "../../crypto/curve.ts";
import { toBase64 } from "../../encoding/bytes.ts";
import type { Json, JsonInput } from "../../encoding/json.ts";
import type { MessageSpec } from "../channel.ts";
import { ContentError } from "../errors.ts";
import { bytes, type Fields, int, intList, object, pathOf, point, value } from "../fields.ts";
import type { MessageType } from "../message_type.ts";
import { pointToJson } from "../points.ts";
import { parseSchnorrProof, type SchnorrProof, schnorrProofToJson } from "../proofs/schnorr.ts";

/** Bits of a hash commitment and of the random number that opens it. */
const HASH_BITS = 256;
/** Longest party key in bytes: keys are integers of up to 256 bits. */
const MAX_KEY_BYTES = 32;
/** Most coefficients of a polynomial, that is threshold + 1, that a message may carry. */
export const MAX_COEFFICIENTS = 1024;

/** A commitment to points, opened in a later round. */
export interface CommitmentContent {
  /** Hash value, from 1 to 2^256 - 1. */
  readonly commitment: bigint;
}

/** A share of a polynomial for one receiver. SECRET. */
export interface ShareContent {
  /** From 1 to L - 1. */
  readonly share: bigint;
  /** The receiver's party key, 1 to 32 bytes. */
  readonly receiverId: Uint8Array;
}

/** An opened commitment: the random number, then x and y of each point, coordinates in [0, p). */
export interface OpeningContent {
  /** 1 + 2 * (number of points) integers. */
  readonly opening: readonly bigint[];
}

/** An opened commitment and a proof of knowledge of the first point's logarithm. */
export interface ProvedOpeningContent extends OpeningContent {
  /** Schnorr proof, specification eddsa.md section 1.2. */
  readonly proof: SchnorrProof;
}

/** A party's part of the signature scalar. */
export interface PartialSignatureContent {
  /** From 0 to L - 1. */
  readonly s: bigint;
}

/** First message of an old party in a resharing. */
export interface ReshareOfferContent extends CommitmentContent {
  /** The public key that is being reshared. */
  readonly publicKey: CurvePoint;
}

/** An acknowledgement: says only that it was sent. */
export type EmptyContent = Readonly<Record<never, never>>;

function opening(fields: Fields, name: string, points: { min: number; max: number }): bigint[] {
  const values = intList(fields, name, {
    bits: HASH_BITS,
    minLength: 1 + 2 * points.min,
    maxLength: 1 + 2 * points.max,
  });
  if (values.length % 2 === 0) {
    throw new ContentError(pathOf(fields, name), "must hold a random number and whole points");
  }
  const high = values.findIndex((v, i) => i > 0 && v >= ed25519.p);
  if (high !== -1) {
    throw new ContentError(`${pathOf(fields, name)}[${high}]`, "must be a coordinate below p");
  }
  return values;
}

const commitment = (fields: Fields, name: string): bigint =>
  int(fields, name, { min: 1n, bits: HASH_BITS });

function shareContent(json: Json): ShareContent {
  const fields = object(json, "content");
  return {
    share: int(fields, "Share", { min: 1n, max: ed25519.q - 1n }),
    receiverId: bytes(fields, "ReceiverID", { min: 1, max: MAX_KEY_BYTES }),
  };
}

const shareJson = ({ share, receiverId }: ShareContent): JsonInput => ({
  Share: share,
  ReceiverID: toBase64(receiverId),
});

function provedOpening(json: Json, points: { min: number; max: number }): ProvedOpeningContent {
  const fields = object(json, "content");
  return {
    opening: opening(fields, "DeCommitment", points),
    proof: parseSchnorrProof(value(fields, "ZKProof"), pathOf(fields, "ZKProof"), ed25519),
  };
}

const provedOpeningJson = (content: ProvedOpeningContent): JsonInput => ({
  DeCommitment: content.opening,
  ZKProof: schnorrProofToJson(content.proof),
});

function empty(json: Json): EmptyContent {
  object(json, "content");
  return {};
}

const commitmentSpec = (type: string): MessageType<CommitmentContent> => ({
  type,
  round: 1,
  from: "single",
  broadcast: true,
  parse: (json) => ({ commitment: commitment(object(json, "content"), "Commitment") }),
  toJson: (content) => ({ Commitment: content.commitment }),
});

// A threshold is at least 1, so a polynomial has at least two coefficients.
const POLYNOMIAL = { min: 2, max: MAX_COEFFICIENTS };
const ONE_POINT = { min: 1, max: 1 };

/** Key generation, round 1, to all: the commitment to the coefficients' public points. */
export const keygenRound1: MessageType<CommitmentContent> = commitmentSpec(
  "eddsa.keygen.KGRound1Message",
);

/** Key generation, round 2, to one party: its share. */
export const keygenRound2Share: MessageType<ShareContent> = {
  type: "eddsa.keygen.KGRound2Message1",
  round: 2,
  from: "single",
  broadcast: false,
  parse: shareContent,
  toJson: shareJson,
};

/** Key generation, round 2, to all: the opening and the proof of knowledge. */
export const keygenRound2Opening: MessageType<ProvedOpeningContent> = {
  type: "eddsa.keygen.KGRound2Message2",
  round: 2,
  from: "single",
  broadcast: true,
  parse: (json) => provedOpening(json, POLYNOMIAL),
  toJson: provedOpeningJson,
};

/** Signing, round 1, to all: the commitment to the nonce point. */
export const signingRound1: MessageType<CommitmentContent> = commitmentSpec(
  "eddsa.signing.SignRound1Message",
);

/** Signing, round 2, to all: the nonce point and the proof of knowledge of its logarithm. */
export const signingRound2: MessageType<ProvedOpeningContent> = {
  type: "eddsa.signing.SignRound2Message",
  round: 2,
  from: "single",
  broadcast: true,
  parse: (json) => provedOpening(json, ONE_POINT),
  toJson: provedOpeningJson,
};

/** Signing, round 3, to all: the partial signature. */
export const signingRound3: MessageType<PartialSignatureContent> = {
  type: "eddsa.signing.SignRound3Message",
  round: 3,
  from: "single",
  broadcast: true,
  parse: (json) => ({ s: int(object(json, "content"), "S", { max: ed25519.q - 1n }) }),
  toJson: (content) => ({ S: content.s }),
};

/** Resharing, round 1, old to every new party: the public key and the commitment. */
export const resharingRound1: MessageType<ReshareOfferContent> = {
  type: "eddsa.resharing.DGRound1Message",
  round: 1,
  from: "old",
  broadcast: true,
  parse(json) {
    const fields = object(json, "content");
    const publicKey = point(fields, "EDDSAPub", ed25519);
    if (publicKey.isIdentity) {
      throw new ContentError(pathOf(fields, "EDDSAPub"), "must not be the identity point");
    }
    return { publicKey, commitment: commitment(fields, "VCommitment") };
  },
  toJson: (content) => ({
    EDDSAPub: pointToJson(content.publicKey),
    VCommitment: content.commitment,
  }),
};

/** Resharing, round 2, new to every old party: ready for the shares. */
export const resharingRound2: MessageType<EmptyContent> = {
  type: "eddsa.resharing.DGRound2Message",
  round: 2,
  from: "new",
  broadcast: true,
  parse: empty,
  toJson: () => ({}),
};

/** Resharing, round 3, old to one new party: its share. */
export const resharingRound3Share: MessageType<ShareContent> = {
  type: "eddsa.resharing.DGRound3Message1",
  round: 3,
  from: "old",
  broadcast: false,
  parse: shareContent,
  toJson: shareJson,
};

/** Resharing, round 3, old to every new party: the opening. */
export const resharingRound3Opening: MessageType<OpeningContent> = {
  type: "eddsa.resharing.DGRound3Message2",
  round: 3,
  from: "old",
  broadcast: true,
  parse: (json) => ({ opening: opening(object(json, "content"), "VDeCommitment", POLYNOMIAL) }),
  toJson: (content) => ({ VDeCommitment: content.opening }),
};

/** Resharing, round 4, new to everybody else: my new share is verified and kept. */
export const resharingRound4: MessageType<EmptyContent> = {
  type: "eddsa.resharing.DGRound4Message",
  round: 4,
  from: "new",
  broadcast: true,
  parse: empty,
  toJson: () => ({}),
};

/** All messages of a key generation, in order of use. */
export const keygenMessages: readonly MessageSpec<unknown>[] = [
  keygenRound1,
  keygenRound2Share,
  keygenRound2Opening,
];

/** All messages of a signing, in order of use. */
export const signingMessages: readonly MessageSpec<unknown>[] = [
  signingRound1,
  signingRound2,
  signingRound3,
];

/** All messages of a resharing, in order of use. */
export const resharingMessages: readonly MessageSpec<unknown>[] = [
  resharingRound1,
  resharingRound2,
  resharingRound3Share,
  resharingRound3Opening,
  resharingRound4,
];
