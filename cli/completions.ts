/** `transfunctioner completions`. @module */

import { type CommandSpec, COMMON_OPTIONS, type OptionSpec } from "./command.ts";
import { EXIT, unknownWord, usageError } from "./exit.ts";
import { COMMANDS } from "./registry.ts";

/** One command as the scripts need it. */
interface Entry {
  readonly name: string;
  readonly summary: string;
  readonly verbs: readonly string[];
  readonly options: readonly (readonly [string, OptionSpec])[];
}

const SHELLS = ["bash", "zsh", "fish"];

/** Prints a completion script made from the same tables as the help. */
export const command: CommandSpec = {
  name: "completions",
  summary: "Print completions for bash, zsh or fish.",
  usage: "bash|zsh|fish",
  about: `For bash: transfunctioner completions bash > ~/.local/share/bash-completion/completions/\\
transfunctioner; for zsh: into a file _transfunctioner in a directory of $fpath; for fish: into
~/.config/fish/completions/transfunctioner.fish.`,
  maxWords: 1,
  verbs: SHELLS,
  options: {},
  examples: ["transfunctioner completions bash", "transfunctioner completions fish | source"],
  async run({ terminal, words }) {
    const [shell] = words;
    if (shell === undefined) {
      throw usageError("completions: the shell is missing", `known: ${SHELLS.join(", ")}`);
    }
    if (!SHELLS.includes(shell)) throw unknownWord("completions", shell, SHELLS);
    const entries = await Promise.all(COMMANDS.map(async ({ name, summary, load }) => {
      const { verbs, options } = await load();
      return {
        name,
        summary,
        verbs: verbs ?? [],
        options: Object.entries({ ...options, ...COMMON_OPTIONS }),
      };
    }));
    terminal.out({ bash, zsh, fish }[shell as "bash" | "zsh" | "fish"](entries));
    return EXIT.done;
  },
};

/** Whether the value is a file's or a directory's name. */
function isPath(spec: OptionSpec): boolean {
  return spec.value === "PATH" || spec.value === "DIR" || spec.value === "FILE";
}

/** Options whose value is a path, or is anything else, as `--a|--b`. */
function valued(entry: Entry, path: boolean): string {
  return entry.options.filter(([, s]) => s.value !== undefined && isPath(s) === path)
    .map(([name]) => `--${name}`).join("|");
}

function bash(entries: readonly Entry[]): string {
  const cases = entries.map((e) => {
    const words = [...e.verbs, ...e.options.map(([name]) => `--${name}`)].join(" ");
    const paths = valued(e, true);
    const others = valued(e, false);
    return `    ${e.name})
      case $before in
${paths === "" ? "" : `        ${paths}) compopt -o default; return ;;\n`}${
      others === "" ? "" : `        ${others}) return ;;\n`
    }      esac
      words="${words}" ;;`;
  });
  return `# bash completion for transfunctioner
_transfunctioner() {
  local word=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD-1]} words=
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    words="${entries.map((e) => e.name).join(" ")} help"
  else
    case \${COMP_WORDS[1]} in
${cases.join("\n")}
    esac
  fi
  COMPREPLY=($(compgen -W "$words" -- "$word"))
}
complete -F _transfunctioner transfunctioner
`;
}

/** A text inside single quotes, for zsh's and fish's descriptions. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

function zsh(entries: readonly Entry[]): string {
  const escape = (text: string) => text.replace(/[\\:[\]]/g, "\\$&");
  const cases = entries.map((e) => {
    const options = e.options.map(([name, s]) => {
      const value = s.value === undefined
        ? ""
        : `:${escape(s.value)}:${isPath(s) ? "_files" : " "}`;
      return quoted(`--${name}[${escape(s.help)}]${value}`);
    });
    const verbs = e.verbs.length === 0 ? [] : [quoted(`1:word:(${e.verbs.join(" ")})`)];
    return `    ${e.name}) _arguments ${[...verbs, ...options].join(" ")} ;;`;
  });
  return `#compdef transfunctioner
_transfunctioner() {
  if (( CURRENT == 2 )); then
    local -a names=(
${entries.map((e) => `      ${quoted(`${e.name}:${escape(e.summary)}`)}`).join("\n")}
    )
    _describe command names
    return
  fi
  local name=$words[2]
  words=($words[1] $words[3,-1])
  (( CURRENT-- ))
  case $name in
${cases.join("\n")}
  esac
}
_transfunctioner "$@"
`;
}

function fish(entries: readonly Entry[]): string {
  const lines = ["# fish completion for transfunctioner", "complete -c transfunctioner -f"];
  for (const e of entries) {
    lines.push(
      `complete -c transfunctioner -n __fish_use_subcommand -a ${e.name} -d ${quoted(e.summary)}`,
    );
    const within = `complete -c transfunctioner -n '__fish_seen_subcommand_from ${e.name}'`;
    if (e.verbs.length > 0) lines.push(`${within} -a '${e.verbs.join(" ")}'`);
    for (const [name, s] of e.options) {
      const value = s.value === undefined ? "" : isPath(s) ? " -r -F" : " -x";
      lines.push(`${within} -l ${name}${value} -d ${quoted(s.help)}`);
    }
  }
  return lines.join("\n") + "\n";
}
