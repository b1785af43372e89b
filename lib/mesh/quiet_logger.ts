/**
 * Keeps strangers from filling the log: each text may appear so often, then a count stands for the
 * rest.
 *
 * @module
 */

import type { LogFields, Logger } from "../observe/logger.ts";
import type { Clock } from "./clock.ts";
import { LOG_BURST, LOG_RATE } from "./limits.ts";
import { TokenBucket } from "./rate_limit.ts";

interface Text {
  readonly bucket: TokenBucket;
  suppressed: number;
}

/**
 * Wraps a logger so that each message text appears at most {@link LOG_BURST} times at once and
 * {@link LOG_RATE} times a second; the next line that appears tells in `suppressed` how many were
 * left out. Errors always appear. Texts must be constants.
 */
export function quietLogger(log: Logger, clock: Clock): Logger {
  return wrap(log, clock, new Map());
}

function wrap(log: Logger, clock: Clock, texts: Map<string, Text>): Logger {
  const at = (level: "debug" | "info" | "warn") => (message: string, fields: LogFields = {}) => {
    let text = texts.get(message);
    if (text === undefined) {
      text = { bucket: new TokenBucket(clock, LOG_RATE, LOG_BURST), suppressed: 0 };
      texts.set(message, text);
    }
    if (!text.bucket.take()) {
      text.suppressed++;
      return;
    }
    const { suppressed } = text;
    text.suppressed = 0;
    log[level](message, suppressed === 0 ? fields : { ...fields, suppressed });
  };
  return {
    debug: at("debug"),
    info: at("info"),
    warn: at("warn"),
    error: (message, fields) => log.error(message, fields),
    child: (module, fields) => wrap(log.child(module, fields), clock, texts),
  };
}
