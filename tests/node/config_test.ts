import assert from "node:assert/strict";
import fc from "fast-check";
import { toHex, utf8 } from "../../lib/encoding/bytes.ts";
import {
  type Config,
  CONFIG_OPTIONS,
  ConfigError,
  type ConfigSources,
  describeConfig,
  loadConfig,
} from "../../lib/node/config.ts";
import {
  durationWithin,
  formatAddress,
  formatDuration,
  hostKind,
  parseAddress,
} from "../../lib/node/config_values.ts";
import { ValueError } from "../../lib/node/config_error.ts";
import { OPTIONS } from "../../lib/node/config_options.ts";

const KEY = "2f2431e1082fe4c391e490eb81ae1bd60896ec09b3d356d2535d06b9cb3eeb58";
const ID = "9f0b124d42dc504d050ce2cf0b4cab58f01b3fe8";

/** Loads with nothing set but what is given; `file` is the text of config.json. */
function load(
  { flags = {}, env = {}, file, cwd }: {
    flags?: ConfigSources["flags"];
    env?: ConfigSources["env"];
    file?: string;
    cwd?: string;
  } = {},
): Promise<Config> {
  return loadConfig({
    flags,
    env: { HOME: "/users/x", ...env },
    readFile: () => Promise.resolve(file === undefined ? null : utf8(file)),
    ...(cwd === undefined ? {} : { cwd: () => cwd }),
  });
}

async function refused(
  input: Parameters<typeof load>[0],
  message: RegExp,
  hint?: RegExp,
): Promise<void> {
  await assert.rejects(load(input), (error) => {
    assert.ok(error instanceof ConfigError, String(error));
    assert.match(error.message, message);
    if (hint !== undefined) assert.match(error.hint, hint);
    assert.equal(error.exit, 2);
    assert.ok(!error.message.includes("\n"));
    assert.ok(error.hint.length > 0);
    return true;
  });
}

Deno.test("loadConfig() gives defaults that start a node", async () => {
  const config = await load();
  const shown = Object.fromEntries(describeConfig(config).map((d) => [d.variable, d.value]));
  assert.deepEqual(shown, {
    TRF_HOME: "/users/x/.transfunctioner",
    TRF_LISTEN_ADDRESS: "0.0.0.0:45067",
    TRF_CONNECT: "",
    TRF_SEEDS: "",
    TRF_PEERS_WANTED: "8",
    TRF_HOSTNAME: "",
    TRF_DNS: "off",
    TRF_DNS_SERVER: "",
    TRF_SESSIONS_PER_IP: "4",
    TRF_SIGN_RETRIES: "2",
    TRF_ADMIN_ADDRESS: "127.0.0.1:45068",
    TRF_ADMIN_KEYS: "",
    TRF_INITIATORS: "",
    TRF_CONSENT: "auto",
    TRF_CONSENT_TIMEOUT: "10s",
    TRF_CONSENT_URL: "",
    TRF_CEREMONY_TIMEOUT: "10m",
    TRF_ROUND_TIMEOUT: "2m",
    TRF_PREPARAMS_TIMEOUT: "1m",
    TRF_PROMETHEUS_ADDRESS: "off",
    TRF_STATUS_PAGE: "false",
    TRF_LOG_LEVEL: "INFO",
    TRF_LOG_FORMAT: "text",
    TRF_TRANSCRIPTS: "",
    TRF_DEBUG_INITIATION: "false",
    TRF_PRIVATE_KEY: "",
    TRF_KEYSTORE_PASSPHRASE: "",
    TRF_PASSPHRASE_FILE: "",
    TRF_PPROF_ADDRESS: "",
  });
  assert.ok(describeConfig(config).every((d) => d.origin === "default"));
  assert.deepEqual(config.warnings, []);
});

Deno.test("loadConfig() knows every variable of the Go service", async () => {
  const env = {
    TRF_CONNECT: "a.example.com:45067,10.0.0.1:1",
    TRF_DNS: "all",
    TRF_HOME: "~/elsewhere",
    TRF_HOSTNAME: "me.example.com",
    TRF_LISTEN_ADDRESS: "localhost:45067",
    TRF_LOG_LEVEL: "transfunctionerd=INFO",
    TRF_PEERS_WANTED: "16",
    TRF_PPROF_ADDRESS: "localhost:6060",
    TRF_PREPARAMS_TIMEOUT: "1m30s",
    TRF_PRIVATE_KEY: KEY.toUpperCase(),
    TRF_PROMETHEUS_ADDRESS: "127.0.0.1:9000",
    TRF_SEEDS: "seed.example.com:45067",
  };
  const config = await load({ env });
  assert.deepEqual(config.connect, {
    value: [{ host: "a.example.com", port: 45067 }, { host: "10.0.0.1", port: 1 }],
    origin: "env TRF_CONNECT",
  });
  assert.equal(config.dns.value, "all");
  assert.equal(config.home.value, "/users/x/elsewhere");
  assert.equal(config.hostname.value, "me.example.com");
  assert.deepEqual(config.listenAddress.value, { host: "localhost", port: 45067 });
  assert.equal(config.logLevel.value.base, "info");
  assert.equal(config.peersWanted.value, 16);
  assert.equal(config.preparamsTimeout.value, 90_000);
  assert.equal(toHex(config.privateKey.value!.reveal()), KEY);
  assert.deepEqual(config.prometheusAddress.value, { host: "127.0.0.1", port: 9000 });
  assert.deepEqual(config.warnings.map((w) => w.split(" ")[0]), ["TRF_SEEDS", "TRF_PPROF_ADDRESS"]);
  for (const name of Object.keys(env)) {
    assert.ok(CONFIG_OPTIONS.some((o) => o.variable === name), name);
  }
});

Deno.test("loadConfig() lets the flag win over the variable, the file and the default", async () => {
  const file = '{"peers_wanted": 3, "consent": "manual", "round_timeout": "1m"}';
  const env = { TRF_PEERS_WANTED: "4", TRF_CONSENT: "" };
  const config = await load({ flags: { "peers-wanted": "5" }, env, file });
  assert.deepEqual(config.peersWanted, { value: 5, origin: "flag" });
  assert.deepEqual((await load({ env, file })).peersWanted, {
    value: 4,
    origin: "env TRF_PEERS_WANTED",
  });
  assert.deepEqual((await load({ file })).peersWanted, {
    value: 3,
    origin: "file /users/x/.transfunctioner/config.json",
  });
  assert.deepEqual((await load()).peersWanted, { value: 8, origin: "default" });
  // An empty variable is unset.
  assert.equal(config.consent.value, "manual");
  assert.equal(config.roundTimeout.value, 60_000);
});

Deno.test("loadConfig() reads every kind of value from the file", async () => {
  const file = JSON.stringify({
    connect: ["a.example.com:1", "b.example.com:2"],
    initiators: [ID],
    admin_keys: ID,
    debug_initiation: true,
    peers_wanted: 12,
    listen_address: "off",
    log_level: "WARN,mesh=DEBUG",
    passphrase_file: "/run/secrets/p",
  });
  const config = await load({ file });
  assert.equal(config.connect.value.length, 2);
  assert.deepEqual(config.initiators.value, [ID]);
  assert.deepEqual(config.adminKeys.value, [ID]);
  assert.equal(config.debugInitiation.value, true);
  assert.equal(config.listenAddress.value, null);
  assert.deepEqual(config.logLevel.value, {
    base: "warn",
    modules: new Map([["mesh", "debug"]]),
  });
  assert.equal(config.passphraseFile.value, "/run/secrets/p");
});

Deno.test("loadConfig() refuses a bad file by naming the key and a better one", async () => {
  await refused({ file: '{"conect": []}' }, /"conect" is not a setting/, /did you mean "connect"/);
  await refused({ file: '{"zzzzzzzzzz": 1}' }, /"zzzzzzzzzz" is not a setting/);
  await refused(
    { file: `{"private_key": "${KEY}"}` },
    /"private_key" is not a setting that a file may hold/,
    /TRF_PRIVATE_KEY/,
  );
  await refused({ file: '{"home": "/x"}' }, /"home" is not a setting that a file/, /TRF_HOME/);
  await refused({ file: '{"connect": [1]}' }, /"connect" in .*config\.json: is neither/);
  await refused({ file: '{"connect": ["a:1,b:2"]}' }, /is neither/);
  await refused({ file: '{"connect": null}' }, /is neither/);
  await refused({ file: '{"peers_wanted": 1.5}' }, /is neither/);
  await refused({ file: '{"peers_wanted": 0}' }, /"peers_wanted" in .*: "0" is not a whole number/);
  await refused({ file: "{" }, /config\.json: Cannot read JSON at character/);
  await refused({ file: "[]" }, /is not a JSON object/);
  await refused({ file: '{"consent":"auto","consent":"manual"}' }, /twice/);
});

Deno.test("loadConfig() refuses bad values in one line that says what to write", async () => {
  const cases: [string, string, RegExp][] = [
    ["TRF_CONNECT", "node1", /TRF_CONNECT: "node1" has no port/],
    ["TRF_CONNECT", "a:1, b:2", /has a blank in " b:2"/],
    ["TRF_CONNECT", "a:1,,b:2", /has an empty item/],
    ["TRF_CONNECT", "a:0", /port 0/],
    ["TRF_CONNECT", "a:70000", /no port from 1 to 65535/],
    ["TRF_CONNECT", "2001:db8::1:45067", /needs brackets/],
    ["TRF_CONNECT", "1.2.3:5", /no usable host/],
    ["TRF_CONNECT", "[a.example.com]:5", /no usable host/],
    ["TRF_LISTEN_ADDRESS", "everywhere", /has no port/],
    ["TRF_ADMIN_ADDRESS", "0.0.0.0:1", /not on this machine/],
    ["TRF_ADMIN_ADDRESS", "off", /has no port/],
    ["TRF_PEERS_WANTED", "many", /not a whole number/],
    ["TRF_PEERS_WANTED", "0", /not a whole number from 1/],
    ["TRF_DNS", "on", /not one of off, forward, reverse, all/],
    ["TRF_DNS", "forward", /needs a host name/],
    ["TRF_DNS_SERVER", "dns.example.com:53", /by a name/],
    ["TRF_DNS_SERVER", "10.0.0.2", /has no port/],
    ["TRF_SESSIONS_PER_IP", "0", /from 1 to 1024/],
    ["TRF_HOSTNAME", "a b", /not a host name/],
    ["TRF_INITIATORS", "abc", /"abc" is not an identity/],
    ["TRF_CONSENT", "yes", /not one of auto, manual/],
    ["TRF_CEREMONY_TIMEOUT", "10", /not a duration/],
    ["TRF_CEREMONY_TIMEOUT", "1m", /TRF_ROUND_TIMEOUT: is longer/],
    ["TRF_ROUND_TIMEOUT", "10ms", /not between 1s and 24h/],
    ["TRF_LOG_LEVEL", "LOUD", /"LOUD" has no level/],
    ["TRF_LOG_FORMAT", "xml", /not one of text, json/],
    ["TRF_DEBUG_INITIATION", "maybe", /neither on nor off/],
    ["TRF_PROMETHEUS_ADDRESS", "0.0.0.0:45067", /is taken by TRF_LISTEN_ADDRESS/],
    ["TRF_STATUS_PAGE", "1", /no listener to serve the page/],
    ["TRF_HOME", "relative", /relative/],
    ["TRF_TRANSCRIPTS", "/var/log", /not the name of a folder inside/],
    ["TRF_TRANSCRIPTS", "a/../../b", /not the name of a folder inside/],
  ];
  for (const [name, value, message] of cases) await refused({ env: { [name]: value } }, message);
  await refused({ flags: { connect: "x" } }, /^--connect: /);
  await refused({ env: { TRF_PRIVATE_KEY: KEY, TRF_KEYSTORE_PASSPHRASE: "p" } }, /both/);
  await refused(
    { env: { TRF_KEYSTORE_PASSPHRASE: "p", TRF_PASSPHRASE_FILE: "/p" } },
    /given twice/,
  );
  await refused({ env: { HOME: "" } }, /needs HOME/);
});

Deno.test("loadConfig() never repeats a secret", async () => {
  for (const bad of [KEY + "0", "0x" + KEY, KEY.slice(1), `${KEY} `]) {
    await assert.rejects(load({ env: { TRF_PRIVATE_KEY: bad } }), (error) => {
      assert.ok(error instanceof ConfigError);
      const text = error.message + error.hint + Deno.inspect(error);
      assert.ok(!text.includes(KEY.slice(1, 20)), text);
      return true;
    });
  }
  const passphrase = "correct horse battery";
  for (const env of [{ TRF_PRIVATE_KEY: KEY }, { TRF_KEYSTORE_PASSPHRASE: passphrase }]) {
    const config = await load({ env });
    for (
      const text of [
        Deno.inspect(config, { depth: 9 }),
        JSON.stringify(config),
        JSON.stringify(describeConfig(config)),
      ]
    ) {
      assert.ok(!text.includes(KEY) && !text.includes(passphrase), text);
      assert.ok(text.includes("[redacted]"));
    }
  }
});

Deno.test("loadConfig() warns of unknown variables and suggests the nearest", async () => {
  const env = { TRF_CONECT: "a:1", TRF_SOMETHING_ELSE_ENTIRELY: "1", OTHER: "x" };
  assert.deepEqual((await load({ env })).warnings, [
    "TRF_CONECT is not a variable of this program; is it TRF_CONNECT?",
    "TRF_SOMETHING_ELSE_ENTIRELY is not a variable of this program",
  ]);
});

Deno.test("loadConfig() turns DNS checks on with a host name, unless told otherwise", async () => {
  const hostname = { TRF_HOSTNAME: "me.example.com" };
  assert.deepEqual((await load({ env: hostname })).dns, { value: "forward", origin: "default" });
  assert.equal((await load({ env: { ...hostname, TRF_DNS: "off" } })).dns.value, "off");
});

Deno.test("loadConfig() makes the home directory absolute and plain", async () => {
  const at = async (home: string, cwd?: string) =>
    (await load({ env: { TRF_HOME: home }, ...(cwd === undefined ? {} : { cwd }) })).home.value;
  assert.equal(await at("~"), "/users/x");
  assert.equal(await at("~/a//b/./c/../d/"), "/users/x/a/b/d");
  assert.equal(await at("./n1", "/srv"), "/srv/n1");
  assert.equal(await at("/"), "/");
});

Deno.test("loadConfig() reads config.json from the disk", async () => {
  const home = await Deno.makeTempDir();
  try {
    const sources = { flags: { home }, env: {} };
    assert.equal((await loadConfig(sources)).consent.origin, "default");
    await Deno.writeTextFile(`${home}/config.json`, '{"consent":"manual"}');
    assert.equal((await loadConfig(sources)).consent.origin, `file ${home}/config.json`);
    await Deno.remove(`${home}/config.json`);
    await Deno.mkdir(`${home}/config.json`);
    await assert.rejects(loadConfig(sources), ConfigError);
  } finally {
    await Deno.remove(home, { recursive: true });
  }
});

Deno.test("parseAddress() and formatAddress() invert each other", () => {
  for (
    const text of [
      "a:1",
      "node-1.example.com:45067",
      "10.0.0.1:65535",
      "[::1]:45067",
      "[2001:db8::1]:1",
      "my_host.local:5",
    ]
  ) {
    assert.equal(formatAddress(parseAddress(text)), text);
  }
  assert.deepEqual(parseAddress(":45067", { listener: true }), { host: "0.0.0.0", port: 45067 });
  assert.equal(parseAddress("127.0.0.1:0", { listener: true }).port, 0);
  for (
    const text of [
      "",
      ":",
      "a",
      ":1",
      "a:",
      "a:b",
      "a:-1",
      "a:1:2",
      "[::1]",
      "::1:5",
      "[::1:5",
      "256.1.1.1:5",
      "01.1.1.1:5",
      "1.2.3.4.5:6",
      "a b:1",
      "-a:1",
      "a..b:1",
      "[::zz]:1",
      "a\n:1",
      "http://a:1",
    ]
  ) {
    assert.throws(() => parseAddress(text), ValueError, JSON.stringify(text));
  }
  assert.equal(hostKind("::ffff:1.2.3.4"), "ipv6");
  fc.assert(fc.property(fc.string({ maxLength: 40 }), (text) => {
    try {
      const address = parseAddress(text);
      assert.deepEqual(parseAddress(formatAddress(address)), address);
    } catch (error) {
      assert.ok(error instanceof ValueError);
    }
  }));
});

Deno.test("durationWithin() reads Go durations", () => {
  const read = durationWithin(0, 100 * 3_600_000);
  const cases: [string, number][] = [
    ["0", 0],
    ["0s", 0],
    ["1s", 1000],
    ["1m30s", 90_000],
    ["1.5h", 5_400_000],
    [".5s", 500],
    ["2h45m", 9_900_000],
    ["300ms", 300],
    ["1500us", 2],
    ["+1s", 1000],
  ];
  for (const [text, ms] of cases) assert.equal(read(text), ms, text);
  for (const text of ["", "1", "s", "-1s", "1d", "1 s", "1s ", "1..5s", ".s", "1e3s", "101h"]) {
    assert.throws(() => read(text), ValueError, text);
  }
  fc.assert(fc.property(fc.nat(24 * 3_600_000), (ms) => {
    assert.equal(read(formatDuration(ms)), ms);
  }));
});

Deno.test("CONFIG_OPTIONS is one consistent table", () => {
  const unique = (values: (string | null)[]) => {
    const present = values.filter((v) => v !== null);
    assert.equal(new Set(present).size, present.length);
  };
  unique(CONFIG_OPTIONS.map((o) => o.variable));
  unique(CONFIG_OPTIONS.map((o) => o.flag));
  unique(CONFIG_OPTIONS.map((o) => o.key));
  for (const { name, variable, flag, key, help, secret, parse, default: text } of CONFIG_OPTIONS) {
    assert.match(variable, /^TRF_[A-Z_]+$/);
    assert.equal(OPTIONS[name].variable, variable);
    const word = variable.slice(4).toLowerCase();
    if (flag !== null) assert.equal(flag, word.replaceAll("_", "-"));
    if (key !== null) assert.equal(key, word);
    if (secret === true) assert.deepEqual([flag, key], [null, null]);
    assert.ok(help.length > 10 && !help.endsWith("."), name);
    parse(text);
  }
});

Deno.test("loadConfig() takes a consent program on this machine only", async () => {
  const load = (url: string) =>
    loadConfig({
      flags: {},
      env: { TRF_HOME: "/n", TRF_CONSENT_URL: url },
      readFile: () => Promise.resolve(null),
    });
  for (
    const [url, shown] of [
      ["http://127.0.0.1:8080", "http://127.0.0.1:8080/"],
      ["http://localhost:1/a?b=c", "http://localhost:1/a?b=c"],
      ["http://[::1]:8080/x", "http://[::1]:8080/x"],
      ["unix:/run/c.sock", "unix:/run/c.sock"],
      ["unix:///run/c.sock", "unix:/run/c.sock"],
      ["", ""],
    ] as const
  ) {
    const row = describeConfig(await load(url)).find((o) => o.name === "consentUrl");
    assert.equal(row!.value, shown);
  }
  for (
    const url of [
      "http://10.0.0.1:8080/",
      "http://example.com:80/",
      "https://127.0.0.1:8080/",
      "http://127.0.0.1/",
      "http://127.0.0.1:0/",
      "http://user@127.0.0.1:8080/",
      "http://127.0.0.1:8080/#a",
      "http://127.0.0.1:8080/a b",
      "http://127.0.0.1:8080/\r\nX: y",
      "unix:run/c.sock",
      "unix:/run/a,b",
      "127.0.0.1:8080",
    ]
  ) {
    await assert.rejects(load(url), ConfigError, url);
  }
});
