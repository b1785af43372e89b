/**
 * Asking for a ceremony until its members are ready, with `--wait`.
 *
 * @module
 */

import type { CeremonyProgress } from "./ceremony_view.ts";
import type { Invocation, OptionSpec } from "./command.ts";
import { callDaemon } from "./connect.ts";
import { usageError } from "./exit.ts";
import { bar, duration } from "./output.ts";

/** The option of commands that can wait. */
export const WAIT_OPTION: Readonly<Record<string, OptionSpec>> = {
  wait: { value: "SECONDS", help: "if members are not ready, ask again for this long" },
};

/** Refusals that pass by themselves. Nothing has begun when they are given. */
const PASSING = ["TF-NOT-READY", "TF-UNREACHABLE", "TF-ADMIN-CONNECT"];
/** Pause between two questions, in milliseconds. */
const PAUSE_MS = 1_000;

/** Reads `--wait`, in milliseconds; 0 when it was not given. */
export function waitOption(invocation: Invocation): number {
  const text = invocation.text["wait"];
  if (text === undefined) return 0;
  if (!/^[0-9]{1,5}$/.test(text) || Number(text) === 0) {
    throw usageError(`--wait: "${text}" is not a whole number of seconds above 0`);
  }
  return Number(text) * 1_000;
}

/** What `callWhenReady()` needs of the world, so that tests can turn the hands. */
export interface WaitWorld {
  call<T>(
    method: string,
    params: Record<string, unknown>,
    onEvent?: Parameters<typeof callDaemon>[3],
  ): Promise<T>;
  pause(ms: number): Promise<void>;
  /** Milliseconds. */
  now(): number;
}

/**
 * Calls a method that starts a ceremony; while its members are not ready and `--wait` allows it,
 * shows what is waited for and asks again.
 *
 * @throws {CliError} the last refusal, or whatever else the daemon says.
 */
export async function callWhenReady<T>(
  invocation: Invocation,
  method: string,
  params: Record<string, unknown>,
  progress: Pick<CeremonyProgress, "show" | "note">,
  world: WaitWorld = {
    call: (...args) => callDaemon(invocation, ...args),
    pause: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
    now: () => performance.now(),
  },
): Promise<T> {
  const until = world.now() + waitOption(invocation);
  for (;;) {
    try {
      return await world.call<T>(method, params, (event) => progress.show(event));
    } catch (error) {
      const { code, message } = error as { code?: string; message: string };
      if (!PASSING.includes(code ?? "") || world.now() + PAUSE_MS > until) throw error;
      const own = await world.call<{ pre_params: Search }>("status", {}).catch(() => null);
      progress.note(own === null ? message : `${search(own.pre_params)}${message}`);
    }
    await world.pause(PAUSE_MS);
  }
}

interface Search {
  readonly ready: number;
  readonly making: boolean;
  readonly found: number;
  readonly of: number;
  readonly per_second?: number;
  readonly left_ms?: number;
}

/** The own search for pre-parameters as a bar with a rate and an end; "" if some are ready. */
function search({ ready, making, found, of, per_second, left_ms }: Search): string {
  if (ready > 0 || !making) return "";
  const rate = per_second === undefined ? "" : `, ${Math.round(per_second)}/s`;
  const left = left_ms === undefined ? "" : `, about ${duration(left_ms)} left`;
  return `pre-parameters ${bar(found, of, 2 * of)} ${found} of ${of} primes${rate}${left}; `;
}
