/**
 * Real permissionless workers that hear each other directly, without engines: for members whose
 * node keys nobody has, such as those of the vectors.
 *
 * @module
 */

import type { ShareDescription } from "../../lib/ceremony/describe.ts";
import { askAboutShare } from "../../lib/ceremony/describer.ts";
import type { Job, ToWorker, WorkerResult } from "../../lib/ceremony/protocol.ts";
import type { CurveName } from "../../lib/ceremony/spec.ts";
import type { WorkerFactory, WorkerHandle } from "../../lib/ceremony/worker_host.ts";
import type { Identity } from "../../lib/crypto/identity.ts";

/** One member: its store key opens what its job brings. */
export interface Member {
  readonly identity: Identity;
  readonly storeKey: Uint8Array<ArrayBuffer>;
}

/** Runs one ceremony among `members` to its end; rejects with the first failure. */
export async function runWorkers(
  workers: WorkerFactory,
  members: readonly Member[],
  jobOf: (member: Member) => Job,
): Promise<Map<Identity, WorkerResult>> {
  const handles = new Map<Identity, WorkerHandle>();
  const loaded = members.map(() => Promise.withResolvers<void>());
  const ends = members.map(() => Promise.withResolvers<WorkerResult>());
  try {
    members.forEach(({ identity }, i) => {
      const handle: WorkerHandle = workers({
        onCrash: (reason) => ends[i]!.reject(new Error(reason)),
        onMessage: (message) => {
          if (message.did === "load") loaded[i]!.resolve();
          else if (message.did === "store") handle.post({ do: "stored", ok: true });
          else if (message.did === "finish") ends[i]!.resolve(message.result);
          else if (message.did === "fail") {
            ends[i]!.reject(new Error(`${identity}: ${message.reason}`));
          } else if (message.did === "say") {
            const heard: ToWorker = {
              do: "hear",
              from: { committee: message.as, identity },
              data: message.data,
            };
            for (const to of new Set(message.to.map((role) => role.identity))) {
              handles.get(to)!.post(heard);
            }
          }
        },
      });
      handles.set(identity, handle);
    });
    await Promise.all(loaded.map((l) => l.promise));
    for (const member of members) {
      const storeKey = member.storeKey.slice();
      handles.get(member.identity)!.post({ do: "run", job: jobOf(member), storeKey }, [
        storeKey.buffer,
      ]);
    }
    const results = await Promise.all(ends.map((e) => e.promise));
    return new Map(members.map(({ identity }, i) => [identity, results[i]!]));
  } finally {
    for (const handle of handles.values()) handle.terminate();
  }
}

/** What a worker tells of a member's share. */
export function describe(
  workers: WorkerFactory,
  { identity, storeKey }: Member,
  share: {
    readonly curve: CurveName;
    readonly keyId: Uint8Array;
    readonly share: Uint8Array;
    readonly committee: readonly Identity[];
  },
): Promise<ShareDescription> {
  return askAboutShare(workers, storeKey.slice(), { self: identity, ...share });
}
