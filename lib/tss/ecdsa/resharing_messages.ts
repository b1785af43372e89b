/**
 * The seven message types of ECDSA resharing (specification: ecdsa-resharing 2).
 *
 * @module
 */

import { toBase64 } from "../../encoding/bytes.ts";
import type { Json } from "../../encoding/json.ts";
import { type CurvePoint, secp256k1 } from "../../crypto/curve.ts";
import { bytes, int, intList, object, pathOf, point, value } from "../fields.ts";
import type { MessageType } from "../message_type.ts";
import { paillierModulusToJson, parsePaillierModulus } from "../paillier.ts";
import { pointToJson } from "../points.ts";
import { type DlnProof, dlnProofToJson, parseDlnProof } from "../proofs/dln.ts";
import { type FacProof, facProofToJson, parseFacProof } from "../proofs/fac.ts";
import { type ModProof, modProofToJson, parseModProof } from "../proofs/mod.ts";
import { MAX_OPENING, type PublicParameters } from "./limits.ts";

/** Round 1, old to new: the key to be reshared and the commitment to the new polynomial. */
export interface ReshareRound1 {
  /** The key to be reshared. */
  readonly publicKey: CurvePoint;
  /** Hash of the opening that a later round sends. */
  readonly commitment: bigint;
  /** The session as the old party computes it. */
  readonly ssid: Uint8Array;
}

/** Reads and writes {@link ReshareRound1}. */
export const DGRound1Message: MessageType<ReshareRound1> = {
  type: "ecdsa.resharing.DGRound1Message",
  round: 1,
  from: "old",
  broadcast: true,
  parse(content: Json) {
    const o = object(content, "DGRound1Message");
    return {
      publicKey: point(o, "ECDSAPub", secp256k1),
      commitment: int(o, "VCommitment", { bits: 256 }),
      ssid: bytes(o, "SSID", { max: 32 }),
    };
  },
  toJson: (m) => ({
    ECDSAPub: pointToJson(m.publicKey),
    VCommitment: m.commitment,
    SSID: toBase64(m.ssid),
  }),
};

/** Round 2, new to new: public parameters with all proofs of their form. */
export interface ReshareRound2 extends PublicParameters {
  /** The Paillier modulus is the product of two primes of the right form. */
  readonly modProof: ModProof;
  /** H2 is a power of H1. */
  readonly dlnProof1: DlnProof;
  /** H1 is a power of H2. */
  readonly dlnProof2: DlnProof;
}

/** Reads and writes {@link ReshareRound2}. Moduli have an upper bound, unlike in the Go library. */
export const DGRound2Message1: MessageType<ReshareRound2> = {
  type: "ecdsa.resharing.DGRound2Message1",
  round: 2,
  from: "new",
  broadcast: true,
  parse(content: Json) {
    const o = object(content, "DGRound2Message1");
    return {
      paillierN: parsePaillierModulus(value(o, "PaillierPK"), pathOf(o, "PaillierPK")),
      nTilde: int(o, "NTilde", { min: 1n, bits: 2048 }),
      h1: int(o, "H1", { min: 1n, bits: 2048 }),
      h2: int(o, "H2", { min: 1n, bits: 2048 }),
      modProof: parseModProof(value(o, "ModProof"), pathOf(o, "ModProof")),
      dlnProof1: parseDlnProof(value(o, "DLNProof1"), pathOf(o, "DLNProof1")),
      dlnProof2: parseDlnProof(value(o, "DLNProof2"), pathOf(o, "DLNProof2")),
    };
  },
  toJson: (m) => ({
    PaillierPK: paillierModulusToJson(m.paillierN),
    NTilde: m.nTilde,
    H1: m.h1,
    H2: m.h2,
    ModProof: modProofToJson(m.modProof),
    DLNProof1: dlnProofToJson(m.dlnProof1),
    DLNProof2: dlnProofToJson(m.dlnProof2),
  }),
};

/** A message that says no more than that its sender got here. */
export type Acknowledgement = Record<never, never>;

function acknowledgement(name: string, round: number): MessageType<Acknowledgement> {
  return {
    type: `ecdsa.resharing.${name}`,
    round,
    from: "new",
    broadcast: true,
    parse(content: Json) {
      object(content, name);
      return {};
    },
    toJson: () => ({}),
  };
}

/** Round 2, new to old: all round 1 messages have arrived and agree. */
export const DGRound2Message2: MessageType<Acknowledgement> = acknowledgement(
  "DGRound2Message2",
  2,
);

/** Round 3, old to one new party: its part of the old party's share (secret between the two). */
export interface ReshareRound3Share {
  /** The value of the sender's polynomial at the receiver's new key. Secret. */
  readonly share: bigint;
  /** The receiver's key in minimal bytes. */
  readonly receiverId: Uint8Array;
}

/** Reads and writes {@link ReshareRound3Share}; the range of the share is a rule of round 4. */
export const DGRound3Message1: MessageType<ReshareRound3Share> = {
  type: "ecdsa.resharing.DGRound3Message1",
  round: 3,
  from: "old",
  broadcast: false,
  parse(content: Json) {
    const o = object(content, "DGRound3Message1");
    return { share: int(o, "Share", { bits: 256 }), receiverId: bytes(o, "ReceiverID") };
  },
  toJson: (m) => ({ Share: m.share, ReceiverID: toBase64(m.receiverId) }),
};

/** Round 3, old to new: the opening of the round 1 commitment. */
export interface ReshareRound3Opening {
  /** The opening: a random number, then the coordinates of the points. */
  readonly deCommitment: readonly bigint[];
}

/** Reads and writes {@link ReshareRound3Opening}. */
export const DGRound3Message2: MessageType<ReshareRound3Opening> = {
  type: "ecdsa.resharing.DGRound3Message2",
  round: 3,
  from: "old",
  broadcast: true,
  parse: (content) => ({
    deCommitment: intList(object(content, "DGRound3Message2"), "VDeCommitment", {
      bits: 256,
      minLength: 2,
      maxLength: MAX_OPENING,
    }),
  }),
  toJson: (m) => ({ VDeCommitment: m.deCommitment }),
};

/** Round 4, new to one new party: a factor proof made for it. */
export interface ReshareRound4Factors {
  /** The sender's Paillier modulus has no small factor; made under the receiver's parameters. */
  readonly facProof: FacProof;
  /** The receiver's key in minimal bytes. */
  readonly receiverId: Uint8Array;
}

/** Reads and writes {@link ReshareRound4Factors}. */
export const DGRound4Message1: MessageType<ReshareRound4Factors> = {
  type: "ecdsa.resharing.DGRound4Message1",
  round: 4,
  from: "new",
  broadcast: false,
  parse(content: Json) {
    const o = object(content, "DGRound4Message1");
    return {
      facProof: parseFacProof(value(o, "FacProof"), pathOf(o, "FacProof")),
      receiverId: bytes(o, "ReceiverID"),
    };
  },
  toJson: (m) => ({
    FacProof: facProofToJson(m.facProof),
    ReceiverID: toBase64(m.receiverId),
  }),
};

/** Round 4, new to everybody: this party holds a consistent new share. */
export const DGRound4Message2: MessageType<Acknowledgement> = acknowledgement(
  "DGRound4Message2",
  4,
);
