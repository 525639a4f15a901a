/** A command as a value: parsing, help and completion are made of it. */
import { parseArgs } from "node:util";
import type { Client } from "@quern/contract/client";
import { type Exit, UsageError } from "../faults.ts";
import type { Fetch } from "../http.ts";
import type { Interrupts } from "../interrupts.ts";
import type { CliSettings } from "../settings.ts";
import type { Terminal } from "../terminal.ts";

export type Option = {
  type: "string" | "boolean";
  short?: string;
  /** It may be given several times. */
  multiple?: boolean;
  /** What stands for its value in the help: `FILE`. */
  value?: string;
  choices?: readonly string[];
  words: string;
};
export type Options = Readonly<Record<string, Option>>;

type Value<O extends Option> = O["type"] extends "boolean"
  ? boolean
  : O extends { multiple: true }
    ? string[]
    : O extends { choices: readonly (infer C)[] }
      ? C | undefined
      : string | undefined;
export type Values<O extends Options> = { [K in keyof O]: Value<O[K]> };

/** What a command works with; tests make their own. */
export type Context = {
  settings: CliSettings;
  /** The folder that relative paths are of. */
  folder: string;
  terminal: Terminal;
  interrupts: Interrupts;
  client: Client;
  /** The client's own fetch, for streams; addresses are `client.url(…)`. */
  fetch: Fetch;
  environment: NodeJS.ProcessEnv;
};

export type Call<O extends Options = Options> = {
  positionals: string[];
  options: Values<O>;
  context: Context;
};

export type Command<O extends Options = Options> = {
  /** Its words: `["project", "run"]`. */
  name: readonly string[];
  /** What it takes besides options, for the help: `PATH`. */
  takes: string;
  /** How many of them there must be, and may be. */
  count: { min: number; max: number };
  summary: string;
  /** More sentences of the help. */
  details?: string;
  options: O;
  run(call: Call<O>): Promise<Exit>;
};

/** Says a command with the types of its options. */
export function command<const O extends Options>(declaration: Command<O>): Command {
  return {
    ...declaration,
    // The values are parsed by these very options.
    run: (call) => declaration.run(call as Call<O>),
  };
}

/** What was typed after the command's words. Throws `UsageError`. */
export function parse(
  { name, options, count, takes }: Command,
  words: readonly string[],
): Pick<Call, "positionals" | "options"> {
  const config = Object.fromEntries(
    Object.entries(options).map(([key, { type, short, multiple }]) => [
      key,
      { type, multiple: multiple ?? false, ...(short === undefined ? {} : { short }) },
    ]),
  );
  const { values, positionals } = parsed(words, config);
  const filled: Record<string, unknown> = {};
  for (const [key, { type, multiple, choices }] of Object.entries(options)) {
    const value = values[key] ?? (type === "boolean" ? false : multiple ? [] : undefined);
    if (choices !== undefined) checkChoices(key, choices, value);
    filled[key] = value;
  }
  if (positionals.length < count.min || positionals.length > count.max) {
    const what = takes === "" ? "nothing besides options" : takes;
    throw new UsageError(`quern ${name.join(" ")} takes ${what}`);
  }
  return { positionals, options: filled as Call["options"] };
}

function checkChoices(key: string, choices: readonly string[], value: unknown): void {
  for (const one of [value].flat()) {
    if (one !== undefined && !choices.includes(String(one)))
      throw new UsageError(`--${key} is one of ${choices.join(", ")}, not ${String(one)}`);
  }
}

function parsed(words: readonly string[], options: Parameters<typeof parseArgs>[0] & object) {
  try {
    return parseArgs({ args: [...words], options: options as never, allowPositionals: true });
  } catch (error) {
    // ERR_PARSE_ARGS_…: its first sentence is for people, the rest is about parseArgs.
    if (error instanceof TypeError) throw new UsageError(error.message.split(". ")[0]!);
    throw error;
  }
}
