import { expect, test } from "vitest";
import { checkCatalogue } from "./check-words.ts";
import { textsOf } from "./texts.ts";

const IMPORT = 'import { t } from "./i18n/language.ts";\n';
const page = (template: string, script = "") =>
  `<script setup lang="ts">\n${IMPORT}${script}\n</script>\n\n<template>\n${template}\n</template>\n`;
const keysOf = (source: string, path = "x.vue") =>
  textsOf(path, source).texts.map(({ key }) => key);
const faultsOf = (source: string, path = "x.vue") => textsOf(path, source).faults;

test("every place that a text can stand in is seen", () => {
  const source = page(
    `<ul v-if="t('a')" :title="x ? t('b') : t('c')" @click="tell(t('d')); done()">
      <li v-for="each in [t('e')]" :key="each">{{ t("{n} f | {n} fs", { n }) }}<template #x="{ y }">{{ t('it\\'s', { y }) }}</template></li>
    </ul>`,
    `const words = { label: t("g") };\nconst noun = t("h", { as: "noun" });`,
  );
  expect(keysOf(source).sort()).toEqual([
    "a",
    "b",
    "c",
    "d",
    "e",
    "g",
    "h [noun]",
    "it's",
    "{n} f | {n} fs",
  ]);
  expect(faultsOf(source)).toEqual([]);
  expect(textsOf("x.vue", source).texts.find(({ key }) => key === "it's")?.line).toBe(9);
  expect(keysOf(`${IMPORT}export const A = t(\n  "long",\n);`, "x.ts")).toEqual(["long"]);
});

test("a text that nobody can look up is a fault", () => {
  const script = (line: string) => faultsOf(`${IMPORT}${line}\nt("x");`, "x.ts").join();
  expect(script("t(name);")).toMatch(/^x\.ts:2 calls t with what is no plain text: t\(name\)/);
  expect(script("t(`a ${b}`);")).toMatch(/no plain text/);
  expect(script("names.map(t);")).toMatch(/gives t away/);
  expect(script('t("Run", { as: kind });')).toMatch(/"as" that is no plain text/);
  expect(script('t("Delete {name}");')).toMatch(/gives no value for name: "Delete \{name\}"/);
  expect(script('t("{a} {b}", { a: 1, c: 2 });')).toMatch(/no value for b:/);
  expect(script('t("{a} {b}", { a: 1, ...more });')).toBe("");
  expect(script('new Intl.NumberFormat("en");')).toMatch(/formats in a language of its own/);
  expect(script("new Intl.NumberFormat(language);")).toBe("");
  expect(faultsOf(IMPORT, "x.ts").join()).toMatch(/imports t, but no text was seen/);
});

test("words outside of t are faults; names, code and classes are not", () => {
  const faults = (template: string, script = 't("x");') => faultsOf(page(template, script)).join();
  expect(faults("<p>all rows</p>")).toMatch(/^x\.vue:7 says "all rows" without t/);
  expect(faults("<p>{{ n }} rows</p>")).toMatch(/says "rows"/);
  expect(faults('<i title="all rows" />')).toMatch(/says "title=\\"all rows/);
  expect(faults('<X heading="Rows" />')).toMatch(/heading/);
  expect(faults(`<i :title="x ? 'All rows' : y" />`)).toMatch(/All rows/);
  expect(faults("<p>{{ x ?? 'Nobody' }}</p>")).toMatch(/Nobody/);
  expect(faults("<p>{{ `Rows ${n}` }}</p>")).toMatch(/Rows/);
  expect(faults("<p />", 't("x"); toast({ title: "Rows came" });')).toMatch(/Rows came/);
  const fine = `<p class="Big rows" color="primary">Quern <code>select 1</code> {{ x === "All" }} · 12 {{ f("Abc") }}</p>`;
  expect(faults(fine)).toBe("");
});

test("a catalogue has each text once, with the same values and forms", () => {
  const keys = new Set(["{n} row | {n} rows", "Delete {name}", "Run [noun]", "{'{{'} {name}"]);
  const good = {
    "Delete {name}": "Supprimer {name}",
    "Run [noun]": "Exécution",
    "{'{{'} {name}": "{name} {'{{'}",
    "{n} row | {n} rows": "{n} ligne | {n} lignes",
  };
  const check = (changes: Record<string, string | undefined>) => {
    const entries = Object.entries({ ...good, ...changes }).filter((each) => each[1] !== undefined);
    const sorted = entries.sort(([a], [b]) => (a < b ? -1 : 1)) as [string, string][];
    return checkCatalogue("fr.json", Object.fromEntries(sorted), keys).join();
  };
  expect(check({})).toBe("");
  expect(check({ "Delete {name}": undefined })).toBe('fr.json lacks "Delete {name}"');
  expect(check({ Old: "Vieux" })).toBe('fr.json has "Old", which no file says');
  expect(check({ "Delete {name}": "Supprimer" })).toMatch(/has the values \(\), not \(name\)/);
  expect(check({ "Run [noun]": "Exécution {id}" })).toMatch(/has the values \(id\), not \(\)/);
  expect(check({ "{n} row | {n} rows": "{n} lignes" })).toMatch(/has 1 forms, not 2/);
  expect(checkCatalogue("fr.json", { b: "b", a: "a" }, new Set(["a", "b"]))).toEqual([
    "fr.json is not sorted by its keys",
  ]);
});
