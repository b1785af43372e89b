/**
 * What keeps an eye on requests: the audit log, the rules of keys, the operator's program.
 *
 * @module
 */

import type { Identity } from "../crypto/identity.ts";
import { type AuditLine } from "../keystore/audit_chain.ts";
import { AuditLog } from "../keystore/audit_log.ts";
import { recentEntries } from "../keystore/audit_verify.ts";
import { KeystoreError } from "../keystore/errors.ts";
import type { FileLayer } from "../keystore/files.ts";
import { type KeyRules, NO_RULES } from "../keystore/key_rules.ts";
import type { Keystore } from "../keystore/keystore.ts";
import type { KeyMeta } from "../keystore/meta.ts";
import type { Clock } from "../mesh/clock.ts";
import type { Net } from "../mesh/net.ts";
import type { Logger } from "../observe/logger.ts";
import { Audit } from "./audit.ts";
import { dialUnix } from "./deno_net.ts";
import { HOUR, KeyUse } from "./key_use.ts";
import { HttpPolicy, type Policy, type PolicyTarget } from "./policy.ts";

/** What {@link openOversight} needs. */
export interface OversightOptions {
  readonly self: Identity;
  readonly keystore: Keystore;
  readonly files: FileLayer;
  readonly clock: Clock;
  readonly net: Net;
  readonly log: Logger;
  /** Where the operator's program listens; null for none. */
  readonly consentUrl: PolicyTarget | null;
  readonly consentTimeoutMs: number;
}

/** The parts of a desk that look after requests. */
export interface Oversight {
  readonly audit: Audit;
  readonly keyUse: KeyUse;
  readonly policy: Policy | null;
  readonly curveOf: (keyId: string) => Promise<string | undefined>;
  /** The rules of a key that is stored here, else null. */
  readonly rulesOf: (keyId: string) => Promise<KeyRules | null>;
  /** Ends the audit log: resolves when what was recorded is written, and takes nothing more. */
  close(): Promise<void>;
}

/**
 * Opens all of it. What keys were used for within the last hour is read back from the audit log, so
 * that a restart does not begin the hour anew.
 *
 * @throws {KeystoreError} if the audit log cannot be opened: a node without one takes no requests.
 */
export async function openOversight(options: OversightOptions): Promise<Oversight> {
  const { self, keystore, files, clock, net, log, consentUrl, consentTimeoutMs } = options;
  const now = () => clock.now();
  const sink = await AuditLog.open({ files, home: keystore.home, now });
  const metaOf = async (keyId: string): Promise<KeyMeta | null> => {
    try {
      return await keystore.readMeta(keyId);
    } catch (error) {
      if (error instanceof KeystoreError && error.code === "TF-NOT-FOUND") return null;
      throw error;
    }
  };
  const rulesOf = async (keyId: string) => {
    const meta = await metaOf(keyId);
    return meta === null ? null : meta.rules ?? NO_RULES;
  };
  const keyUse = new KeyUse({ self, clock, rules: rulesOf });
  noteUses(keyUse, await recentEntries(files, keystore.home, now() - HOUR));
  return {
    audit: new Audit(sink, clock, log.child("audit")),
    keyUse,
    rulesOf,
    curveOf: async (keyId) => (await metaOf(keyId))?.curve,
    policy: consentUrl === null ? null : new HttpPolicy({
      target: consentUrl,
      dial: (timeoutMs) =>
        consentUrl.via === "unix"
          ? dialUnix(consentUrl.socket)
          : net.dial(consentUrl.host, consentUrl.port, timeoutMs),
      clock,
      log: log.child("consent"),
      timeoutMs: consentTimeoutMs,
    }),
    close: () => sink.close(),
  };
}

/** Counts the signings that entries tell of: accepted at once, or approved later. */
export function noteUses(keyUse: Pick<KeyUse, "note">, entries: readonly AuditLine[]): void {
  const waiting = new Map<string, string>();
  for (const { event, at, fields } of entries) {
    const [ceremony, decision, key] = ["ceremony", "decision", "key"].map((n) => fields.get(n));
    if (typeof ceremony !== "string") continue;
    if (event === "request" && fields.get("kind") === "sign" && typeof key === "string") {
      if (decision === "accepted") keyUse.note(key, Date.parse(at));
      if (decision === "waiting") waiting.set(ceremony, key);
    }
    const waited = waiting.get(ceremony);
    if (event === "decision" && decision === "approved" && waited !== undefined) {
      keyUse.note(waited, Date.parse(at));
    }
  }
}
