import type { Colours } from "./colours.ts";
import type { Command, Option } from "./commands/command.ts";
import { padded } from "./formats/width.ts";

const EXIT_WORDS =
  "Exit codes: 0 done, 1 SQL or a test failed, 2 not understood, 3 Quern cannot be reached or refuses the token, 4 canceled, 5 timed out.";

/** Every command, one a line. */
export function overview(commands: readonly Command[], { bold }: Colours): string {
  const names = commands.map(usage);
  const width = Math.min(34, Math.max(...names.map((name) => name.length)));
  const lines = commands.map(({ summary }, index) => {
    const name = names[index]!;
    const gap = name.length > width ? `\n  ${" ".repeat(width)}` : "";
    return `  ${padded(name, width)}${gap}  ${summary}`;
  });
  return [
    `${bold("quern")}: a team's SQL from a terminal`,
    "",
    ...lines,
    "",
    "  quern COMMAND --help says more of one.",
    "",
    "QUERN_URL is the address of Quern (http://localhost:3000 when not set), QUERN_TOKEN an access token,",
    "made on the page Access tokens. QUERN_CA_FILE: certificates to trust, for a server with its own CA.",
    EXIT_WORDS,
    "",
  ].join("\n");
}

/** One command with its options. */
export function helpOf(command: Command, { bold }: Colours): string {
  const options = Object.entries(command.options).map(
    ([name, option]) => [optionWords(name, option), option.words] as const,
  );
  const width = Math.max(12, ...options.map(([words]) => words.length));
  const lines = [...options, [`${" ".repeat(4)}--help`, "Say this"] as const].map(
    ([words, meaning]) => `  ${padded(words, width)}  ${meaning}`,
  );
  return [
    `${bold(`quern ${usage(command)}`)} [OPTIONS]`,
    "",
    `${command.summary}.`,
    ...(command.details === undefined ? [] : ["", command.details]),
    "",
    "Options:",
    ...lines,
    "",
  ].join("\n");
}

function usage({ name, takes }: Command): string {
  return [...name, takes].filter(Boolean).join(" ");
}

function optionWords(name: string, option: Option): string {
  const short = option.short === undefined ? "    " : `-${option.short}, `;
  const value =
    option.type === "boolean" ? "" : ` ${option.value ?? option.choices?.join("|") ?? "TEXT"}`;
  return `${short}--${name}${value}`;
}
