/**
 * Three daemons in a chain: who is ready for whom, drawn committees, the picture of the mesh,
 * `/ready` and `/metrics`, bans; and a member that is gone is named at once.
 */
import assert from "node:assert/strict";
import { freePorts, ProcessFailure } from "../../cli/demo/processes.ts";
import { quickest, timed } from "../support/quickest.ts";
import { Cluster } from "./cluster.ts";

interface Peer {
  readonly identity: string;
  readonly self: boolean;
  readonly connected: boolean;
  readonly ready?: boolean;
  readonly version?: string;
  readonly answered_ms_ago?: number;
  readonly heard_ms_ago?: number;
  readonly clock_skew_ms?: number;
  readonly pre_params?: number;
}

const failureOf = (work: Promise<unknown>): Promise<ProcessFailure> =>
  work.then(() => assert.fail("the command was carried out"), (error) => {
    assert(error instanceof ProcessFailure, String(error));
    return error;
  });

Deno.test("daemons in a chain are ready for each other, and say so when they are not", async (t) => {
  const [metrics] = freePorts(1);
  await using cluster = await Cluster.create({
    size: 3,
    connect: (i) => i === 0 ? [] : [i - 1],
    env: (i) => ({
      TRF_PEERS_WANTED: "1",
      ...(i === 0 ? { TRF_PROMETHEUS_ADDRESS: `127.0.0.1:${metrics}` } : {}),
    }),
  });
  const [a, , c] = cluster.nodes as [typeof cluster.nodes[0], unknown, typeof cluster.nodes[0]];
  const [idA, idB, idC] = cluster.identities as [string, string, string];
  await Promise.all(cluster.nodes.map((n) => n!.start()));
  const peers = async () => {
    const { peers } = await a!.ask<{ peers: Peer[] }>(["peers"]);
    return new Map(peers.map((p) => [p.identity, p]));
  };
  const page = async (path: string) => {
    const response = await fetch(`http://127.0.0.1:${metrics}${path}`);
    return { status: response.status, text: await response.text() };
  };
  /** Waits until the metrics say something. */
  const shows = (pattern: RegExp) =>
    cluster.until(
      `/metrics has ${pattern}`,
      async () => pattern.test((await page("/metrics")).text),
    );

  await t.step("peers shows both directions, also of a node that is no neighbour", async () => {
    await cluster.until("the ends of the chain have answered each other", async () => {
      const all = await peers();
      const far = all.get(idC);
      // The skew that an answer shows is wrong by as much as the answer was late.
      return far?.ready === true && far.heard_ms_ago !== undefined && !far.connected &&
        /^transfunctioner \d/.test(far.version ?? "") && far.answered_ms_ago! < 60_000 &&
        Math.abs(far.clock_skew_ms ?? Infinity) < 2_000 && (far.pre_params ?? 0) >= 1 &&
        all.get(idB)?.connected === true;
    });
  });

  await t.step("/ready says yes, /metrics has the round trips", async () => {
    await cluster.until("/ready says yes", async () => {
      const { status, text } = await page("/ready");
      return status === 200 && JSON.parse(text).peers_ready === 2;
    });
    await shows(/^continuum_round_trip_seconds_count\{way="mesh"\} [1-9]/m);
    await shows(/^continuum_round_trip_seconds_count\{way="session"\} [1-9]/m);
    await shows(/^continuum_sessions_active 1$/m);
    assert.equal((await page("/other")).status, 404);
  });

  await t.step("peers --graph draws the chain", async () => {
    const chain = [[idA, idB].sort().join(), [idB, idC].sort().join()].sort();
    await cluster.until("the nodes and links of the chain are known", async () => {
      const { nodes, links } = await a!.ask<{ nodes: unknown[]; links: Record<string, unknown>[] }>(
        ["peers", "--graph"],
      );
      const ends = links.map(({ a, b }) => [a, b].sort().join()).sort();
      return nodes.length === 3 && ends.join(" ") === chain.join(" ");
    });
  });

  let key = "";
  await t.step("a drawn committee makes a key, drawn signers sign", async () => {
    const made = await a!.ask<{ key_id: string; committee: string[]; coordinator: string }>(
      ["keygen", "--auto", "3", "--threshold", "1"],
    );
    assert.deepEqual([...made.committee].sort(), [idA, idB, idC].sort());
    assert.equal(made.coordinator, made.committee[0]);
    key = made.key_id;
    await cluster.haveKey(key);
    const digest = "11".repeat(32);
    const signed = await a!.ask<{ committee: string[] }>(
      ["sign", "--key", key, "--digest", digest, "--auto", "2"],
    );
    assert.equal(signed.committee.length, 2);
    const tooMany = await failureOf(
      a!.ask(["sign", "--key", key, "--digest", digest, "--auto", "4"]),
    );
    assert.equal(tooMany.exit, 2);
    await shows(/^continuum_ceremony_duration_seconds_count\{.*type="keygen".*\} 1$/m);
    await shows(/^continuum_ceremony_phase_duration_seconds_count\{.*round="1".*\} 1$/m);
    await shows(/^continuum_ceremonies_completed_total [12]$/m);
    const more = await failureOf(a!.ask(["keygen", "--auto", "4", "--threshold", "1"]));
    assert.equal(more.exit, 3);
    assert.match(more.said, /only \d of the 4 members wanted are ready/);
  });

  await t.step("a member that is gone is named within seconds", async () => {
    await c!.stop("SIGKILL");
    const took = await quickest(20_000, async () => {
      // An answer of the last second counts as good news without asking.
      await cluster.until("the last answer of the dead one has aged", async () => {
        const far = (await peers()).get(idC);
        return (far?.answered_ms_ago ?? Infinity) > 1_000 &&
          (far?.heard_ms_ago ?? Infinity) > 1_000;
      });
      return await timed(async () => {
        const failure = await failureOf(a!.ask([
          "sign",
          "--key",
          key,
          "--digest",
          "22".repeat(32),
          "--members",
          [idA, idC].join(","),
        ]));
        assert.equal(failure.exit, 3);
        assert.match(failure.said, /not ready: /);
        assert.match(failure.said, new RegExp(`this node and ${idC}: (no answer|nobody has told)`));
      });
    });
    assert.ok(took < 20_000, `${took} ms`);
  });

  await t.step("a ban ends the session, survives a restart and is lifted", async () => {
    await a!.run(["peers", "ban", idB, "--reason", "a test"]);
    await cluster.until(
      "the session is over, and /ready says no",
      async () => !(await peers()).get(idB)?.connected && (await page("/ready")).status === 503,
    );
    await a!.stop();
    await a!.start();
    let subjects: string[] = [];
    await cluster.until("the restarted node answers", async () => {
      const { bans } = await a!.ask<{ bans: { subject: string }[] }>(["peers", "bans"]);
      subjects = bans.map((b) => b.subject);
      return true;
    });
    assert.deepEqual(subjects, [idB]);
    await a!.run(["peers", "unban", idB]);
    await cluster.until(
      "the neighbour is back",
      async () => (await peers()).get(idB)?.connected === true,
    );
    const unknown = await failureOf(a!.ask(["peers", "unban", idB]));
    assert.match(unknown.said, /is not banned here/);
  });

  await t.step(
    "an address that the daemon may not connect to is refused, not dialled",
    async () => {
      const failure = await failureOf(a!.ask(["peers", "add", "node-z.example.com:1"]));
      assert.match(failure.said, /may not connect to node-z\.example\.com:1/);
      assert.match(failure.said, /TRF_CONNECT/);
      assert.equal(failure.exit, 3);
    },
  );
});
