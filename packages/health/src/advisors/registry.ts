/** All rules there are: the files of `rules/`, read once. */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Rule } from "./rule.ts";

/** A rule's file, in the sources and built; not its tests, types or source maps. */
const FILE = /^([a-z0-9]+(?:-[a-z0-9]+)*)\.(?:ts|js)$/;

let loaded: Promise<ReadonlyMap<string, Rule>> | undefined;

/** The rules by id, in the order of their ids. Throws what is wrong with a file, or of files that say the same id. */
export function allRules(): Promise<ReadonlyMap<string, Rule>> {
  loaded ??= loadRules(join(import.meta.dirname, "rules"));
  return loaded;
}

/** The rules in `folder`. Throws TypeError for a file that is none. */
export async function loadRules(folder: string): Promise<ReadonlyMap<string, Rule>> {
  const names = (await readdir(folder)).filter((name) => FILE.test(name)).sort();
  const rules = new Map<string, Rule>();
  for (const name of names) {
    const { rule } = (await import(pathToFileURL(join(folder, name)).href)) as { rule?: Rule };
    const id = FILE.exec(name)![1]!;
    if (rule === undefined) throw new TypeError(`rules/${name} exports no \`rule\``);
    if (rule.id !== id) throw new TypeError(`rules/${name} says that it is "${rule.id}"`);
    checkRule(rule);
    rules.set(id, rule);
  }
  return rules;
}

function checkRule({ id, weight, every_s }: Rule): void {
  const { info, warning, critical } = weight;
  if (!(info >= 0 && info <= warning && warning <= critical && critical <= 100))
    throw new TypeError(`rule ${id}: weights grow with severity, from 0 to 100`);
  if (!(every_s >= 60)) throw new TypeError(`rule ${id}: evaluated at most once a minute`);
}
