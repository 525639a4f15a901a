/**
 * Checks the words of the web app: that all of them go through `t`, and that every catalogue has each text with the same
 * values in it, and nothing else. With --list it prints what the catalogues lack, as JSON for whoever translates.
 */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { promisify } from "node:util";
import { ruleTextsOf } from "./rule-texts.ts";
import { placesOf, type TextsOfFile, textsOf } from "./texts.ts";

const run = promisify(execFile);

const ROOT = resolve(import.meta.dirname, "../..");
const SOURCES = "apps/web/src";
const CATALOGUES = [`${SOURCES}/i18n/fr.json`];
/** What the advisors say: texts of the server, which the pages say in other languages. */
const RULES = "packages/health/src/advisors";
const RULE_CATALOGUES = [`${SOURCES}/i18n/advisors.fr.json`];

type Catalogue = Record<string, string>;

/** Tracked files and new ones that git does not ignore; tests say what they want. */
async function sourceFiles(...patterns: string[]): Promise<string[]> {
  const args = ["ls-files", "--cached", "--others", "--exclude-standard", "--deduplicate", "--"];
  const { stdout } = await run("git", [...args, ...patterns], { cwd: ROOT });
  return stdout
    .split("\n")
    .filter((file) => !file.startsWith(`${SOURCES}/i18n/`))
    .filter((file) => file !== "" && !/\.(test|d)\.ts$/.test(file) && existsSync(join(ROOT, file)));
}

const formsOf = (text: string): string[] => text.replace(/\{'[^']*'\}/g, "").split("|");

/** What is wrong with a catalogue for these keys, one line each. */
export function checkCatalogue(name: string, catalogue: Catalogue, keys: Set<string>): string[] {
  const problems: string[] = [];
  for (const key of keys)
    if (!(key in catalogue)) problems.push(`${name} lacks ${JSON.stringify(key)}`);
  const inOrder = Object.keys(catalogue);
  const sorted = inOrder.toSorted();
  if (inOrder.some((key, at) => key !== sorted[at]))
    problems.push(`${name} is not sorted by its keys`);
  for (const [key, translation] of Object.entries(catalogue)) {
    const quoted = `${name}: the translation of ${JSON.stringify(key)}`;
    if (!keys.has(key)) {
      problems.push(`${name} has ${JSON.stringify(key)}, which no file says`);
      continue;
    }
    const text = key.replace(/ \[\w+\]$/, "");
    const [wanted, given] = [placesOf(text).join(", "), placesOf(translation).join(", ")];
    if (wanted !== given) problems.push(`${quoted} has the values (${given}), not (${wanted})`);
    if (formsOf(text).length !== formsOf(translation).length)
      problems.push(
        `${quoted} has ${formsOf(translation).length} forms, not ${formsOf(text).length}`,
      );
  }
  return problems;
}

/** The texts of all files; a tree in which nothing was found was not read. */
async function readSources(): Promise<TextsOfFile & { files: number }> {
  const files = await sourceFiles(`${SOURCES}/*.ts`, `${SOURCES}/*.vue`);
  const read = await Promise.all(
    files.map(async (file) => textsOf(file, await readFile(join(ROOT, file), "utf8"))),
  );
  const texts = read.flatMap((each) => each.texts);
  const faults = read.flatMap((each) => each.faults);
  const unseen = (kind: string) => !files.some((file) => file.endsWith(kind));
  if (unseen(".vue") || unseen(".ts") || texts.length === 0)
    faults.push(`no texts were found under ${SOURCES}`);
  return { texts, faults, files: files.length };
}

async function readRules(): Promise<TextsOfFile & { files: number }> {
  const files = await sourceFiles(`${RULES}/*.ts`);
  const read = await Promise.all(
    files.map(async (file) => ruleTextsOf(file, await readFile(join(ROOT, file), "utf8"))),
  );
  const texts = read.flatMap((each) => each.texts);
  const faults = read.flatMap((each) => each.faults);
  if (texts.length === 0) faults.push(`no texts were found under ${RULES}`);
  return { texts, faults, files: files.length };
}

async function main(): Promise<void> {
  const pages = await readSources();
  const rules = await readRules();
  const files = pages.files + rules.files;
  const problems = [...pages.faults, ...rules.faults];
  const missing: Record<string, string[]> = {};
  let count = 0;
  for (const [paths, { texts }] of [
    [CATALOGUES, pages],
    [RULE_CATALOGUES, rules],
  ] as const) {
    const keys = new Set(texts.map(({ key }) => key));
    count += keys.size;
    for (const path of paths) {
      const catalogue: Catalogue = JSON.parse(await readFile(join(ROOT, path), "utf8"));
      problems.push(...checkCatalogue(basename(path), catalogue, keys));
      missing[basename(path)] = [...keys].filter((key) => !(key in catalogue)).sort();
    }
  }
  if (process.argv.includes("--list")) {
    console.log(JSON.stringify(missing, null, 2));
    return;
  }
  for (const problem of problems) console.error(problem);
  if (problems.length > 0) {
    console.error(`${problems.length} faults in ${count} texts of ${files} files`);
    process.exitCode = 1;
  }
}

if (process.argv[1] === import.meta.filename) await main();
