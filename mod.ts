/**
 * What a program that embeds transfunctioner may use.
 *
 * @module
 */

export { Desk, type DeskOptions } from "./lib/node/desk.ts";
export { VERSION } from "./lib/version.ts";
