/**
 * Every ceremony on both curves among five daemons: key generation, signing, resharing to other
 * committees with other thresholds, and proof that the committees before them are out.
 *
 * Every step is checked from outside: signatures and keys by `node:crypto`, shares by what lies on
 * the disks, refusals by what the commands answer.
 *
 * @module
 */

import { onStage, preParamsReady, type Stage } from "./nodes.ts";
import { ProcessFailure } from "./processes.ts";
import type { Story } from "./story.ts";
import { digestOf, isPublicKey, verifyEd25519, verifyIndependently } from "./verify.ts";

type Curve = "secp256k1" | "ed25519";

interface Key {
  readonly key_id: string;
  readonly public_key: string;
  readonly curve: Curve;
  readonly committee: readonly string[];
  readonly threshold: number;
  readonly generation: number;
  readonly status: string;
}
interface Signature {
  readonly r: string;
  readonly s: string;
  readonly signature: string;
  readonly committee: readonly string[];
}

/** One verified step as `--json` shows it. */
interface Step {
  readonly step: string;
  readonly curve: Curve;
  readonly key_id: string;
  readonly public_key: string;
  /** Node numbers of those concerned, from 1. */
  readonly nodes: readonly number[];
  readonly threshold?: number;
  readonly generation?: number;
  readonly signature?: string;
  readonly verified: true;
}

/** Committees (by position) and thresholds one after the other; each differs in both. */
const COMMITTEES = [
  { members: [0, 1, 2, 3, 4], threshold: 2 },
  { members: [1, 2, 3, 4], threshold: 1 },
  { members: [0, 2, 3], threshold: 2 },
] as const;
const NAMES: Readonly<Record<Curve, string>> = { secp256k1: "ECDSA", ed25519: "EdDSA" };

function check(holds: boolean, what: string): void {
  if (!holds) throw new Error(`Not verified: ${what}; keep the logs and report this`);
}

/** One key's way through the committees. */
class Journey {
  readonly steps: Step[] = [];
  #key!: Key;

  constructor(
    readonly story: Story,
    readonly stage: Stage,
    readonly curve: Curve,
    readonly file: string,
    readonly data: Uint8Array<ArrayBuffer>,
  ) {}

  /** Makes the key: every member must show the same one, and it must be a key. */
  async keygen(): Promise<void> {
    const { members, threshold } = COMMITTEES[0];
    const title = `${NAMES[this.curve]} key generation, ${threshold + 1} of ${members.length}`;
    await this.#step("keygen", title, members, async () => {
      this.#key = await this.stage.nodes[0]!.ask<Key>([
        "keygen",
        "--curve",
        this.curve,
        "--members",
        this.#ids(members),
        "--threshold",
        String(threshold),
      ]);
      check(isPublicKey(this.curve, this.#key.public_key), "the public key is a key");
      await this.#sameEverywhere(members, threshold, 0);
      return { threshold, generation: 0 };
    });
  }

  /** Signs on the last member of the committee after `hop` resharings. */
  async sign(hop: number): Promise<void> {
    const { members, threshold } = COMMITTEES[hop]!;
    const who = hop === 0 ? "" : ` by committee ${hop + 1}`;
    await this.#step(
      `sign ${hop + 1}`,
      `${NAMES[this.curve]} signature${who}`,
      members,
      async () => {
        const node = this.stage.nodes[members.at(-1)!]!;
        const signature = await node.ask<Signature>(
          ["sign", "--key", this.#key.key_id, "--file", this.file],
          [this.file],
        );
        const { public_key } = this.#key;
        check(
          this.curve === "secp256k1"
            ? verifyIndependently(this.data, public_key, signature.r, signature.s)
            : verifyEd25519(digestOf(this.data), public_key, signature.signature),
          "node:crypto accepts the signature",
        );
        check(signature.committee.length === threshold + 1, "threshold + 1 members signed");
        return { signature: signature.signature };
      },
    );
  }

  /** Hands the key to committee `hop`. */
  async reshare(hop: number): Promise<void> {
    const { members, threshold } = COMMITTEES[hop]!;
    const title = `${NAMES[this.curve]} resharing ${hop} to ${threshold + 1} of ${members.length}`;
    await this.#step(`reshare ${hop}`, title, members, async () => {
      const before = await this.#shareFiles();
      const result = await this.stage.nodes[members[0]!]!.ask<Key & { unconfirmed: string[] }>(
        this.#reshareArguments(members, threshold, hop),
      );
      check(result.public_key === this.#key.public_key, "the public key is unchanged");
      check(result.unconfirmed.length === 0, "everybody has confirmed");
      await this.#sameEverywhere(members, threshold, hop);
      const after = await this.#shareFiles();
      for (const i of members) {
        check(after[i] !== null && after[i] !== before[i], `node ${i + 1} has a new share`);
      }
      return { threshold, generation: hop };
    });
  }

  /** A node without a share must say whom to ask; one with a share knows. */
  #reshareArguments(members: readonly number[], threshold: number, hop: number): string[] {
    const before = COMMITTEES[hop - 1]!;
    const args = [
      "reshare",
      "--key",
      this.#key.key_id,
      "--members",
      this.#ids(members),
      "--threshold",
      String(threshold),
    ];
    if ((before.members as readonly number[]).includes(members[0]!)) return args;
    return [
      ...args,
      "--old-members",
      this.#ids(before.members),
      "--old-threshold",
      String(before.threshold),
      "--generation",
      String(hop - 1),
      "--curve",
      this.curve,
    ];
  }

  /** Whoever left has no share any more and refuses; so does a committee of before. */
  async oldCommitteesAreOut(): Promise<void> {
    const now: readonly number[] = COMMITTEES.at(-1)!.members;
    const left = [0, 1, 2, 3, 4].filter((i) => !now.includes(i));
    const title = `${NAMES[this.curve]} committees of before cannot sign`;
    await this.#step("old committees are out", title, left, async () => {
      const files = await this.#shareFiles();
      for (const i of left) {
        const node = this.stage.nodes[i]!;
        check(files[i] === null, `node ${i + 1} has destroyed its share`);
        const key = await node.ask<Key>(["keys", "show", this.#key.key_id]);
        check(key.status === "reshared away", `node ${i + 1} says that it has left`);
        await this.#refused(i, []);
      }
      for (const { members } of COMMITTEES.slice(0, -1)) {
        const leaver = members.find((i) => left.includes(i))!;
        const others = members.filter((i) => i !== leaver && now.includes(i));
        await this.#refused(now[0]!, ["--members", this.#ids([now[0]!, ...others, leaver])]);
      }
      return {};
    });
  }

  async #refused(at: number, more: readonly string[]): Promise<void> {
    try {
      await this.stage.nodes[at]!.ask(
        ["sign", "--key", this.#key.key_id, "--file", this.file, ...more],
        [this.file],
      );
    } catch (error) {
      if (!(error instanceof ProcessFailure)) throw error;
      check(/reshared away|has no share/.test(error.said), `node ${at + 1} refuses: ${error.said}`);
      return;
    }
    check(false, `an old committee is refused on node ${at + 1}`);
  }

  async #step(
    step: string,
    title: string,
    members: readonly number[],
    work: () => Promise<Partial<Step>>,
  ): Promise<void> {
    const more = await this.story.step(`${this.curve} ${step}`, title, work);
    const { key_id, public_key } = this.#key;
    const nodes = members.map((i) => i + 1);
    this.steps.push({
      step,
      curve: this.curve,
      key_id,
      public_key,
      nodes,
      ...more,
      verified: true,
    });
  }

  #ids(members: readonly number[]): string {
    return [...new Set(members)].map((i) => this.stage.identities[i]!).join(",");
  }

  async #sameEverywhere(members: readonly number[], threshold: number, generation: number) {
    for (const i of members) {
      const key = await this.stage.nodes[i]!.ask<Key>(["keys", "show", this.#key.key_id]);
      check(
        key.public_key === this.#key.public_key && key.status === "active" &&
          key.threshold === threshold && key.generation === generation &&
          key.committee.join(",") === this.#ids(members),
        `node ${i + 1} shows the same key, committee, threshold and generation`,
      );
    }
  }

  /** SHA-256 of each node's sealed share; null where there is none. */
  async #shareFiles(): Promise<(string | null)[]> {
    return await Promise.all(this.stage.nodes.map(async (node, i) => {
      const name = `${this.stage.identities[i]}/tss/${this.#key.key_id}.key`;
      try {
        return digestOf(await Deno.readFile(`${node.options.home}/${name}`)).toString("hex");
      } catch (error) {
        if (error instanceof Deno.errors.NotFound) return null;
        throw error;
      }
    }));
  }
}

/** Runs all of it on both curves. */
export async function everyCeremony(story: Story, file: string, fixtures: boolean): Promise<void> {
  const begun = performance.now();
  const data = await Deno.readFile(file);
  story.say("transfunctioner demo: five nodes, two keys, three committees each\n");
  const { steps, identities } = await onStage(story, 5, "five", fixtures, async (stage) => {
    const made = fixtures ? "pre-parameters from the fixtures" : "pre-parameters (20 safe primes)";
    await preParamsReady(story, "preparams", made, stage.nodes);
    const ecdsa = new Journey(story, stage, "secp256k1", file, data);
    const eddsa = new Journey(story, stage, "ed25519", file, data);
    for (const journey of [ecdsa, eddsa]) {
      await journey.keygen();
      await journey.sign(0);
    }
    for (const hop of [1, 2]) {
      await eddsa.reshare(hop);
      await eddsa.sign(hop);
      const fresh = COMMITTEES[hop]!.members.map((i) => stage.nodes[i]!);
      const title = `new pre-parameters for ${fresh.length} nodes`;
      await preParamsReady(story, `preparams ${hop}`, title, fresh);
      await ecdsa.reshare(hop);
      await ecdsa.sign(hop);
    }
    for (const journey of [ecdsa, eddsa]) await journey.oldCommitteesAreOut();
    return { steps: [...ecdsa.steps, ...eddsa.steps], identities: stage.identities };
  });
  story.timings.total = Math.round(performance.now() - begun) / 1000;
  if (story.json) {
    const { timings } = story;
    const verified = steps.every((s) => s.verified);
    const schema = "transfunctioner/demo-full/1";
    story.terminal.out(
      JSON.stringify({ schema, file, identities, steps, verified, timings }) + "\n",
    );
    return;
  }
  story.say(`\n${steps.length} steps, every one verified by node:crypto or from outside.`);
  story.say(`Done in ${story.timings.total.toFixed(1)} s.`);
}
