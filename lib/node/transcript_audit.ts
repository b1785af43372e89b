/**
 * The audit of a transcript for people and machines.
 *
 * @module
 */

export { AuditRefused, auditTranscript } from "../ceremony/audit.ts";
export type { AuditReport, Fault } from "../ceremony/audit.ts";
export { MAX_TRANSCRIPT_BYTES } from "../ceremony/transcript_file.ts";
