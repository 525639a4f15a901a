/** The project of a trial: its files, each a state that is kept, so that the next trial of the same schema goes on from there. */
import type { Item } from "./ddl.ts";
import { FUNCTIONS } from "./functions.ts";
import { jsonLiteral, literal } from "./literal.ts";
import { plannable } from "./plannable.ts";
import type { ChosenStatement } from "./statements.ts";
import type { StatisticsItem } from "./statistics.ts";

export const HEAD = "test/plans.sql";
/** Objects that one transaction makes. */
const PIECE = 200;

export type Parts = {
  items: readonly Item[];
  statistics: readonly StatisticsItem[];
  /** null: there is nothing to apply. */
  fix: string | null;
  /** Of the tables that the fix may change, which loses theirs. */
  again: readonly StatisticsItem[];
  statements: readonly Pick<ChosenStatement, "n" | "text">[];
  settings: Readonly<Record<string, string>>;
  search_path: readonly string[];
};

/**
 * Where the fix is applied, there are two databases: one as it is and a copy with the fix. So neither has to be undone,
 * and tables have no rows while the fix is at work.
 */
export function trialFiles(parts: Parts): Record<string, { content: string }> {
  const { items, statistics, fix, again } = parts;
  const path = parts.search_path.map((schema) => `"${schema.replaceAll('"', '""')}"`).join(", ");
  const statements = parts.statements.map(({ n, text }) => ({ n, text: plannable(text) }));
  const plans = `select * from quern_trial.plans(${jsonLiteral(statements)}, ${jsonLiteral(parts.settings)}, ${literal(path)});`;
  const texts = {
    "init/001_functions.sql": FUNCTIONS,
    "init/002_schema.sql": calls("make", items),
    "seed/001_statistics.sql": `${calls("set_statistics", statistics)}call quern_trial.size_indexes();\n`,
    ...(fix === null
      ? {}
      : {
          "seed/002_fix.sql": [
            "create database fixed template project;",
            "\\connect fixed",
            `call quern_trial.apply(${literal(inTransaction(fix))});`,
            `${calls("set_statistics", again)}call quern_trial.size_indexes();`,
            "",
          ].join("\n"),
        }),
    [HEAD]: [
      plans,
      ...(fix === null ? [] : ["\\connect fixed", plans]),
      "select kind, object, how, reason, detail from quern_trial.gaps;",
      "select applied, error from quern_trial.fix;",
      "",
    ].join("\n"),
  };
  return Object.fromEntries(Object.entries(texts).map(([path, content]) => [path, { content }]));
}

function calls(procedure: string, all: readonly unknown[]): string {
  const pieces: string[] = [];
  for (let start = 0; start < all.length; start += PIECE)
    pieces.push(
      `call quern_trial.${procedure}(${jsonLiteral(all.slice(start, start + PIECE))});\n`,
    );
  return pieces.join("");
}

/** Nobody writes beside it: what is made concurrently is made at once. */
function inTransaction(fix: string): string {
  return fix.replace(
    /\b(create\s+(?:unique\s+)?index|drop\s+index|reindex\s+(?:index|table))\s+concurrently\b/gi,
    "$1",
  );
}
