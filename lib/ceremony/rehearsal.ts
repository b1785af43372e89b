/**
 * What a worker does while it has nothing to do: it runs a key generation and a signature among
 * made-up members, so that the code is compiled and the curve's tables are there when a ceremony
 * comes. Everything in it is random and forgotten; no key of the node is near.
 *
 * @module
 */

import { defaultArithmetic, publicModulus } from "../arith/mod.ts";
import type { RandomSource } from "../arith/random.ts";
import { useNativeX25519 } from "../crypto/box.ts";
import { secp256k1 } from "../crypto/curve.ts";
import { parseIdentity } from "../crypto/identity.ts";
import type { Identity } from "../crypto/identity.ts";
import { makePlan } from "./plan.ts";
import type { FromWorker, Job, ToWorker, WorkerResult } from "./protocol.ts";
import { Session } from "./session.ts";
import type { NewShare } from "./spec.ts";

const MEMBERS: readonly Identity[] = ["1", "2", "3"].map((digit) =>
  parseIdentity(digit.repeat(40))
);
const STORE_KEY_BYTES = 32;
/** Sizes of the moduli in ECDSA ceremonies: a prime, its square or N, N². */
const MODULUS_BITS = [1024, 2048, 4096];

/** Runs one job per member on this thread; each hears the others as in a real ceremony. */
async function among(
  members: readonly Identity[],
  job: (index: number) => Job,
  random: RandomSource,
): Promise<WorkerResult[]> {
  const sessions = new Map<Identity, Session>();
  const endings = members.map(() => Promise.withResolvers<WorkerResult>());
  members.forEach((self, i) => {
    const take = (message: FromWorker) => {
      if (message.did === "finish") endings[i]!.resolve(message.result);
      else if (message.did === "fail") endings[i]!.reject(new Error(message.reason));
      else if (message.did === "say") {
        for (const { identity } of message.to) {
          const heard: ToWorker = {
            do: "hear",
            from: { committee: message.as, identity: self },
            data: message.data,
          };
          queueMicrotask(() => sessions.get(identity)?.handle(heard));
        }
      }
    };
    const storeKey = new Uint8Array(STORE_KEY_BYTES);
    sessions.set(self, new Session(makePlan(job(i), storeKey, random), take));
  });
  for (const session of sessions.values()) void session.run();
  return await Promise.all(endings.map(({ promise }) => promise));
}

/**
 * Rehearses both EdDSA protocols, and compiles the kernels of ECDSA.
 *
 * @throws {Error} if a rehearsal fails; then a ceremony would, too.
 */
export async function rehearse(random: RandomSource): Promise<void> {
  await useNativeX25519();
  const common = { curve: "ed25519", threshold: 1, committee: MEMBERS } as const;
  const made = await among(
    MEMBERS,
    (i) => ({ ...common, kind: "keygen", id: new Uint8Array(32).fill(1), self: MEMBERS[i]! }),
    random,
  ) as unknown as readonly NewShare[];
  const signers = MEMBERS.slice(0, 2);
  for (const id of [2, 3]) {
    await among(signers, (i) => ({
      ...common,
      kind: "sign",
      committee: signers,
      id: new Uint8Array(32).fill(id),
      self: signers[i]!,
      keyId: made[i]!.keyId,
      publicKey: made[i]!.publicKey,
      share: made[i]!.shareCiphertext,
      message: new Uint8Array(32),
    }), random);
  }
  const arith = defaultArithmetic();
  for (const bits of MODULUS_BITS) {
    const modulus = publicModulus((1n << BigInt(bits)) - 1n);
    arith.powBatch([3n, 5n].map((base) => ({ base, exponent: (1n << 64n) - 1n, modulus })));
  }
  const point = secp256k1.base.multiply(3n ** 150n);
  if (!point.multiplyPublic(1n).equals(point)) throw new Error("Cannot multiply points");
}
