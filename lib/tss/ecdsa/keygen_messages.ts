/**
 * The four message types of ECDSA key generation (specification: ecdsa-keygen, "Overview").
 *
 * Parsing settles presence, sign, size and list lengths; the rules of the rounds come later.
 *
 * @module
 */

import type { Json } from "../../encoding/json.ts";
import { bytes, int, intList, object, pathOf, value } from "../fields.ts";
import type { MessageType } from "../message_type.ts";
import { paillierModulusToJson, parsePaillierModulus } from "../paillier.ts";
import { type DlnProof, dlnProofToJson, parseDlnProof } from "../proofs/dln.ts";
import { type FacProof, facProofToJson, parseFacProof } from "../proofs/fac.ts";
import { type ModProof, modProofToJson, parseModProof } from "../proofs/mod.ts";
import {
  type PaillierKeyProof,
  paillierKeyProofToJson,
  parsePaillierKeyProof,
} from "../proofs/paillier_key.ts";
import { toBase64 } from "../../encoding/bytes.ts";
import { MAX_OPENING, type PublicParameters } from "./limits.ts";

/** Round 1: commitment to the polynomial, public parameters and the proofs of their form. */
export interface KeygenRound1 extends PublicParameters {
  /** Hash of the opening that a later round sends. */
  readonly commitment: bigint;
  /** H2 is a power of H1. */
  readonly dlnProof1: DlnProof;
  /** H1 is a power of H2. */
  readonly dlnProof2: DlnProof;
}

/** Reads and writes {@link KeygenRound1}. */
export const KGRound1Message: MessageType<KeygenRound1> = {
  type: "ecdsa.keygen.KGRound1Message",
  round: 1,
  from: "single",
  broadcast: true,
  parse(content: Json) {
    const o = object(content, "KGRound1Message");
    return {
      commitment: int(o, "Commitment", { bits: 256 }),
      paillierN: parsePaillierModulus(value(o, "PaillierPK"), pathOf(o, "PaillierPK")),
      nTilde: int(o, "NTilde", { min: 1n, bits: 2048 }),
      h1: int(o, "H1", { min: 1n, bits: 2048 }),
      h2: int(o, "H2", { min: 1n, bits: 2048 }),
      dlnProof1: parseDlnProof(value(o, "DLNProof1"), pathOf(o, "DLNProof1")),
      dlnProof2: parseDlnProof(value(o, "DLNProof2"), pathOf(o, "DLNProof2")),
    };
  },
  toJson: (m) => ({
    Commitment: m.commitment,
    PaillierPK: paillierModulusToJson(m.paillierN),
    NTilde: m.nTilde,
    H1: m.h1,
    H2: m.h2,
    DLNProof1: dlnProofToJson(m.dlnProof1),
    DLNProof2: dlnProofToJson(m.dlnProof2),
  }),
};

/** Round 2, to one party: its share (secret between the two) and a factor proof made for it. */
export interface KeygenRound2Share {
  /** The value of the sender's polynomial at the receiver's key. Secret. */
  readonly share: bigint;
  /** The sender's Paillier modulus has no small factor; made under the receiver's parameters. */
  readonly facProof: FacProof;
  /** The receiver's key in minimal bytes. */
  readonly receiverId: Uint8Array;
}

/** Reads and writes {@link KeygenRound2Share}; the range of the share is a rule of round 3. */
export const KGRound2Message1: MessageType<KeygenRound2Share> = {
  type: "ecdsa.keygen.KGRound2Message1",
  round: 2,
  from: "single",
  broadcast: false,
  parse(content: Json) {
    const o = object(content, "KGRound2Message1");
    return {
      share: int(o, "Share", { bits: 256 }),
      facProof: parseFacProof(value(o, "FacProof"), pathOf(o, "FacProof")),
      receiverId: bytes(o, "ReceiverID"),
    };
  },
  toJson: (m) => ({
    Share: m.share,
    FacProof: facProofToJson(m.facProof),
    ReceiverID: toBase64(m.receiverId),
  }),
};

/** Round 2, to all: the opening of the round 1 commitment and the proof of the Paillier modulus. */
export interface KeygenRound2Opening {
  /** The opening: a random number, then the coordinates of the points. */
  readonly deCommitment: readonly bigint[];
  /** The Paillier modulus is the product of two primes of the right form. */
  readonly modProof: ModProof;
}

/** Reads and writes {@link KeygenRound2Opening}. */
export const KGRound2Message2: MessageType<KeygenRound2Opening> = {
  type: "ecdsa.keygen.KGRound2Message2",
  round: 2,
  from: "single",
  broadcast: true,
  parse(content: Json) {
    const o = object(content, "KGRound2Message2");
    return {
      deCommitment: intList(o, "DeCommitment", { bits: 256, minLength: 2, maxLength: MAX_OPENING }),
      modProof: parseModProof(value(o, "ModProof"), pathOf(o, "ModProof")),
    };
  },
  toJson: (m) => ({ DeCommitment: m.deCommitment, ModProof: modProofToJson(m.modProof) }),
};

/** Round 3: the proof of the Paillier key, bound to the public key all must agree on. */
export interface KeygenRound3 {
  /** 13 roots that only the owner of the Paillier key can draw. */
  readonly paillierProof: PaillierKeyProof;
}

/** Reads and writes {@link KeygenRound3}. */
export const KGRound3Message: MessageType<KeygenRound3> = {
  type: "ecdsa.keygen.KGRound3Message",
  round: 3,
  from: "single",
  broadcast: true,
  parse(content: Json) {
    const o = object(content, "KGRound3Message");
    return {
      paillierProof: parsePaillierKeyProof(
        value(o, "PaillierProof"),
        pathOf(o, "PaillierProof"),
      ),
    };
  },
  toJson: (m) => ({ PaillierProof: paillierKeyProofToJson(m.paillierProof) }),
};
