/**
 * All message types of the ECDSA protocols, and the lists an inbox looks a type up in.
 *
 * @module
 */

import type { MessageSpec } from "../channel.ts";
import * as keygen from "./keygen_messages.ts";
import * as presigning from "./presigning_messages.ts";
import * as resharing from "./resharing_messages.ts";
import * as signing from "./signing_messages.ts";

export * from "./keygen_messages.ts";
export * from "./resharing_messages.ts";
export * from "./signing_messages.ts";
export type { PublicParameters } from "./limits.ts";

/** What a key generation may hear. */
export const keygenMessages: readonly MessageSpec<unknown>[] = [
  keygen.KGRound1Message,
  keygen.KGRound2Message1,
  keygen.KGRound2Message2,
  keygen.KGRound3Message,
];

/** What a signing may hear. */
export const signingMessages: readonly MessageSpec<unknown>[] = [
  signing.SignRound1Message1,
  signing.SignRound1Message2,
  signing.SignRound2Message,
  signing.SignRound3Message,
  signing.SignRound4Message,
  signing.SignRound5Message,
  signing.SignRound6Message,
  signing.SignRound7Message,
  signing.SignRound8Message,
  signing.SignRound9Message,
];

/** What a resharing may hear. */
export const resharingMessages: readonly MessageSpec<unknown>[] = [
  resharing.DGRound1Message,
  resharing.DGRound2Message1,
  resharing.DGRound2Message2,
  resharing.DGRound3Message1,
  resharing.DGRound3Message2,
  resharing.DGRound4Message1,
  resharing.DGRound4Message2,
];

/** What a presigning may hear. */
export const presigningMessages: readonly MessageSpec<unknown>[] = [
  presigning.PreRound1Message1,
  presigning.PreRound1Message2,
  presigning.PreRound2Message,
  presigning.PreRound3Message,
  presigning.PreRound4Message,
  presigning.PreRound5Message,
  presigning.PreRound6Message,
  presigning.PreRound7Message,
];

/** What a signing from a presignature may hear. */
export const presignedMessages: readonly MessageSpec<unknown>[] = [presigning.PartialMessage];
