/**
 * Sets up the log: LogTape behind the {@link Logger} interface, loaded only when a log is wanted.
 *
 * @module
 */

import { jsonLine, type LogLine, textLine } from "./log_lines.ts";
import { isPrinted, levelOf, type LogLevels } from "./log_levels.ts";
import { joinModule, type LogFields, type Logger, type LogLevel } from "./logger.ts";

/** How a log is set up. */
export interface LogOptions {
  /** What is printed, per module. */
  readonly levels: LogLevels;
  /** `text` for people, `json` for machines: one object per line. */
  readonly format: "text" | "json";
  /** Takes each line's bytes, line feed included. What it throws is ignored. */
  readonly write: (line: Uint8Array) => void;
}

const ROOT = "transfunctioner";
const LEVELS = { debug: "debug", info: "info", warn: "warning", error: "error" } as const;

/**
 * Starts the log of this process and returns its top logger. A second call replaces the first.
 *
 * Never fails and never slows a caller down because of a line: a full or closed output loses it.
 */
export async function startLogging(options: LogOptions): Promise<Logger> {
  const { configureSync, getLogger } = await import("@logtape/logtape");
  const encoder = new TextEncoder();
  const format = options.format === "json" ? jsonLine : textLine;
  const sink = (record: { readonly timestamp: number; readonly properties: unknown }): void => {
    const line = record.properties as Omit<LogLine, "time">;
    try {
      options.write(encoder.encode(format({ time: record.timestamp, ...line }) + "\n"));
    } catch {
      // Nobody to tell.
    }
  };
  configureSync({
    reset: true,
    sinks: { out: sink },
    loggers: [
      { category: [ROOT], sinks: ["out"], lowestLevel: "debug" },
      { category: ["logtape", "meta"], sinks: [], lowestLevel: "fatal" },
    ],
  });
  const make = (module: string, base: LogFields): Logger => {
    const out = getLogger(module === "" ? [ROOT] : [ROOT, ...module.split(".")]);
    const threshold = levelOf(options.levels, module);
    const at = (level: LogLevel) => (message: string, fields: LogFields = {}): void => {
      if (!isPrinted(level, threshold)) return;
      // The text travels as a property: LogTape would read braces in a message as placeholders.
      out[LEVELS[level]]("line", {
        level,
        module,
        message,
        fields: { ...base, ...fields },
      });
    };
    return {
      debug: at("debug"),
      info: at("info"),
      warn: at("warn"),
      error: at("error"),
      child: (name, fields = {}) => make(joinModule(module, name), { ...base, ...fields }),
    };
  };
  return make("", {});
}

/** The settings of {@link openLog}; a node's configuration has them. */
export interface LogSettings {
  /** See {@link LogOptions.levels}. */
  readonly logLevel: { readonly value: LogLevels };
  /** See {@link LogOptions.format}. */
  readonly logFormat: { readonly value: "text" | "json" };
}

/** Starts the log that a configuration asks for, on standard error unless told otherwise. */
export function openLog(
  settings: LogSettings,
  write: (line: Uint8Array) => void = writeToStandardError,
): Promise<Logger> {
  return startLogging({
    levels: settings.logLevel.value,
    format: settings.logFormat.value,
    write,
  });
}

function writeToStandardError(line: Uint8Array): void {
  for (let at = 0; at < line.length;) at += Deno.stderr.writeSync(line.subarray(at));
}
