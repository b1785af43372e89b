/**
 * The list of commands. Each loads its own file only when it is asked for: start-up time counts.
 *
 * @module
 */

import type { CommandSpec } from "./command.ts";

/** A command's name, its line in the overview, and how to load it. */
export interface RegistryEntry {
  readonly name: string;
  readonly summary: string;
  load(): Promise<CommandSpec>;
}

/** All commands in the order of the overview: first steps first. */
export const COMMANDS: readonly RegistryEntry[] = [
  {
    name: "init",
    summary: "make this machine's node identity and its keystore",
    load: async () => (await import("./init.ts")).command,
  },
  {
    name: "daemon",
    summary: "run the node",
    load: async () => (await import("./daemon.ts")).command,
  },
  {
    name: "identity",
    summary: "print this node's identity",
    load: async () => (await import("./identity.ts")).command,
  },
  {
    name: "status",
    summary: "show the node, its peers, its keys and what can sign now",
    load: async () => (await import("./status.ts")).command,
  },
  {
    name: "peers",
    summary: "list the peers of the mesh, or add one",
    load: async () => (await import("./peers.ts")).command,
  },
  {
    name: "keygen",
    summary: "make a key that no single machine holds",
    load: async () => (await import("./keygen.ts")).command,
  },
  {
    name: "sign",
    summary: "sign a file or a digest with a committee's key",
    load: async () => (await import("./sign.ts")).command,
  },
  {
    name: "reshare",
    summary: "hand a key to another committee",
    load: async () => (await import("./reshare.ts")).command,
  },
  {
    name: "keys",
    summary: "list the keys this node has a share of, or show one",
    load: async () => (await import("./keys.ts")).command,
  },
  {
    name: "ceremonies",
    summary: "list ceremonies; see who holds one up; approve, deny or abort one",
    load: async () => (await import("./ceremonies.ts")).command,
  },
  {
    name: "backup",
    summary: "write everything that this node cannot lose into one encrypted file",
    load: async () => (await import("./backup.ts")).command,
  },
  {
    name: "restore",
    summary: "put a backup into a home directory; never an older share over a newer one",
    load: async () => (await import("./restore.ts")).command,
  },
  {
    name: "log",
    summary: "show the audit log, or check that nobody has changed it",
    load: async () => (await import("./log.ts")).command,
  },
  {
    name: "audit",
    summary: "check a ceremony's transcript, and say who broke which rule",
    load: async () => (await import("./audit.ts")).command,
  },
  {
    name: "doctor",
    summary: "look for what is wrong with this node, and say what to do",
    load: async () => (await import("./doctor.ts")).command,
  },
  {
    name: "config",
    summary: "show each setting and where it comes from, or check them all",
    load: async () => (await import("./config.ts")).command,
  },
  {
    name: "import-home",
    summary: "move a Go node's identity, shares and pre-parameters here",
    load: async () => (await import("./import_home.ts")).command,
  },
  {
    name: "permissions",
    summary: "show what the process may do with this configuration, and why",
    load: async () => (await import("./permissions.ts")).command,
  },
  {
    name: "bugreport",
    summary: "write a report for whoever helps, without secrets",
    load: async () => (await import("./bugreport.ts")).command,
  },
  {
    name: "completions",
    summary: "print completions for bash, zsh or fish",
    load: async () => (await import("./completions.ts")).command,
  },
  {
    name: "manual",
    summary: "print the manual page",
    load: async () => (await import("./manual.ts")).command,
  },
  {
    name: "version",
    summary: "print the version",
    load: async () => (await import("./version.ts")).command,
  },
];

/** The overview that `transfunctioner --help` prints. */
export function overview(): string {
  const width = Math.max(...COMMANDS.map((c) => c.name.length));
  return `transfunctioner: threshold keys and signatures among nodes that do not trust each other

USAGE
  transfunctioner COMMAND [OPTIONS]

COMMANDS
${COMMANDS.map((c) => `  ${c.name.padEnd(width)}  ${c.summary}`).join("\n")}

Run \`transfunctioner COMMAND --help\` for the options and an example of each.

EXAMPLES
  transfunctioner init
  transfunctioner daemon --listen-address 0.0.0.0:45067 --connect peer.example.com:45067
  transfunctioner keygen --members ID,ID,ID --threshold 1
  transfunctioner sign --key KEY_ID --file contract.pdf
`;
}
