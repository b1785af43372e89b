/**
 * The files under deploy/ read as their programs read them, against the daemon's own settings,
 * ports, permissions and exit codes; and by the linters that are on this machine.
 */
import assert from "node:assert/strict";
import { parse, parseAllDocuments } from "yaml";
import { EXIT } from "../../cli/exit.ts";
import { COMMANDS } from "../../cli/registry.ts";
import { type Config, loadConfig } from "../../lib/node/config.ts";
import { networkHosts } from "../../lib/node/permissions.ts";
import { document, ROOT } from "./source_tree.ts";

type Env = Record<string, string>;

/** Reads settings as the daemon would; what is set must be a setting. */
async function configOf(env: Env): Promise<Config> {
  const settings = Object.entries(env).filter(([name]) => name.startsWith("TRF_"));
  const config = await loadConfig({
    flags: {},
    env: Object.fromEntries(settings),
    readFile: () => Promise.resolve(null),
  });
  assert.deepEqual(config.warnings.filter((w) => /not a variable/.test(w)), []);
  return config;
}

/** The variables that the image sets. */
async function imageEnv(): Promise<Env> {
  const found = /^ENV ((?:.*\\\n)*.*)$/m.exec(await document("Dockerfile"));
  return Object.fromEntries(
    found![1]!.split(/\s*\\\n\s*/).map((pair): [string, string] => {
      const [name, ...value] = pair.split("=");
      return [name!, value.join("=")];
    }),
  );
}

Deno.test("the image makes the directories that its settings name, for its user", async () => {
  const text = await document("Dockerfile");
  const env = await imageEnv();
  const config = await configOf(env);
  assert.equal(config.listenAddress.value!.port, Number(/^EXPOSE (\d+)$/m.exec(text)![1]));
  assert.match(text, new RegExp(`^VOLUME ${config.home.value}$`, "m"));
  const made = /install -d -o (\d+) -g \d+ -m 0700 (.*)$/m.exec(text)!;
  assert.deepEqual(made[2]!.split(" "), [config.home.value, env["TRANSFUNCTIONER_CACHE"]]);
  assert.match(text, new RegExp(`^USER ${made[1]}:`, "m"));
  for (const [, list] of text.matchAll(/^(?:CMD|ENTRYPOINT|RUN| +CMD) (\[.*\])$/gm)) {
    const [program, command] = JSON.parse(list!) as string[];
    const name = program === "transfunctioner" ? command : program;
    assert(name === undefined || COMMANDS.some((c) => c.name === name), list);
  }
});

interface Service {
  readonly environment: Env;
  readonly hostname: string;
  readonly user: string;
  readonly volumes: readonly string[];
  readonly secrets: readonly { readonly source: string; readonly target: string }[];
}

Deno.test("compose: each service is a node that the others find, with its own volume and passphrase", async () => {
  const compose = parse(await document("deploy/compose.yaml"), { merge: true }) as {
    services: Record<string, Service>;
    volumes: Env;
    secrets: Record<string, { file: string }>;
  };
  const image = await imageEnv();
  const services = Object.entries(compose.services);
  assert.equal(services.length, 3);
  const seen = new Set<string>();
  for (const [name, service] of services) {
    const env = { ...image, ...service.environment };
    const config = await configOf({ ...env, TRF_INITIATORS: "" });
    assert.equal(service.hostname, name);
    for (const { host, port } of config.connect.value) {
      assert(host in compose.services && host !== name, `${name} connects to ${host}`);
      assert.equal(port, config.listenAddress.value!.port);
    }
    const [volume, path] = service.volumes[0]!.split(":") as [string, string];
    assert(volume in compose.volumes && path === config.home.value);
    const { source, target } = service.secrets[0]!;
    assert(source in compose.secrets);
    assert.equal(`/run/secrets/${target}`, config.passphraseFile.value);
    seen.add(volume).add(source);
  }
  assert.equal(seen.size, 6, "nobody shares a volume or a passphrase");
});

interface Port {
  readonly protocol: string;
  readonly port: number;
}

Deno.test("kubernetes: settings, mounts, probes and the network policy are the daemon's own", async () => {
  const documents = parseAllDocuments(
    await document("deploy/kubernetes/transfunctioner.yaml"),
    { merge: true },
  ).map((d) => d.toJS());
  // deno-lint-ignore no-explicit-any
  const kind = (name: string): any => documents.find((d) => d.kind === name);
  for (const { metadata } of documents) assert.equal(metadata.namespace, "transfunctioner");
  const set = kind("StatefulSet").spec;
  const { containers, initContainers, volumes } = set.template.spec;
  const [node] = containers;
  const env = {
    ...await imageEnv(),
    ...kind("ConfigMap").data,
    ...Object.fromEntries(
      // deno-lint-ignore no-explicit-any
      node.env.filter((e: any) => e.value !== undefined).map((e: any) => [e.name, e.value]),
    ),
  };
  const config = await configOf(env);
  const mesh = config.listenAddress.value!.port;
  const metrics = config.prometheusAddress.value!.port;

  // deno-lint-ignore no-explicit-any
  const ports = new Map(node.ports.map((p: any) => [p.name, p.containerPort]));
  assert.deepEqual([...ports], [["mesh", mesh], ["metrics", metrics]]);
  for (const { name, port, targetPort } of kind("Service").spec.ports) {
    assert.equal(port, ports.get(targetPort), name);
  }
  assert.equal(set.serviceName, kind("Service").metadata.name);
  assert.equal(config.connect.value.length, set.replicas);
  for (const [i, { host, port }] of config.connect.value.entries()) {
    assert.equal(host, `${kind("StatefulSet").metadata.name}-${i}.${set.serviceName}`);
    assert.equal(port, mesh);
  }

  // The policy opens what the process may open itself, no more and no less.
  const policy = kind("NetworkPolicy").spec;
  const numbers = (rules: { ports: Port[] }[]) =>
    rules.flatMap((r) => r.ports.map((p) => `${p.protocol} ${p.port}`)).sort();
  assert.deepEqual(numbers(policy.ingress), [`TCP ${mesh}`, `TCP ${metrics}`]);
  assert.deepEqual(numbers(policy.egress), [`TCP ${mesh}`, "TCP 53", "UDP 53"].sort());
  const own = [`${config.adminAddress.value.host}:${config.adminAddress.value.port}`];
  const net = networkHosts(config).filter((host) => !own.includes(host));
  assert.deepEqual(
    new Set(net.map((host) => Number(host.slice(host.lastIndexOf(":") + 1)))),
    new Set([mesh, metrics]),
  );

  assert(["/health", "/ready"].includes(node.readinessProbe.httpGet.path));
  assert.equal(ports.get(node.readinessProbe.httpGet.port), metrics);
  assert.equal(ports.get(node.livenessProbe.tcpSocket.port), mesh);
  for (const { securityContext, volumeMounts } of [...containers, ...initContainers]) {
    assert.equal(securityContext.readOnlyRootFilesystem, true);
    // deno-lint-ignore no-explicit-any
    const mounts = new Map(volumeMounts.map((m: any) => [m.name, m.mountPath]));
    assert(config.home.value.startsWith(`${mounts.get("keystore")}/`));
    assert.equal(mounts.get("passphrases"), config.passphraseFile.value);
    for (const name of mounts.keys()) {
      // deno-lint-ignore no-explicit-any
      const claims = [...volumes, ...set.volumeClaimTemplates.map((c: any) => c.metadata)];
      assert(claims.some((c) => c.name === name), `volume ${name}`);
    }
  }
  const labels = set.template.metadata.labels;
  for (const selector of [set.selector.matchLabels, policy.podSelector.matchLabels]) {
    assert.deepEqual(selector, labels);
  }
  assert.deepEqual(kind("Service").spec.selector, labels);
});

Deno.test("systemd: the unit's settings, directories, commands and exit codes are the daemon's", async () => {
  const text = await document("deploy/systemd/transfunctioner.service");
  const all = (key: string) =>
    [...text.matchAll(new RegExp(`^${key}=(.*)$`, "gm"))].map(([, value]) => value!);
  const env = Object.fromEntries(
    all("Environment").map((pair) => pair.split("=") as [string, string]),
  );
  const config = await configOf(env);
  const state = all("StateDirectory")[0]!;
  assert(config.home.value.startsWith(`/var/lib/${state}/`));
  assert.equal(env["TRANSFUNCTIONER_CACHE"], `/var/cache/${all("CacheDirectory")[0]}`);
  const credential = all("LoadCredentialEncrypted")[0]!.split(":")[0];
  assert.equal(config.passphraseFile.value, `%d/${credential}`);
  assert.equal(Number(all("RestartPreventExitStatus")[0]), EXIT.usage);
  for (const line of [...all("ExecStart"), ...all("ExecStartPre")]) {
    const [, command] = line.split(" ");
    assert(COMMANDS.some((c) => c.name === command), line);
  }
  // A program that compiles while it runs, and one that opens TCP connections.
  assert.equal(all("MemoryDenyWriteExecute").length, 0);
  assert.match(all("RestrictAddressFamilies")[0]!, /\bAF_INET\b.*\bAF_INET6\b/);
  assert.deepEqual(all("CapabilityBoundingSet"), [""]);
});

Deno.test("deno.json's permission set is that of a daemon with ./keystore and metrics", async () => {
  const { permissions } = JSON.parse(await document("deno.json")) as {
    permissions: { daemon: Record<string, string[]> };
  };
  const config = await configOf({
    TRF_HOME: "/x/keystore",
    TRF_PROMETHEUS_ADDRESS: "127.0.0.1:45069",
  });
  assert.deepEqual([...permissions.daemon["net"]!].sort(), networkHosts(config).sort());
  assert.deepEqual(Object.keys(permissions.daemon).sort(), ["env", "net", "read", "write"]);
});

const LINTERS: readonly (readonly [string, readonly string[]])[] = [
  ["hadolint", ["Dockerfile"]],
  ["yamllint", ["--strict", "--config-file", "deploy/yamllint.yaml", "deploy"]],
  ["kubernetes-validate", ["--strict", "deploy/kubernetes/transfunctioner.yaml"]],
  ["check-jsonschema", ["--builtin-schema", "vendor.compose-spec", "deploy/compose.yaml"]],
];

Deno.test("the linters on this machine have nothing against the files", async (t) => {
  for (const [program, args] of LINTERS) {
    const run = async () =>
      await new Deno.Command(program, { args: [...args], cwd: ROOT }).output();
    const result = await run().catch((error: unknown) => {
      if (error instanceof Deno.errors.NotFound) return null;
      throw error;
    });
    await t.step({
      name: result === null ? `SKIPPED: no ${program} on this machine` : program,
      ignore: result === null,
      fn: () => {
        const decoder = new TextDecoder();
        const said = decoder.decode(result!.stdout) + decoder.decode(result!.stderr);
        assert.equal(result!.code, 0, said);
      },
    });
  }
});
