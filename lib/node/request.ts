/**
 * A request for a ceremony, between its wire form and what this node decides about it
 * (specification: mesh sections 7, 14.1 and 14.2).
 *
 * @module
 */

import { type Identity, identityToInt, parseIdentity } from "../crypto/identity.ts";
import { bytesToInt, fromHex, minimalBytes, toHex } from "../encoding/bytes.ts";
import type {
  KeygenCommand,
  PartyId,
  PresignCommand,
  PresignedSignCommand,
  ReshareCommand,
  SignCommand,
} from "../mesh/command_types.ts";
import { badRequest } from "./errors.ts";

/** What every request says. */
interface CommonRequest {
  /** Ceremony id, 64 hex digits. */
  readonly id: string;
  /** Who asks. */
  readonly requester: Identity;
  /** What it is for, in the requester's words; travels beside the request, sealed. */
  readonly purpose?: string;
}

/** Asks for a new key. */
export interface KeygenRequest extends CommonRequest {
  readonly kind: "keygen";
  readonly curve: "secp256k1" | "ed25519";
  /** Members in request order. */
  readonly committee: readonly Identity[];
  readonly threshold: number;
  /** The member that announces the outcome to the mesh. */
  readonly coordinator: Identity;
}

/** Asks for a signature. The curve follows from the key. */
export interface SignRequest extends CommonRequest {
  readonly kind: "sign";
  /** 32 hex digits. */
  readonly keyId: string;
  readonly committee: readonly Identity[];
  readonly threshold: number;
  /** The 32-byte digest; for an Ed25519 key the message. */
  readonly payload: Uint8Array;
  /** The presignature to sign from; without it: nine rounds. */
  readonly presigned?: {
    /** 64 hex digits. */
    readonly id: string;
    /** How often the key was reshared. */
    readonly generation: number;
  };
}

/** Asks for a presignature, which gets the request's id. */
export interface PresignRequest extends CommonRequest {
  readonly kind: "presign";
  /** 32 hex digits. */
  readonly keyId: string;
  /** Who will be able to use it, all of them together; the requester is among them. */
  readonly committee: readonly Identity[];
  readonly threshold: number;
  /** How often the key was reshared. */
  readonly generation: number;
  /** Ids of the requester's other presignatures of this key: any not listed here are gone. */
  readonly keep: readonly string[];
}

/** Asks to hand a key to another committee. */
export interface ReshareRequest extends CommonRequest {
  readonly kind: "reshare";
  readonly keyId: string;
  readonly curve: "secp256k1" | "ed25519";
  readonly oldCommittee: readonly Identity[];
  readonly oldThreshold: number;
  readonly newCommittee: readonly Identity[];
  readonly newThreshold: number;
  /**
   * Party keys of the new committee (specification: ecdsa-resharing section 10). Without them:
   * what follows from the stored share; a newcomer takes identity XOR 1.
   */
  readonly newKeys?: readonly bigint[];
  /** How often the key will have been reshared; absent where the requester does not say. */
  readonly newGeneration?: number;
}

/** A request for any ceremony. */
export type CeremonyRequest = KeygenRequest | SignRequest | ReshareRequest | PresignRequest;

/** A command that asks for a ceremony. */
export type StartCommand =
  | KeygenCommand
  | SignCommand
  | ReshareCommand
  | PresignCommand
  | PresignedSignCommand;

/** Everybody a request names, each once. */
export function requestMembers(request: CeremonyRequest): Identity[] {
  return request.kind === "reshare"
    ? [...new Set([...request.oldCommittee, ...request.newCommittee])]
    : [...request.committee];
}

/** Largest generation that a request may name: far more than there are days in a life. */
const MAX_GENERATION = 1_000_000n;
/** Most presignatures that a request may list. */
const MAX_KEEP = 1_024;
/** Largest committee that a request may name; the engine has its own, lower bound. */
const MAX_PARTIES = 256;

function members(parties: readonly PartyId[], what: string): Identity[] {
  if (parties.length === 0) throw badRequest(`the request's ${what} is empty`);
  if (parties.length > MAX_PARTIES) {
    throw badRequest(`the request's ${what} has more than ${MAX_PARTIES} members`);
  }
  return parties.map((p) => {
    try {
      return parseIdentity(p.id);
    } catch {
      throw badRequest(`the request's ${what} holds a member that is not an identity`);
    }
  });
}

/** A committee that is a plain list. */
function named(committee: readonly Identity[]): readonly Identity[] {
  if (committee.length === 0 || committee.length > MAX_PARTIES) {
    throw badRequest(`the request's committee must have 1 to ${MAX_PARTIES} members`);
  }
  return committee;
}

function generation(n: bigint): number {
  if (n < 0n || n > MAX_GENERATION) throw badRequest("the request's generation is out of range");
  return Number(n);
}

function small(n: bigint, what: string): number {
  if (n < 0n || n > BigInt(MAX_PARTIES)) throw badRequest(`the request's ${what} is out of range`);
  return Number(n);
}

function idText(bytes: Uint8Array): string {
  if (bytes.length !== 32) throw badRequest("the request's ceremony id is not 32 bytes long");
  return toHex(bytes);
}

function keyText(bytes: Uint8Array): string {
  if (bytes.length !== 16) throw badRequest("the request's key id is not 16 bytes long");
  return toHex(bytes);
}

/** An empty curve means secp256k1, as the Go service never looks at the field. */
function curveOf(text: string): "secp256k1" | "ed25519" {
  if (text === "" || text === "secp256k1") return "secp256k1";
  if (text === "ed25519") return "ed25519";
  throw badRequest("the request's curve is neither secp256k1 nor ed25519");
}

/**
 * Reads a request off the wire.
 *
 * @param requester who signed it, or the node itself for a debug request that nobody signed.
 * @throws {NodeError} if it cannot mean anything.
 */
export function requestFromCommand(
  command: StartCommand,
  requester: Identity,
): CeremonyRequest {
  const id = idText(command.ceremonyId);
  switch (command.type) {
    case "keygen":
      return {
        kind: "keygen",
        id,
        requester,
        curve: curveOf(command.curve),
        committee: members(command.committee, "committee"),
        threshold: small(command.threshold, "threshold"),
        coordinator: command.coordinator,
      };
    case "sign":
      return {
        kind: "sign",
        id,
        requester,
        keyId: keyText(command.keyId),
        committee: members(command.committee, "committee"),
        threshold: small(command.threshold, "threshold"),
        payload: command.data,
      };
    case "presign":
      if (command.keep.length > MAX_KEEP) throw badRequest("the request's keep list is too long");
      return {
        kind: "presign",
        id,
        requester,
        keyId: keyText(command.keyId),
        committee: named(command.committee),
        threshold: small(command.threshold, "threshold"),
        generation: generation(command.generation),
        keep: command.keep.map(toHex),
      };
    case "presigned-sign":
      return {
        kind: "sign",
        id,
        requester,
        keyId: keyText(command.keyId),
        committee: named(command.committee),
        threshold: small(command.threshold, "threshold"),
        payload: command.data,
        presigned: {
          id: idText(command.presignature),
          generation: generation(command.generation),
        },
      };
    case "reshare":
      return {
        kind: "reshare",
        id,
        requester,
        keyId: keyText(command.keyId),
        curve: curveOf(command.curve),
        oldCommittee: members(command.oldCommittee, "old committee"),
        oldThreshold: small(command.oldThreshold, "old threshold"),
        newCommittee: members(command.newCommittee, "new committee"),
        newThreshold: small(command.newThreshold, "new threshold"),
        ...newKeysOf(command),
        ...generationOf(command),
      };
  }
}

/**
 * Reads the new party keys. A Go client writes the plain identities into both committees, whatever
 * form the key has: such a request says nothing about them. Our own always differ in form.
 */
function newKeysOf(command: ReshareCommand): { newKeys?: readonly bigint[] } {
  const isPlain = (parties: readonly PartyId[], what: string) => {
    const ids = members(parties, what);
    return parties.every((p, i) =>
      p.key.length === 0 || bytesToInt(p.key) === identityToInt(ids[i]!)
    );
  };
  if (
    isPlain(command.oldCommittee, "old committee") && isPlain(command.newCommittee, "new committee")
  ) return {};
  return { newKeys: command.newCommittee.map((p, i) => newKey(p, i, command.newCommittee)) };
}

/**
 * Our own requests carry the new generation in the `index` of each new member, which the Go service
 * ignores and its clients fill with -1.
 */
function generationOf(command: ReshareCommand): { newGeneration?: number } {
  const [first] = command.newCommittee;
  const index = first?.index ?? -1n;
  if (index < 1n || index > MAX_GENERATION) return {};
  if (command.newCommittee.some((p) => p.index !== index)) {
    throw badRequest("the request gives the new members different generations");
  }
  return { newGeneration: Number(index) };
}

/** A newcomer's party key must be its identity, plain or with the last bit flipped. */
function newKey(party: PartyId, index: number, all: readonly PartyId[]): bigint {
  const plain = identityToInt(members(all, "new committee")[index]!);
  if (party.key.length === 0) return plain ^ 1n;
  const key = bytesToInt(party.key);
  if (key !== plain && key !== (plain ^ 1n)) {
    throw badRequest("the request gives a new member a party key that is not its own");
  }
  return key;
}

function partyId(identity: Identity, key: bigint, index = -1n): PartyId {
  return { id: identity, moniker: identity, key: minimalBytes(key), index };
}

function plainParties(committee: readonly Identity[]): PartyId[] {
  return committee.map((identity) => partyId(identity, identityToInt(identity)));
}

/** The old committee, with the keys in the form that the new ones do not have. */
function oldParties(request: ReshareRequest): PartyId[] {
  const first = request.newCommittee[0];
  const flipped = first !== undefined && request.newKeys?.[0] === identityToInt(first);
  return flipped
    ? request.oldCommittee.map((identity) => partyId(identity, identityToInt(identity) ^ 1n))
    : plainParties(request.oldCommittee);
}

/** Writes a request as the command that each member gets. */
export function commandFromRequest(
  request: CeremonyRequest,
): StartCommand {
  const ceremonyId = fromHex(request.id);
  switch (request.kind) {
    case "keygen":
      return {
        type: "keygen",
        ceremonyId,
        curve: request.curve,
        committee: plainParties(request.committee),
        threshold: BigInt(request.threshold),
        coordinator: request.coordinator,
      };
    case "presign":
      return {
        type: "presign",
        ceremonyId,
        keyId: fromHex(request.keyId),
        committee: request.committee,
        threshold: BigInt(request.threshold),
        generation: BigInt(request.generation),
        keep: request.keep.map((id) => fromHex(id)),
      };
    case "sign":
      if (request.presigned !== undefined) {
        return {
          type: "presigned-sign",
          ceremonyId,
          keyId: fromHex(request.keyId),
          committee: request.committee,
          threshold: BigInt(request.threshold),
          generation: BigInt(request.presigned.generation),
          presignature: fromHex(request.presigned.id),
          data: request.payload,
        };
      }
      return {
        type: "sign",
        ceremonyId,
        keyId: fromHex(request.keyId),
        committee: plainParties(request.committee),
        threshold: BigInt(request.threshold),
        data: request.payload,
      };
    case "reshare":
      return {
        type: "reshare",
        ceremonyId,
        curve: request.curve,
        keyId: fromHex(request.keyId),
        oldCommittee: oldParties(request),
        newCommittee: request.newCommittee.map((identity, i) =>
          partyId(
            identity,
            request.newKeys?.[i] ?? (identityToInt(identity) ^ 1n),
            BigInt(request.newGeneration ?? -1),
          )
        ),
        oldThreshold: BigInt(request.oldThreshold),
        newThreshold: BigInt(request.newThreshold),
      };
  }
}
