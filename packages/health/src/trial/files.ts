/** The project of a trial: its files, each a state that is kept, so that the next trial of the same schema goes on from there. */

import { literal } from "@quern/contract/postgres-literal";
import type { Item } from "./ddl.ts";
import { FUNCTIONS } from "./functions.ts";
import { jsonLiteral } from "./json-literal.ts";
import type { Timeable } from "./parameters.ts";
import { plannable } from "./plannable.ts";
import { ROW_FUNCTIONS } from "./row-functions.ts";
import { fillScript, type SampleTable } from "./sample.ts";
import type { ChosenStatement } from "./statements.ts";
import type { StatisticsItem } from "./statistics.ts";

export const HEAD = "test/plans.sql";
/** Objects that one transaction makes. */
const PIECE = 200;
/** Of each statement that is planned or timed. */
const BOUND_S = 10;
/** What cannot be made is told as one line for many. */
const GAPS = 5_000;

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
  /** Rows in the place of statistics; null: there are none. */
  sample: SampleParts | null;
};

export type SampleParts = {
  tables: readonly SampleTable[];
  /** Foreign keys, which are made when the rows are there. */
  keys: readonly Item[];
  /** By the number of a statement. */
  timeable: ReadonlyMap<number, Timeable>;
};

/**
 * Where the fix is applied, there are two databases: one as it is and a copy with the fix. So neither has to be undone,
 * and tables have no rows while the fix is at work.
 */
export function trialFiles(parts: Parts): Record<string, { content: string }> {
  const { items, fix, sample } = parts;
  const path = parts.search_path.map((schema) => `"${schema.replaceAll('"', '""')}"`).join(", ");
  const statements = parts.statements.map(({ n, text }) => ({
    ...{ n, text: plannable(text) },
    ...told(sample?.timeable.get(n)),
  }));
  // Both sides are copies that nothing else is connected to, and are settled right before: what one of them had ahead of the
  // other, such as pages that are known to be visible, would look like the fix.
  const side = [
    ...(sample === null ? [] : ["vacuum analyze;", "call quern_trial.settle();"]),
    `call quern_trial.begin_side(${jsonLiteral(parts.settings)}, ${literal(path)});`,
    `set statement_timeout = '${BOUND_S}s';`,
    ...statements.map(
      (each) => `call quern_trial.${sample === null ? "plan" : "time"}(${jsonLiteral(each)});`,
    ),
    "reset statement_timeout;",
    "select n, cost, rows, plan, error, state, ms, lowest, highest, runs, untimed, why from quern_trial.answers order by n;",
  ];
  const texts = {
    "init/001_functions.sql": FUNCTIONS,
    "init/002_schema.sql": calls("make", items),
    ...(sample === null
      ? { "seed/001_statistics.sql": imported(parts.statistics) }
      : {
          "init/003_row_functions.sql": ROW_FUNCTIONS,
          "seed/001_rows.sql": [
            fillScript(sample.tables),
            calls("make", sample.keys),
            `call quern_trial.choose(${jsonLiteral(statements.filter((each) => "parameters" in each))});\n`,
          ].join(""),
        }),
    ...(fix === null
      ? {}
      : {
          "seed/002_fix.sql": [
            ...(sample === null ? [] : ["create database plain template project;"]),
            "create database fixed template project;",
            "\\connect fixed",
            `call quern_trial.apply(${literal(inTransaction(fix))});`,
            sample === null ? imported(parts.again) : "",
          ].join("\n"),
        }),
    [HEAD]: [
      ...(fix === null || sample === null ? [] : ["\\connect plain"]),
      ...side,
      ...(fix === null ? [] : ["\\connect fixed", ...side]),
      `select kind, object, how, reason, detail from quern_trial.gaps limit ${GAPS};`,
      "select applied, error from quern_trial.fix;",
      "",
    ].join("\n"),
  };
  return Object.fromEntries(Object.entries(texts).map(([path, content]) => [path, { content }]));
}

function imported(statistics: readonly StatisticsItem[]): string {
  return `${calls("set_statistics", statistics)}call quern_trial.size_indexes();\n`;
}

/** What `quern_trial.time` knows of a statement besides its text. */
function told(timeable: Timeable | undefined) {
  if (timeable === undefined) return {};
  return "untimed" in timeable
    ? { untimed: timeable.untimed, detail: timeable.detail }
    : { parameters: timeable.parameters, reads: timeable.reads };
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
