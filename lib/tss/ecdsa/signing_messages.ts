/**
 * The ten message types of ECDSA signing (specification: ecdsa-signing 2).
 *
 * Parsing settles presence, sign, size and list lengths. Theta and S must already be residues
 * modulo the group order: the Go library reduces or, for S, fails without naming the sender.
 *
 * @module
 */

import { toBase64 } from "../../encoding/bytes.ts";
import type { Json } from "../../encoding/json.ts";
import { secp256k1 } from "../../crypto/curve.ts";
import { bytes, int, intList, object, pathOf, value } from "../fields.ts";
import type { MessageType } from "../message_type.ts";
import { type AliceProof, aliceProofToJson, parseAliceProof } from "../proofs/mta_alice.ts";
import {
  type BobProof,
  bobProofToJson,
  type BobProofWc,
  bobProofWcToJson,
  parseBobProof,
  parseBobProofWc,
} from "../proofs/mta_bob.ts";
import { parseSchnorrProof, type SchnorrProof, schnorrProofToJson } from "../proofs/schnorr.ts";
import { parseVProof, type VProof, vProofToJson } from "../proofs/vproof.ts";
import { MODULUS_BITS } from "./limits.ts";

const CIPHERTEXT = { min: 1n, bits: 2 * MODULUS_BITS };
const SCALAR = { max: secp256k1.q - 1n };

/** Round 1, to one signer: k encrypted for it, with a range proof made for it. */
export interface SignRound1Mta {
  /** k, encrypted under the sender's Paillier key. */
  readonly c: bigint;
  /** k is small; made under the receiver's parameters. */
  readonly rangeProof: AliceProof;
  /** The receiver's key in minimal bytes. */
  readonly receiverId: Uint8Array;
}

/** Reads and writes {@link SignRound1Mta}. */
export const SignRound1Message1: MessageType<SignRound1Mta> = {
  type: "ecdsa.signing.SignRound1Message1",
  round: 1,
  from: "single",
  broadcast: false,
  parse(content: Json) {
    const o = object(content, "SignRound1Message1");
    return {
      c: int(o, "C", CIPHERTEXT),
      rangeProof: parseAliceProof(value(o, "RangeProofAlice"), pathOf(o, "RangeProofAlice")),
      receiverId: bytes(o, "ReceiverID"),
    };
  },
  toJson: (m) => ({
    C: m.c,
    RangeProofAlice: aliceProofToJson(m.rangeProof),
    ReceiverID: toBase64(m.receiverId),
  }),
};

/** A commitment to points that a later round opens. */
export interface SignCommitment {
  /** Hash of the opening that a later round sends. */
  readonly commitment: bigint;
}

function commitmentType(name: string, round: number): MessageType<SignCommitment> {
  return {
    type: `ecdsa.signing.${name}`,
    round,
    from: "single",
    broadcast: true,
    parse: (content) => ({
      commitment: int(object(content, name), "Commitment", { bits: 256 }),
    }),
    toJson: (m) => ({ Commitment: m.commitment }),
  };
}

/** Round 1: commitment to Gamma. */
export const SignRound1Message2: MessageType<SignCommitment> = commitmentType(
  "SignRound1Message2",
  1,
);

/** Round 2, to one signer: both products with its k, with proofs made for it. */
export interface SignRound2Mta {
  /** The receiver's k times gamma, masked. */
  readonly c1: bigint;
  /** The receiver's k times w, masked. */
  readonly c2: bigint;
  /** c1 was made of small numbers. */
  readonly proofBob: BobProof;
  /** c2 was made of small numbers and of the w behind the public W. */
  readonly proofBobWc: BobProofWc;
  /** The receiver's key in minimal bytes. */
  readonly receiverId: Uint8Array;
}

/** Reads and writes {@link SignRound2Mta}. */
export const SignRound2Message: MessageType<SignRound2Mta> = {
  type: "ecdsa.signing.SignRound2Message",
  round: 2,
  from: "single",
  broadcast: false,
  parse(content: Json) {
    const o = object(content, "SignRound2Message");
    return {
      c1: int(o, "C1", CIPHERTEXT),
      c2: int(o, "C2", CIPHERTEXT),
      proofBob: parseBobProof(value(o, "ProofBob"), pathOf(o, "ProofBob")),
      proofBobWc: parseBobProofWc(value(o, "ProofBobWC"), pathOf(o, "ProofBobWC")),
      receiverId: bytes(o, "ReceiverID"),
    };
  },
  toJson: (m) => ({
    C1: m.c1,
    C2: m.c2,
    ProofBob: bobProofToJson(m.proofBob),
    ProofBobWC: bobProofWcToJson(m.proofBobWc),
    ReceiverID: toBase64(m.receiverId),
  }),
};

/** Round 3: the share of theta = k·gamma. */
export interface SignRound3 {
  /** In [0, q). */
  readonly theta: bigint;
}

/** Reads and writes {@link SignRound3}. */
export const SignRound3Message: MessageType<SignRound3> = {
  type: "ecdsa.signing.SignRound3Message",
  round: 3,
  from: "single",
  broadcast: true,
  parse: (content) => ({ theta: int(object(content, "SignRound3Message"), "Theta", SCALAR) }),
  toJson: (m) => ({ Theta: m.theta }),
};

/** Round 4: the opening of Gamma and the proof of knowing gamma. */
export interface SignRound4 {
  /** The opening: a random number, then the coordinates of the points. */
  readonly deCommitment: readonly bigint[];
  /** Knowledge of the scalar behind the (last) opened point. */
  readonly zkProof: SchnorrProof;
}

/** Reads and writes {@link SignRound4}: an opening of 3 numbers. */
export const SignRound4Message: MessageType<SignRound4> = {
  type: "ecdsa.signing.SignRound4Message",
  round: 4,
  from: "single",
  broadcast: true,
  parse(content: Json) {
    const o = object(content, "SignRound4Message");
    return {
      deCommitment: intList(o, "DeCommitment", { bits: 256, length: 3 }),
      zkProof: parseSchnorrProof(value(o, "ZKProof"), pathOf(o, "ZKProof"), secp256k1),
    };
  },
  toJson: (m) => ({ DeCommitment: m.deCommitment, ZKProof: schnorrProofToJson(m.zkProof) }),
};

/** Round 5: commitment to V and A. */
export const SignRound5Message: MessageType<SignCommitment> = commitmentType(
  "SignRound5Message",
  5,
);

/** Round 6: the opening of V and A, with proofs for both. */
export interface SignRound6 {
  /** The opening: a random number, then the coordinates of the points. */
  readonly deCommitment: readonly bigint[];
  /** Knowledge of the scalar behind the (last) opened point. */
  readonly zkProof: SchnorrProof;
  /** Knowledge of s and l behind V. */
  readonly zkVProof: VProof;
}

/** Reads and writes {@link SignRound6}: an opening of 5 numbers. */
export const SignRound6Message: MessageType<SignRound6> = {
  type: "ecdsa.signing.SignRound6Message",
  round: 6,
  from: "single",
  broadcast: true,
  parse(content: Json) {
    const o = object(content, "SignRound6Message");
    return {
      deCommitment: intList(o, "DeCommitment", { bits: 256, length: 5 }),
      zkProof: parseSchnorrProof(value(o, "ZKProof"), pathOf(o, "ZKProof"), secp256k1),
      zkVProof: parseVProof(value(o, "ZKVProof"), pathOf(o, "ZKVProof")),
    };
  },
  toJson: (m) => ({
    DeCommitment: m.deCommitment,
    ZKProof: schnorrProofToJson(m.zkProof),
    ZKVProof: vProofToJson(m.zkVProof),
  }),
};

/** Round 7: commitment to U and T. */
export const SignRound7Message: MessageType<SignCommitment> = commitmentType(
  "SignRound7Message",
  7,
);

/** Round 8: the opening of U and T. */
export interface SignRound8 {
  /** The opening: a random number, then the coordinates of the points. */
  readonly deCommitment: readonly bigint[];
}

/** Reads and writes {@link SignRound8}: an opening of 5 numbers. */
export const SignRound8Message: MessageType<SignRound8> = {
  type: "ecdsa.signing.SignRound8Message",
  round: 8,
  from: "single",
  broadcast: true,
  parse: (content) => ({
    deCommitment: intList(object(content, "SignRound8Message"), "DeCommitment", {
      bits: 256,
      length: 5,
    }),
  }),
  toJson: (m) => ({ DeCommitment: m.deCommitment }),
};

/** Round 9: the share of the signature. */
export interface SignRound9 {
  /** In [0, q). */
  readonly s: bigint;
}

/** Reads and writes {@link SignRound9}. */
export const SignRound9Message: MessageType<SignRound9> = {
  type: "ecdsa.signing.SignRound9Message",
  round: 9,
  from: "single",
  broadcast: true,
  parse: (content) => ({ s: int(object(content, "SignRound9Message"), "S", SCALAR) }),
  toJson: (m) => ({ S: m.s }),
};
