import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { DEFAULT_RULES, isIgnored, rulesOf } from "./ignore.ts";

/** Whether a file is left out, when its folders are asked for first, as a walk does. */
function leavesOut(text: string, path: string): boolean {
  const rules = rulesOf(text, "");
  const segments = path.split("/");
  return segments.some((_, index) =>
    isIgnored(rules, segments.slice(0, index + 1).join("/"), index < segments.length - 1),
  );
}

test.each([
  ["*.log", "a/b.log", true],
  ["/a.sql", "b/a.sql", false],
  ["a/", "a", false],
  ["a/", "x/a/b.sql", true],
  ["a/**/b", "a/x/y/b", true],
  ["a/**/b", "a/b", true],
  ["**/b", "a/c/b", true],
  ["a/**", "a", false],
  ["***/b", "b", true],
  ["a/***", "a/b/c", true],
  ["x/a**/b", "x/ac/d/b", true],
  ["x/?**/b", "x/ac/d/b", false],
  ["*.sql\n!keep.sql", "keep.sql", false],
  ["a\n!a/b.sql", "a/b.sql", true],
  ["\\#a", "#a", true],
  ["a\\ ", "a ", true],
  ["a  ", "a", true],
  ["# a", "# a", false],
  ["[a-c].sql", "b.sql", true],
  ["[!a-c].sql", "b.sql", false],
  ["?.sql", "/.sql", false],
  ["\ufeffa", "a", true],
])("%j on %j: %j", (text, path, expected) => {
  expect(leavesOut(text, path)).toBe(expected);
});

test("rules of a file in a folder are about that folder", () => {
  const rules = rulesOf("/x.sql\n*.csv", "a/(b)/");
  expect(isIgnored(rules, "a/(b)/x.sql", false)).toBe(true);
  expect(isIgnored(rules, "x.sql", false)).toBe(false);
  expect(isIgnored(rules, "a/(b)/c/d.csv", false)).toBe(true);
  expect(isIgnored(rules, "d.csv", false)).toBe(false);
});

test("files that usually hold secrets are left out, unless they are asked for", () => {
  expect(isIgnored(DEFAULT_RULES, ".env", false)).toBe(true);
  expect(isIgnored(DEFAULT_RULES, "a/.env.local", false)).toBe(true);
  expect(isIgnored([...DEFAULT_RULES, ...rulesOf("!.env", "")], ".env", false)).toBe(false);
});

const hasGit = spawnSync("git", ["--version"]).status === 0;

test.skipIf(!hasGit)("the rules are those of git, for any patterns and paths", () => {
  const folder = mkdtempSync(join(tmpdir(), "quern-ignore-"));
  // Nothing of the machine's own: neither its rules nor the repository of a hook that runs the tests.
  const env = {
    PATH: process.env.PATH,
    GIT_CONFIG_GLOBAL: "/dev/null",
    GIT_CONFIG_SYSTEM: "/dev/null",
  };
  try {
    execFileSync("git", ["init", "-q", folder], { env });
    const segment = fc.stringMatching(/^[ab.*?!#-]{1,3}$/);
    const line = fc
      .array(fc.oneof(segment, fc.constantFrom("**", "[ab]", "[!a]", "a", "b.sql")), {
        minLength: 1,
        maxLength: 3,
      })
      .chain((parts) =>
        fc.constantFrom("", "/", "!").map((before) => `${before}${parts.join("/")}`),
      )
      .chain((text) => fc.constantFrom(text, `${text}/`));
    const path = fc
      .array(fc.constantFrom("a", "b", "ab", "a.b", "b.sql", "-a"), { minLength: 1, maxLength: 4 })
      .map((parts) => parts.join("/"));
    const sample = fc.sample(
      fc.tuple(fc.array(line, { maxLength: 3 }), fc.array(path, { minLength: 8, maxLength: 8 })),
      {
        numRuns: 60,
        seed: 5,
      },
    );
    for (const [lines, paths] of sample) {
      writeFileSync(join(folder, ".gitignore"), `${lines.join("\n")}\n`);
      const { stdout, status } = spawnSync("git", ["check-ignore", "--no-index", "--stdin", "-z"], {
        cwd: folder,
        input: paths.join("\0"),
        encoding: "utf8",
        env,
      });
      // 1: no path is ignored.
      expect([0, 1]).toContain(status);
      const expected = new Set(stdout.split("\0").filter(Boolean));
      for (const each of new Set(paths))
        expect([lines, each, leavesOut(lines.join("\n"), each)]).toEqual([
          lines,
          each,
          expected.has(each),
        ]);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});
