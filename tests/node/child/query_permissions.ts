/**
 * Run by permissions_test.ts: prints which permissions this process has. Argument: home.
 */
const home = Deno.args[0]!;
const asked: Deno.PermissionDescriptor[] = [
  { name: "read", path: `${home}/x` },
  { name: "read", path: "/etc/passwd" },
  { name: "write", path: `${home}/x` },
  { name: "write", path: `${home}-other` },
  { name: "env", variable: "TRF_HOME" },
  { name: "env", variable: "HOME" },
  { name: "env", variable: "LD_PRELOAD" },
  { name: "net", host: "0.0.0.0:45067" },
  { name: "net", host: "203.0.113.5:45067" },
  { name: "net", host: "203.0.113.5:45070" },
  { name: "net", host: "127.0.0.1:45068" },
  { name: "net", host: "peer.invalid:45067" },
  { name: "net", host: "[2001:db8::1]:45070" },
  { name: "net", host: "203.0.113.5:443" },
  { name: "net", host: "203.0.113.5:45068" },
  { name: "net", host: "other.invalid:45067" },
  { name: "net", host: "[2001:db8::2]:45067" },
  { name: "run" },
  { name: "ffi" },
  { name: "sys" },
  { name: "import" },
];
const granted: string[] = [];
const denied: string[] = [];
for (const descriptor of asked) {
  const { name, ...rest } = descriptor;
  const label = `${name} ${Object.values(rest).join("")}`;
  const { state } = await Deno.permissions.query(descriptor);
  (state === "granted" ? granted : denied).push(label);
}
Deno.stdout.writeSync(new TextEncoder().encode(JSON.stringify({ granted, denied })));
