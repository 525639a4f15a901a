import { expect, test } from "vitest";
import { COMMANDS, completions } from "./commands/all.ts";
import { parse } from "./commands/command.ts";
import { findCommand } from "./run-cli.ts";

const parsed = (...words: string[]) => {
  const found = findCommand(COMMANDS, words)!;
  return parse(found, words.slice(found.name.length));
};

test("options are parsed with their types, several times where they may be", () => {
  const { options, positionals } = parsed(
    ...["project", "run", "db", "--head=a.sql", "-v", "a=1", "-v", "b=x=y", "--csv"],
  );
  expect(positionals).toEqual(["db"]);
  expect(options).toMatchObject({
    head: "a.sql",
    var: ["a=1", "b=x=y"],
    csv: true,
    json: false,
    keep: undefined,
  });
});

test.each([
  [["project", "run", "--keep", "some"], "--keep is one of auto, all, tail, not some"],
  [["project", "run", "a", "b"], "quern project run takes [PATH]"],
  [["project", "run", "--nonsense"], "Unknown option '--nonsense'"],
  [["project", "run", "--head"], "argument missing"],
  [["jobs", "show"], "quern jobs show takes ID"],
  [["status", "--json=yes"], "does not take an argument"],
])("%j is refused: %s", (words, message) => {
  expect(() => parsed(...words)).toThrow(message);
});

test("every command has a name, a summary and words for its options", () => {
  const names = COMMANDS.map(({ name }) => name.join(" "));
  expect(new Set(names).size).toBe(names.length);
  for (const { summary, options } of COMMANDS) {
    expect(summary).toMatch(/^[A-Z].*[^.]$/);
    const shorts = Object.values(options).flatMap(({ short }) => short ?? []);
    expect(new Set(shorts).size).toBe(shorts.length);
    expect(shorts).not.toContain("h");
  }
});

test("completion knows commands, options, choices and the files of the folder", () => {
  expect(completions([""])).toEqual(expect.arrayContaining(["project", "jobs", "completion"]));
  expect(completions(["project", "p"])).toEqual(["plan", "push", "pull"]);
  expect(completions(["project", "run", "--no"])).toEqual(["--no-cache"]);
  expect(completions(["project", "run", "--keep", ""])).toEqual(["auto", "all", "tail"]);
  expect(completions(["project", "run", "--keep", "all", "--ke"])).toEqual([]);
  const folder = new URL("../../../examples/projects/outages", import.meta.url).pathname;
  expect(completions(["project", "run", folder, "--head", "bench/01"])).toEqual([
    "bench/010_worst_days.sql",
  ]);
  // Where files are meant, nothing is said: then the shell offers files.
  expect(completions(["project", "run", "exa"])).toEqual([]);
});
