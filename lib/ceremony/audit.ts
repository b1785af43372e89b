/**
 * Checks a transcript as somebody who was not there: signatures, what it is bound to, openings,
 * proofs, the result. Trusts nobody, the recorder neither: what a member did is what it signed.
 *
 * @module
 */

import type { Identity } from "../crypto/identity.ts";
import { CurvePoint, ed25519, encodeEd25519, secp256k1, unflattenPoints } from "../crypto/curve.ts";
import { bytesToInt, concat, equalBytes, toHex } from "../encoding/bytes.ts";
import { parseJson } from "../encoding/json.ts";
import type { MessageSpec } from "../tss/channel.ts";
import type { Audited, Docket } from "../tss/docket.ts";
import * as ecdsa from "../tss/ecdsa/audit.ts";
import * as eddsa from "../tss/eddsa/audit.ts";
import { type Committee, ContentError, ProtocolError } from "../tss/errors.ts";
import { publicKeyBytes } from "./plan_ecdsa.ts";
import {
  type AuditMessage,
  AuditRefused,
  type Publics,
  readTranscript,
  type TranscriptFile,
} from "./transcript_file.ts";
import { isKey } from "./verify.ts";

export { AuditRefused } from "./transcript_file.ts";

/** Who broke which rule, as the messages show. */
export interface Fault {
  readonly members: readonly Identity[];
  /** `equivocating` or `invalid`. */
  readonly kind: "equivocating" | "invalid";
  readonly round: number;
  readonly rule: string;
  /** Lines of the file that show it, from 1; empty where all messages together do. */
  readonly lines: readonly number[];
}

/** What an audit found. */
export interface AuditReport {
  readonly ceremony: string;
  readonly kind: string;
  readonly curve: string;
  /** Who kept the transcript. */
  readonly recorder: Identity;
  /** How it ended there: `complete`, `failed`, `aborted`. */
  readonly state: string;
  /** The recorder's verdict on a failure. */
  readonly verdict: string | null;
  /** Whom the recorder's verdict names. */
  readonly culprits: readonly Identity[];
  /** Messages kept whole, and those of which only the signed hash is there. */
  readonly messages: { readonly broadcast: number; readonly direct: number };
  /** What was checked and holds. */
  readonly checked: readonly string[];
  readonly faults: readonly Fault[];
  /** Whether messages were missing for further checks. */
  readonly incomplete: boolean;
}

/**
 * Checks a transcript.
 *
 * @param text The file's content.
 * @throws {AuditRefused} if it was changed, or is no transcript: says what is wrong with it.
 */
export async function auditTranscript(text: string): Promise<AuditReport> {
  const file = readTranscript(text);
  const checked = [
    `the recorder's seal: ${file.recorder}`,
    `${file.broadcasts.length + file.direct} signatures, all by members for this ceremony`,
  ];
  const faults = equivocations(file.broadcasts);
  let incomplete = false;
  try {
    const audited = await auditProtocol(file, faults.length > 0);
    checked.push(...audited.checked);
    incomplete = audited.result === null;
    if (audited.result !== null) compareResult(file, audited.result);
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    const seats = file.publics === null ? undefined : file.publics.seats.get(error.committee);
    const members = error.culprits.map((index) => seats?.[index]?.identity)
      .filter((member) => member !== undefined);
    // Nobody signs line 1. Whoever bends it to frame others breaks its own proofs as well.
    if (members.includes(file.recorder)) {
      throw new AuditRefused(
        "the recorder's own messages do not fit what line 1 says, so it proves nothing of others",
      );
    }
    faults.push({ members, kind: "invalid", round: error.round, rule: error.reason, lines: [] });
  }
  const { ceremony, kind, curve, recorder, state, verdict, culprits } = file;
  return {
    ceremony: toHex(ceremony),
    kind,
    curve,
    recorder,
    state,
    verdict,
    culprits,
    messages: { broadcast: file.broadcasts.length, direct: file.direct },
    checked,
    faults,
    incomplete,
  };
}

/** Two messages of one member for one slot. */
function equivocations(broadcasts: readonly AuditMessage[]): Fault[] {
  const first = new Map<string, AuditMessage>();
  const faults: Fault[] = [];
  for (const message of broadcasts) {
    const { from, role, type, data, line } = message;
    const slot = `${role}/${from}/${type}`;
    const other = first.get(slot);
    if (other === undefined) first.set(slot, message);
    else if (!equalBytes(other.data, data)) {
      const name = type.slice(type.lastIndexOf(".") + 1);
      faults.push({
        members: [from],
        kind: "equivocating",
        round: Number(/Round(\d+)/.exec(name)?.[1] ?? 0),
        rule: `signed two different ${name}s`,
        lines: [other.line, line],
      });
    }
  }
  return faults;
}

/** The public key as bytes, or the signature. */
type Result = Uint8Array;

async function auditProtocol(file: TranscriptFile, torn: boolean): Promise<Audited<Result>> {
  const { publics } = file;
  // After an equivocation the members computed with different messages: one docket fits nobody.
  if (publics === null || torn) return { checked: [], result: null };
  const docket = docketOf(file, publics);
  return file.curve === "secp256k1"
    ? await auditEcdsa(file, publics, docket)
    : auditEddsa(file, publics, docket);
}

async function auditEcdsa(
  file: TranscriptFile,
  publics: Publics,
  docket: Docket,
): Promise<Audited<Result>> {
  const { threshold, ceremony: ceremonyId } = file;
  const keysOf = (committee: Committee) => (publics.seats.get(committee) ?? []).map((s) => s.key);
  const keys = keysOf("single");
  switch (file.kind) {
    case "keygen": {
      const audited = await ecdsa.auditKeygen({ keys, threshold, ceremonyId }, docket);
      return { ...audited, result: audited.result && publicKeyBytes(audited.result) };
    }
    case "sign": {
      const { ks, bigXj, nTildej, h1j, h2j } = publics;
      const places = keys.map((key) => ks.indexOf(key));
      const pick = <T>(list: readonly T[]) => places.map((place) => list[place]!);
      const points = pointsOf(bigXj, secp256k1, ks.length);
      if (places.includes(-1) || [nTildej, h1j, h2j].some((list) => list.length !== ks.length)) {
        throw new AuditRefused("line 1: the key's public lists do not fit the signers");
      }
      const audited = ecdsa.auditSigning({
        keys,
        threshold,
        ceremonyId,
        digest: file.message!,
        publicKey: ecdsaKey(file),
        lists: {
          bigXj: pick(points),
          nTildej: pick(nTildej),
          h1j: pick(h1j),
          h2j: pick(h2j),
        },
      }, docket);
      const { result } = audited;
      return { ...audited, result: result && concat(result.r, result.s) };
    }
    case "reshare": {
      const audited = await ecdsa.auditResharing({
        oldKeys: keysOf("old"),
        newKeys: keysOf("new"),
        oldThreshold: file.oldThreshold,
        newThreshold: threshold,
        keyId: file.keyId!,
      }, docket);
      return { ...audited, result: audited.result && publicKeyBytes(audited.result) };
    }
    case "presign":
      throw new AuditRefused("line 1: presignings leave no transcript");
  }
}

function auditEddsa(file: TranscriptFile, publics: Publics, docket: Docket): Audited<Result> {
  const { threshold, ceremony: ceremonyId } = file;
  const keys = (publics.seats.get("single") ?? []).map((seat) => seat.key);
  const encoded = ({ checked, result }: Audited<CurvePoint>) => ({
    checked,
    result: result && encodeEd25519(result),
  });
  switch (file.kind) {
    case "keygen":
      return encoded(eddsa.auditKeygen({ keys, threshold, ceremonyId }, docket));
    case "presign":
      throw new AuditRefused("line 1: presignings leave no transcript");
    case "sign": {
      const { ks } = publics;
      const bigXj = pointsOf(publics.bigXj, ed25519, ks.length);
      const publicKey = eddsa.keyOfShares(keys, ks, bigXj);
      if (publicKey === null || !equalBytes(encodeEd25519(publicKey), file.publicKey!)) {
        throw new AuditRefused("line 1: the public shares do not give the public key");
      }
      return eddsa.auditSigning({
        keys,
        threshold,
        ceremonyId,
        message: file.message!,
        publicKey,
        ks,
        bigXj,
      }, docket);
    }
    case "reshare":
      return encoded(eddsa.auditResharing({
        oldParties: (publics.seats.get("old") ?? []).length,
        newThreshold: threshold,
        keyId: file.keyId!,
      }, docket));
  }
}

function ecdsaKey({ publicKey }: TranscriptFile): CurvePoint {
  const [point] = pointsOf(
    [bytesToInt(publicKey!.subarray(0, 32)), bytesToInt(publicKey!.subarray(32))],
    secp256k1,
    1,
  );
  return point!;
}

function pointsOf(flat: readonly bigint[], curve: typeof secp256k1, count: number): CurvePoint[] {
  try {
    const points = unflattenPoints(flat, curve);
    if (points.length === count) return points;
  } catch {
    // Said below.
  }
  throw new AuditRefused("line 1: the key's public points are not points of its curve");
}

/** The first message of each slot, by party index. */
function docketOf(file: TranscriptFile, publics: Publics): Docket {
  return {
    take<T>(spec: MessageSpec<T>): Map<number, T> | null {
      const seats = publics.seats.get(spec.from) ?? [];
      const out = new Map<number, T>();
      for (const [index, { identity }] of seats.entries()) {
        const message = file.broadcasts.find((m) =>
          m.from === identity && m.role === spec.from && m.type === spec.type
        );
        if (message === undefined) continue;
        try {
          const json = parseJson(message.data, { depth: 8 });
          if (!(json instanceof Map)) throw new ContentError("message", "must be an object");
          out.set(index, spec.parse(json.get("c") ?? null));
        } catch (error) {
          const rule = error instanceof ContentError ? error.message : "cannot be read";
          throw new ProtocolError({
            task: `${file.curve}-${file.kind}`,
            round: spec.round,
            reason: `malformed ${spec.type.slice(spec.type.lastIndexOf(".") + 1)}: ${rule}`,
            culprits: [index],
            committee: spec.from,
          });
        }
      }
      return out.size === seats.length && seats.length > 0 ? out : null;
    },
  };
}

/** What the recorder says came out must be what the messages give. */
function compareResult(file: TranscriptFile, result: Result): void {
  const { state, kind, curve } = file;
  if (kind === "sign") {
    if (state === "complete" && !equalBytes(file.signature!, result)) {
      throw new AuditRefused("the signature in the outcome is not the one that the messages give");
    }
    return;
  }
  if (state === "complete" && !equalBytes(file.resultKey!, result)) {
    throw new AuditRefused("the public key in the outcome is not the one that the messages give");
  }
  if (kind === "reshare" && !isKey(curve, result, file.keyId!)) {
    throw new AuditRefused("the messages reshare another key than line 1 names");
  }
}
