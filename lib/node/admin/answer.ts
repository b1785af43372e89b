/**
 * From a request at the admin listener to its answer, with the lines that tell of it in the log.
 *
 * Every line carries `request`; one line joins it to `ceremony` where a request starts one. What
 * only looks is told at debug level, so that a watching operator does not fill the log.
 *
 * @module
 */

import type { JsonInput } from "../../encoding/json.ts";
import { fromPlain, toPlain } from "../../encoding/plain.ts";
import { KeystoreError } from "../../keystore/errors.ts";
import type { AdminCall } from "../../mesh/admin_listener.ts";
import { AdminError } from "../../mesh/admin_protocol.ts";
import type { Logger } from "../../observe/logger.ts";
import { NodeError } from "../errors.ts";
import type { AdminContext, Params } from "./context.ts";
import { callAdmin } from "./service.ts";

/** Methods that change nothing. */
const LOOKS = /^(identity|status|peers|peers\.graph|keys|ceremonies|ceremonies\.show)$/;

/**
 * Carries out one admin call.
 *
 * @throws {AdminError} a refusal with its code and hint; anything else is a mistake in here.
 */
export async function answerCall(
  context: AdminContext,
  call: AdminCall,
  log: Logger,
): Promise<JsonInput> {
  const { clock } = context;
  const begun = clock.now();
  const { method, client } = call;
  const lines = log.child("", { request: call.request, method });
  const level = LOOKS.test(method) ? "debug" : "info";
  lines[level]("admin request", { client });
  const params = toPlain(call.params);
  let ceremony: unknown;
  try {
    const result = await callAdmin(
      context,
      method,
      typeof params === "object" && params !== null ? params as Params : {},
      (event) => {
        if (event["ceremony_id"] !== undefined && event["ceremony_id"] !== ceremony) {
          ceremony = event["ceremony_id"];
          lines.info("admin request started a ceremony", { ceremony });
        }
        call.event(fromPlain(event));
      },
    );
    lines[level]("admin request answered", { ceremony, ms: clock.now() - begun });
    return fromPlain(result);
  } catch (error) {
    if (error instanceof NodeError || error instanceof KeystoreError) {
      lines.info("admin request refused", {
        ceremony,
        code: error.code,
        reason: error.message,
        ms: clock.now() - begun,
      });
      throw new AdminError(error.code, error.message, error.hint ?? "");
    }
    throw error;
  }
}
