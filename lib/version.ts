/**
 * What this program calls itself.
 *
 * @module
 */

import project from "../deno.json" with { type: "json" };

/** Semantic version, from deno.json. */
export const VERSION: string = project.version;
/** Protocol version spoken in `hello` and in peer records (mesh specification, section 0). */
export const PROTOCOL_VERSION = 1;
/** Transport version (mesh specification, section 0). */
export const TRANSPORT_VERSION = 2;
