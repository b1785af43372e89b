/**
 * Runs a fuzz target for a while.
 *
 * @module
 */

import { AssertionError } from "node:assert/strict";
import process from "node:process";
import { toBase64 } from "../../lib/encoding/bytes.ts";
import { tally } from "../support/tally.ts";
import { Dice, mutant } from "./mutate.ts";
import type { FuzzTarget } from "./targets.ts";

/** An input that broke a promise. */
export class Finding extends Error {
  override readonly name = "Finding";
  /** `input` in base64 goes into a regression test. */
  constructor(target: string, readonly input: Uint8Array, what: string, cause?: unknown) {
    super(`${target}: ${what}\ninput (base64): ${toBase64(input)}`, { cause });
  }
}

/** What a run did. */
export interface FuzzReport {
  readonly inputs: number;
  readonly accepted: number;
  readonly slowestMs: number;
}

/** No parser may compute longer for an input of at most a megabyte. */
const MAX_MS = 2_000;

/** Inputs that are tried however little time there is. */
const FEWEST = 30;

/**
 * Fuzzes until `inputs` inputs or `milliseconds` have passed.
 *
 * @throws {Finding}
 */
export async function fuzz(
  target: FuzzTarget,
  seed: number,
  limit: { readonly inputs?: number; readonly milliseconds?: number },
): Promise<FuzzReport> {
  const dice = new Dice(seed);
  // What is accepted in a new way becomes a starting point.
  const corpus = [...target.corpus];
  let inputs = 0;
  let accepted = 0;
  let slowestMs = 0;
  for (const input of target.corpus) await attempt(target, input);
  const until = performance.now() + (limit.milliseconds ?? Infinity);
  // A busy machine must not turn a short run into none.
  const enough = () => inputs >= FEWEST && performance.now() >= until;
  while (inputs < (limit.inputs ?? Infinity) && !enough()) {
    const input = mutant(corpus, dice);
    const { taken, ms } = await timed(target, input);
    slowestMs = Math.max(slowestMs, ms);
    if (ms > MAX_MS) await tryAgain(target, input);
    inputs++;
    if (!taken) continue;
    accepted++;
    if (corpus.length < 500) corpus.push(input.slice());
    else corpus[dice.below(corpus.length)] = input.slice();
  }
  tally("inputs fuzzed", inputs);
  return { inputs, accepted, slowestMs };
}

/** Runs one input; how long this thread computed, however long it had to wait for its turn. */
async function timed(target: FuzzTarget, input: Uint8Array) {
  const before = process.threadCpuUsage();
  const taken = await attempt(target, input);
  const { user, system } = process.threadCpuUsage(before);
  return { taken, ms: (user + system) / 1000 };
}

/** A collection of garbage makes anything slow once; what is slow by itself is slow each time. */
async function tryAgain(target: FuzzTarget, input: Uint8Array): Promise<void> {
  let best = Infinity;
  for (let i = 0; i < 5 && best > MAX_MS; i++) {
    best = Math.min(best, (await timed(target, input)).ms);
  }
  if (best > MAX_MS) throw new Finding(target.name, input, `takes ${best.toFixed(0)} ms`);
}

/** Runs one input; tells whether it was accepted. */
async function attempt(target: FuzzTarget, input: Uint8Array): Promise<boolean> {
  try {
    await target.run(input);
    return true;
  } catch (error) {
    const refused = target.refusals.some((type) => error instanceof type) &&
      !(error instanceof AssertionError) && !isEngineFault(error);
    if (refused) return false;
    const said = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    throw new Finding(target.name, input, said, error);
  }
}

/** A stack overflow or an access to a missing property is never a refusal. */
function isEngineFault(error: unknown): boolean {
  return error instanceof Error &&
    /call stack|cannot read prop|is not a function|is not iterable|undefined/i.test(error.message);
}
