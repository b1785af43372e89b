/**
 * The permission flags: what they say, and that Deno takes them to mean it.
 */
import assert from "node:assert/strict";
import { ConfigError, loadConfig } from "../../lib/node/config.ts";
import { daemonPermissions, networkHosts } from "../../lib/node/permissions.ts";

const load = (env: Record<string, string>) =>
  loadConfig({ flags: {}, env, readFile: () => Promise.resolve(null) });

Deno.test("daemonPermissions() grants the home directory, TRF_* and the ports only", async () => {
  assert.deepEqual(daemonPermissions(await load({ TRF_HOME: "/n" })), [
    "--no-prompt",
    "--no-remote",
    "--frozen",
    "--allow-read=/n",
    "--allow-write=/n",
    "--allow-env=TRF_*",
    "--allow-net=0.0.0.0/0:45067,0.0.0.0:45067,127.0.0.1:45068",
  ]);
  const config = await load({
    TRF_HOME: "/n",
    TRF_PASSPHRASE_FILE: "/run/p",
    TRF_LISTEN_ADDRESS: "[::]:5000",
    TRF_ADMIN_ADDRESS: "[::1]:5001",
    TRF_PROMETHEUS_ADDRESS: "127.0.0.1:5002",
    TRF_CONNECT: "a.example.com:6000,10.0.0.1:6001,[2001:db8::1]:6000",
  });
  assert.equal(daemonPermissions(config)[3], "--allow-read=/n,/run/p");
  assert.deepEqual(networkHosts(config), [
    "0.0.0.0/0:5000",
    "0.0.0.0/0:6000",
    "0.0.0.0/0:6001",
    "127.0.0.1:5002",
    "[2001:db8::1]:6000",
    "[::1]:5001",
    "[::]:5000",
    "a.example.com:6000",
  ]);
  const asksNameServers = async (env: Record<string, string>) =>
    networkHosts(await load({ TRF_HOME: "/n", ...env })).includes("0.0.0.0/0:53");
  assert.equal(await asksNameServers({ TRF_CONNECT: "a.example.com:6000" }), false);
  assert.equal(await asksNameServers({ TRF_HOSTNAME: "a.example.com" }), true);
  assert.equal(await asksNameServers({ TRF_SEEDS: "a.example.com:6000" }), true);
  assert.equal(await asksNameServers({ TRF_SEEDS: "10.0.0.1:6000" }), false);
  await assert.rejects(
    async () => daemonPermissions(await load({ TRF_HOME: "/a,b" })),
    (error) => error instanceof ConfigError && /comma/.test(error.message),
  );
});

Deno.test("networkHosts() has the name servers of a daemon that asks them", async () => {
  const system = [{ host: "10.0.0.2", port: 53 }];
  const asked = async (env: Record<string, string>) => {
    const hosts = networkHosts(await load({ TRF_HOME: "/n", ...env }), system);
    return hosts.filter((host) => /:53$|:5353$/.test(host));
  };
  assert.deepEqual(await asked({}), []);
  assert.deepEqual(await asked({ TRF_SEEDS: "10.0.0.1:1" }), []);
  assert.deepEqual(await asked({ TRF_SEEDS: "a.test:1" }), ["10.0.0.2:53"]);
  assert.deepEqual(await asked({ TRF_SEEDS: "a.test:1", TRF_CONNECT: "10.0.0.1:1" }), []);
  assert.deepEqual(await asked({ TRF_DNS: "reverse" }), ["10.0.0.2:53"]);
  const own = { TRF_DNS: "reverse", TRF_DNS_SERVER: "[2001:db8::53]:5353" };
  assert.deepEqual(await asked(own), ["[2001:db8::53]:5353"]);
});

Deno.test("Deno grants a daemon what daemonPermissions() names, and nothing beside it", async () => {
  const home = await Deno.makeTempDir();
  try {
    const config = await load({
      TRF_HOME: home,
      TRF_CONNECT: "peer.invalid:45067,[2001:db8::1]:45070",
    });
    const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "--quiet",
        ...daemonPermissions(config),
        new URL("./child/query_permissions.ts", import.meta.url).pathname,
        home,
      ],
      env: { TRF_HOME: home },
    }).output();
    const text = new TextDecoder().decode(stdout);
    assert.notEqual(text, "", new TextDecoder().decode(stderr));
    assert.deepEqual(JSON.parse(text), {
      granted: [
        `read ${home}/x`,
        `write ${home}/x`,
        "env TRF_HOME",
        "net 0.0.0.0:45067",
        "net 203.0.113.5:45067",
        "net 203.0.113.5:45070",
        "net 127.0.0.1:45068",
        "net peer.invalid:45067",
        "net [2001:db8::1]:45070",
      ],
      denied: [
        "read /etc/passwd",
        `write ${home}-other`,
        "env HOME",
        "env LD_PRELOAD",
        "net 203.0.113.5:443",
        "net 203.0.113.5:45068",
        "net other.invalid:45067",
        "net [2001:db8::2]:45067",
        "run ",
        "ffi ",
        "sys ",
        "import ",
      ],
    });
  } finally {
    await Deno.remove(home, { recursive: true });
  }
});

Deno.test("daemonPermissions() has the consent program's address only when one is set", async () => {
  const added = async (url: string) => {
    const before = daemonPermissions(await load({ TRF_HOME: "/n" }));
    const after = daemonPermissions(await load({ TRF_HOME: "/n", TRF_CONSENT_URL: url }));
    return after.flatMap((flag, i) => {
      const scopes = (text: string) => text.split("=")[1]?.split(",") ?? [];
      return scopes(flag).filter((s) => !scopes(before[i]!).includes(s));
    });
  };
  assert.deepEqual(await added(""), []);
  assert.deepEqual(await added("http://127.0.0.1:8080/consent"), ["127.0.0.1:8080"]);
  assert.deepEqual(await added("http://[::1]:8080"), ["[::1]:8080"]);
  assert.deepEqual(await added("unix:/run/tf/c.sock"), [
    "/run/tf/c.sock",
    "/run/tf/c.sock",
    "unix:/run/tf/c.sock",
  ]);
});
