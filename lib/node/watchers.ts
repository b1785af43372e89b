/**
 * Who measures what, for the metrics: ceremonies and their rounds, broadcasts, queues.
 *
 * @module
 */

import type { Ceremony } from "../ceremony/ceremony.ts";
import type { Clock } from "../mesh/clock.ts";
import type { MetricsRecorder } from "../observe/metrics.ts";

/** How often queues are looked at, ms. */
export const QUEUE_SAMPLING = 5_000;

/** Watches one ceremony to its end: its duration, and that of each of its rounds. */
export function watchCeremony(ceremony: Ceremony, recorder: MetricsRecorder, clock: Clock): void {
  const type = ceremony.kind;
  let round = ceremony.round;
  let since = ceremony.startedAt;
  const close = (next: number) => {
    const now = clock.now();
    recorder.observe("ceremony_phase_duration_seconds", (now - since) / 1000, {
      type,
      round: String(round),
    });
    round = next;
    since = now;
  };
  ceremony.onChange(() => {
    if (ceremony.state === "running" && ceremony.round !== round) close(ceremony.round);
  });
  void ceremony.result.then((outcome) => {
    close(round);
    const end = ceremony.finishedAt ?? clock.now();
    recorder.observe("ceremony_duration_seconds", (end - ceremony.startedAt) / 1000, {
      type,
      outcome: outcome.state,
    });
  });
}

/** Measures a broadcast until the first neighbour took it; one that nobody took is not counted. */
export async function timeBroadcast(
  work: Promise<boolean>,
  recorder: MetricsRecorder,
  clock: Clock,
): Promise<boolean> {
  const begun = clock.now();
  const taken = await work;
  if (taken) recorder.observe("broadcast_seconds", (clock.now() - begun) / 1000);
  return taken;
}

/** Looks at the queues at intervals; returns how to stop that. */
export function sampleQueues(
  lengths: () => number[],
  recorder: MetricsRecorder,
  clock: Clock,
): () => void {
  if (!recorder.enabled) return () => {};
  let cancel = () => {};
  const sample = () => {
    for (const length of lengths()) recorder.observe("queue_messages", length);
    cancel = clock.setTimer(QUEUE_SAMPLING, sample);
  };
  sample();
  return () => cancel();
}
