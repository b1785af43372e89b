/**
 * Which lines are worth printing, per module.
 *
 * @module
 */

import type { LogLevel } from "./logger.ts";

/** A level for everything and others for some modules. */
export interface LogLevels {
  /** Level where no module says otherwise. */
  readonly base: LogLevel;
  /** Dotted module name to level; a module's level holds for those below it. */
  readonly modules: ReadonlyMap<string, LogLevel>;
}

/** The quietest to the loudest. */
const ORDER: readonly LogLevel[] = ["debug", "info", "warn", "error"];

/** Names of levels, those of the Go service's logger included. */
const NAMES: ReadonlyMap<string, LogLevel> = new Map([
  ["TRACE", "debug"],
  ["DEBUG", "debug"],
  ["INFO", "info"],
  ["NOTICE", "info"],
  ["WARN", "warn"],
  ["WARNING", "warn"],
  ["ERROR", "error"],
  ["CRITICAL", "error"],
]);

/** Names under which the whole program goes. */
const ROOTS: readonly string[] = ["", "transfunctioner", "transfunctionerd", "<root>"];

/**
 * Reads `INFO`, `transfunctionerd=INFO` or `INFO,mesh=DEBUG,ceremony=WARN`; semicolons separate
 * as well, as in the Go service.
 *
 * @throws {SyntaxError} saying which part is wrong.
 */
export function parseLogLevels(text: string): LogLevels {
  let base: LogLevel = "info";
  const modules = new Map<string, LogLevel>();
  for (const part of text.split(/[,;]/)) {
    const at = part.indexOf("=");
    const module = at < 0 ? "" : part.slice(0, at);
    const level = NAMES.get((at < 0 ? part : part.slice(at + 1)).toUpperCase());
    if (level === undefined) {
      throw new SyntaxError(
        `"${part}" has no level: DEBUG, INFO, WARN or ERROR, or as mesh=DEBUG for one module`,
      );
    }
    if (ROOTS.includes(module)) base = level;
    else if (/^[a-z][a-z0-9_.]*$/.test(module)) modules.set(module, level);
    else throw new SyntaxError(`"${module}" is not a module name, as mesh or mesh.session`);
  }
  return { base, modules };
}

/** Returns the level of a dotted module: its own, else that of the nearest above it. */
export function levelOf(levels: LogLevels, module: string): LogLevel {
  for (let name = module;;) {
    const level = levels.modules.get(name);
    if (level !== undefined) return level;
    const dot = name.lastIndexOf(".");
    if (dot < 0) return levels.base;
    name = name.slice(0, dot);
  }
}

/** Tells whether a line of `level` is printed at setting `threshold`. */
export function isPrinted(level: LogLevel, threshold: LogLevel): boolean {
  return ORDER.indexOf(level) >= ORDER.indexOf(threshold);
}

/** Writes levels as {@link parseLogLevels} reads them. */
export function formatLogLevels(levels: LogLevels): string {
  return [
    levels.base.toUpperCase(),
    ...[...levels.modules].map(([module, level]) => `${module}=${level.toUpperCase()}`),
  ].join(",");
}
