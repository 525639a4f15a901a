import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { allRules } from "./registry.ts";
import type { Rule } from "./rule.ts";
import { CATEGORY_WEIGHTS } from "./score.ts";

const PAGE = join(import.meta.dirname, "../../../../docs/advisors.md");
const TABLES = /(<!-- rules -->\n)[\s\S]*(<!-- \/rules -->)/;

function tablesOf(rules: readonly Rule[]): string {
  return Object.entries(CATEGORY_WEIGHTS)
    .flatMap(([category, weight]) => [
      `### ${category[0]!.toUpperCase()}${category.slice(1)} (weight ${weight})`,
      "",
      "| rule | what it finds | costs (info, warning, critical) | every | needs | thresholds |",
      "|---|---|---|---|---|---|",
      ...rules.filter((rule) => rule.category === category).map(row),
      "",
    ])
    .join("\n");
}

function row({ id, title, weight, caps, every_s, needs, source }: Rule): string {
  const costs = `${weight.info}, ${weight.warning}, ${weight.critical}${caps ? " (caps)" : ""}`;
  const every = every_s % 3600 === 0 ? `${every_s / 3600} h` : `${every_s / 60} min`;
  const cell = (text: string) => text.replaceAll("|", "\\|");
  return `| \`${id}\` | ${cell(title)} | ${costs} | ${every} | ${needs.join(", ")} | ${cell(source)} |`;
}

/** `npx vitest run --project unit packages/health/src/advisors/rules-table.test.ts -u` writes the page anew. */
test("docs/advisors.md lists every rule as it is", async () => {
  const page = await readFile(PAGE, "utf8");
  expect(page).toMatch(TABLES);
  const rules = [...(await allRules()).values()];
  const current = page.replace(TABLES, (_, begin, end) => `${begin}\n${tablesOf(rules)}${end}`);
  await expect(current).toMatchFileSnapshot(PAGE);
});

test("no two rules say the same, and each names where its thresholds come from", async () => {
  const rules = [...(await allRules()).values()];
  expect(new Set(rules.map(({ title }) => title)).size).toBe(rules.length);
  for (const { id, source, explanation, engines } of rules) {
    expect(source.length, id).toBeGreaterThan(10);
    expect(explanation.length, id).toBeGreaterThan(40);
    expect(engines.length, id).toBeGreaterThan(0);
  }
});
