/** `transfunctioner manual`. @module */

import { CONFIG_OPTIONS } from "../lib/node/config_options.ts";
import { VERSION } from "../lib/version.ts";
import { type CommandSpec, COMMON_OPTIONS } from "./command.ts";
import { EXIT } from "./exit.ts";
import { COMMANDS } from "./registry.ts";

const EXIT_TEXTS: Readonly<Record<keyof typeof EXIT, string>> = {
  done: "The job was done.",
  failed: "The job was tried and failed.",
  usage: "The command line, a variable or the configuration cannot be used.",
  refused: "A node said no: not allowed, not ready, already used.",
  timedOut: "Nobody said no, but the answer did not come in time.",
};

/** Prints the manual page in roff, made from the same tables as the help. */
export const command: CommandSpec = {
  name: "manual",
  summary: "Print the manual page.",
  usage: "",
  about: "In roff, for man(1).",
  maxWords: 0,
  options: {},
  examples: [
    "transfunctioner manual > ~/.local/share/man/man1/transfunctioner.1",
    "transfunctioner manual | man -l -",
  ],
  async run({ terminal }) {
    const specs = await Promise.all(COMMANDS.map((c) => c.load()));
    terminal.out(page(specs));
    return EXIT.done;
  },
};

/** Escapes text for roff: backslashes, hyphens that are to be typed, leading dots, non-ASCII. */
function roff(text: string): string {
  return text.replaceAll("\\", "\\e").replaceAll("-", "\\-").replace(/^([.'])/gm, "\\&$1")
    .replace(
      /[^\n -~]/gu,
      (c) => `\\[u${c.codePointAt(0)!.toString(16).toUpperCase().padStart(4, "0")}]`,
    );
}

function tagged(tag: string, text: string): string {
  return `.TP\n\\fB${roff(tag)}\\fR\n${roff(text)}`;
}

/** A macro's argument in double quotes. */
function argument(text: string): string {
  return `"${roff(text).replaceAll('"', "\\(dq")}"`;
}

/** Builds the page. */
function page(commands: readonly CommandSpec[]): string {
  const out = [
    `.TH TRANSFUNCTIONER 1 "" ${argument(`transfunctioner ${VERSION}`)} "User Commands"`,
    ".SH NAME",
    "transfunctioner \\- threshold keys and signatures among nodes that do not trust each other",
    ".SH SYNOPSIS",
    "\\fBtransfunctioner\\fR \\fICOMMAND\\fR [\\fIOPTIONS\\fR]",
    ".SH DESCRIPTION",
    roff(
      "Operators run one node each. The nodes make keys that no machine ever holds, and sign with",
    ),
    roff("them when enough operators agree. One program is both the node and its command line."),
    ".SH COMMANDS",
  ];
  for (const c of commands) {
    out.push(`.SS ${argument(`transfunctioner ${c.name} ${c.usage}`.trim())}`, roff(c.summary));
    if (c.about !== undefined) out.push(".PP", roff(c.about));
    // The daemon's options are the settings below; they are not repeated for each command.
    const settings = new Set(CONFIG_OPTIONS.map((o) => o.flag));
    const own = Object.entries(c.options).filter(([name]) => !settings.has(name));
    for (const [name, o] of own) {
      const short = o.short === undefined ? "" : `-${o.short}, `;
      out.push(tagged(`${short}--${name}${o.value === undefined ? "" : ` ${o.value}`}`, o.help));
    }
    out.push(".PP", "Examples:", ".PP", ".nf", ...c.examples.map(roff), ".fi");
  }
  out.push(".SH COMMON OPTIONS");
  for (const [name, o] of Object.entries(COMMON_OPTIONS)) out.push(tagged(`--${name}`, o.help));
  out.push(
    ".SH SETTINGS",
    roff("The option wins over the variable, the variable over config.json in the home directory."),
  );
  for (const o of CONFIG_OPTIONS) {
    const value = o.placeholder === "" ? "" : ` ${o.placeholder}`;
    const flag = o.flag === null ? "" : `, --${o.flag}${value}`;
    const fallback = o.default === "" ? "" : ` Default: ${o.default}.`;
    out.push(tagged(`${o.variable}${flag}`, `${o.help}.${fallback}`));
  }
  out.push(".SH EXIT STATUS");
  for (const [name, code] of Object.entries(EXIT)) {
    out.push(tagged(String(code), EXIT_TEXTS[name as keyof typeof EXIT]));
  }
  out.push(
    ".SH ENVIRONMENT",
    roff("NO_COLOR, if set to anything, keeps colour out of the output."),
  );
  return out.join("\n") + "\n";
}
