/** Completion for shells: a few lines of script that ask `quern __complete` for what fits. */
import type { Command } from "./commands/command.ts";
import { findCommand } from "./run-cli.ts";

export const SHELLS = ["bash", "zsh"] as const;

const SCRIPTS: Record<(typeof SHELLS)[number], string> = {
  bash: `# quern: eval "$(quern completion bash)", in ~/.bashrc
_quern() {
  local IFS=$'\\n'
  COMPREPLY=($(quern __complete "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -o default -F _quern quern
`,
  zsh: `#compdef quern
# quern: eval "$(quern completion zsh)", in ~/.zshrc after compinit
_quern() {
  local -a found
  found=("\${(@f)$(quern __complete "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  if [[ -n "$found[1]" ]]; then compadd -a found; else _files; fi
}
compdef _quern quern
`,
};

export function completionScript(shell: (typeof SHELLS)[number]): string {
  return SCRIPTS[shell];
}

/**
 * What the last of `words` may become; nothing where the shell should offer files. `heads` lists the SQL files of the folder
 * that was named.
 */
export function complete(
  commands: readonly Command[],
  words: readonly string[],
  heads: (folder: string) => string[],
): string[] {
  const last = words.at(-1) ?? "";
  const before = words.slice(0, -1);
  const fitting = (candidates: readonly string[]) =>
    [...new Set(candidates)].filter((candidate) => candidate.startsWith(last));
  const found = findCommand(commands, before);
  if (found === null || couldGoOn(commands, found, before)) {
    const next = commands
      .filter(({ name }) => before.every((word, index) => name[index] === word))
      .flatMap(({ name }) => name[before.length] ?? []);
    if (next.length > 0) return fitting(next);
  }
  if (found === null) return [];
  const option = optionAt(found, before.at(-1));
  if (option !== null) {
    const { type, choices } = found.options[option]!;
    if (type === "string" && choices) return fitting(choices);
    if (option === "head") return fitting(heads(folderOf(found, before)));
    if (type === "string") return [];
  }
  if (!last.startsWith("-")) return [];
  const given = new Set(before);
  const left = Object.entries(found.options).filter(
    ([name, { multiple }]) => multiple || !given.has(`--${name}`),
  );
  return fitting([...left.map(([name]) => `--${name}`), "--help"]);
}

/** `quern jobs` is a command, and `quern jobs logs` is another. */
function couldGoOn(
  commands: readonly Command[],
  found: Command,
  before: readonly string[],
): boolean {
  return (
    before.length === found.name.length &&
    commands.some(
      ({ name }) =>
        name.length > before.length && found.name.every((word, index) => name[index] === word),
    )
  );
}

function optionAt({ options }: Command, word: string | undefined): string | null {
  const entry = Object.entries(options).find(
    ([name, { short }]) => word === `--${name}` || (short !== undefined && word === `-${short}`),
  );
  return entry?.[0] ?? null;
}

/** The first word after the command that is no option. */
function folderOf(found: Command, before: readonly string[]): string {
  const words = before.slice(found.name.length);
  const positional = words.find((word, index) => {
    const after = optionAt(found, words[index - 1]);
    return !word.startsWith("-") && (after === null || found.options[after]!.type === "boolean");
  });
  return positional ?? ".";
}
