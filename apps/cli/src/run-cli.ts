import type { Command, Context } from "./commands/command.ts";
import { parse } from "./commands/command.ts";
import { connect, inWords } from "./connection.ts";
import { EXIT, type Exit, UsageError } from "./faults.ts";
import { helpOf, overview } from "./help.ts";
import { InterruptedError } from "./interrupts.ts";

export type World = Omit<Context, "client" | "fetch"> & {
  version: string;
  /** Of the shell's completion: what the last of the words may become. */
  completions: (words: readonly string[]) => string[];
};

/** Does what was typed and says how it ended. Errors that nobody foresaw are thrown. */
export async function runCli(
  commands: readonly Command[],
  words: readonly string[],
  world: World,
): Promise<Exit> {
  const { terminal } = world;
  try {
    if (words[0] === "--version" || words[0] === "-V" || words[0] === "version") {
      await terminal.out(`quern ${world.version}\n`);
      return EXIT.ok;
    }
    if (words[0] === "__complete") {
      for (const word of world.completions(words.slice(1))) await terminal.out(`${word}\n`);
      return EXIT.ok;
    }
    const asked = words.filter((word) => word !== "help" || words.indexOf(word) > 0);
    const found = findCommand(commands, asked) ?? listOf(commands, asked);
    const wantsHelp = words[0] === "help" || wantsItsHelp(asked);
    if (wantsHelp || words.length === 0) {
      await terminal.out(
        found === null
          ? overview(within(commands, asked), terminal.colours.out)
          : helpOf(found, terminal.colours.out),
      );
      return EXIT.ok;
    }
    if (found === null) throw new UsageError(unknownWords(commands, asked));
    const own = found.name.every((word, index) => asked[index] === word) ? found.name.length : 1;
    const call = parse(found, asked.slice(own));
    return await found.run({ ...call, context: contextOf(world) });
  } catch (error) {
    terminal.progress(null);
    return ended(error, world);
  }
}

/** The client comes when a command first asks for it: help and completion need none. */
function contextOf(world: World): Context {
  let made: ReturnType<typeof connect> | undefined;
  const connected = () => (made ??= connect(world.settings));
  return {
    ...world,
    get client() {
      return connected().client;
    },
    get fetch() {
      return connected().fetch;
    },
  };
}

function ended(error: unknown, { terminal, settings, interrupts }: World): Exit {
  const interrupted = interrupts.signal.aborted && interrupts.signal.reason === error;
  if (interrupted || error instanceof InterruptedError) return EXIT.canceled;
  const known = inWords(error, settings.QUERN_URL);
  if (known === null) throw error;
  terminal.say(`${terminal.colours.err.red("error:")} ${known.words}`);
  if (error instanceof UsageError) terminal.say("quern help says what there is.");
  return known.exit;
}

/** The command whose words these begin with; the longest name wins. */
export function findCommand(
  commands: readonly Command[],
  words: readonly string[],
): Command | null {
  const fitting = commands.filter(({ name }) => name.every((word, index) => words[index] === word));
  return fitting.toSorted((a, b) => b.name.length - a.name.length)[0] ?? null;
}

/** `quern jobs` alone lists them. */
function listOf(commands: readonly Command[], words: readonly string[]): Command | null {
  const [noun, next] = words;
  if (noun === undefined || (next !== undefined && !next.startsWith("-"))) return null;
  if (next === "--help" || next === "-h" || noun === "project") return null;
  return commands.find(({ name }) => name[0] === noun && name[1] === "list") ?? null;
}

function wantsItsHelp(words: readonly string[]): boolean {
  const end = words.indexOf("--");
  return (end === -1 ? words : words.slice(0, end)).some(
    (word) => word === "--help" || word === "-h",
  );
}

/** Commands that begin with the first word, `quern project --help`; all when there is none. */
function within(commands: readonly Command[], words: readonly string[]): readonly Command[] {
  const some = commands.filter(({ name }) => name[0] === words[0]);
  return some.length > 0 ? some : commands;
}

function unknownWords(commands: readonly Command[], words: readonly string[]): string {
  const some = commands.filter(({ name }) => name[0] === words[0]);
  const typed = words
    .filter((word) => !word.startsWith("-"))
    .slice(0, 2)
    .join(" ");
  if (some.length > 0) {
    const verbs = some.map(({ name }) => name[1]).filter(Boolean);
    return `quern ${words[0]} needs one of: ${verbs.join(", ")}`;
  }
  return `There is no command ${typed || words[0]}`;
}
