import type { SchemaTable } from "@quern/contract/agent/schema";
import { documentOf, schemaOf } from "../facts.ts";
import { keyOf, rowsOf, tablesOf } from "../facts-relations.ts";
import { fact, fixBy, found, judged } from "../finding.ts";
import { concurrently, dropStatement, isDroppable } from "../index-shape.ts";
import { qualified, quoted } from "../names.ts";
import type { Rule, Subject } from "../rule.ts";
import { whyMissing } from "../sections.ts";

const NULLS = 0.5;
const ROWS = 100_000;

export const rule: Rule = {
  id: "partial-index-chance",
  title: "Index of a column that is mostly null",
  category: "performance",
  explanation:
    "More than half of the rows have no value in the indexed column. Where queries only ever look for rows that have one, an index of those alone is smaller and cheaper to write.",
  source: "pgwatch: more than half null, from 100,000 rows.",
  weight: { info: 1, warning: 1, critical: 1 },
  caps: false,
  of: "database",
  every_s: 6 * 3600,
  needs: ["schema", "tables"],
  engines: ["postgres"],
  async judge(subject) {
    const { tables, indexes } = (await schemaOf(subject))!;
    const fractions = await nullFractions(subject, tables);
    const stats = await tablesOf(subject);
    const plain = indexes.filter(
      (index) => isDroppable(index) && !index.predicate && index.keys?.length === 1,
    );
    if (fractions.size === 0) return whyMissing(subject, "column_statistics");
    return judged(
      plain.flatMap((index) => {
        const { schema, table, name } = index;
        const column = index.keys![0]!.column;
        const rows = rowsOf(stats.get(keyOf(schema, table)));
        const nulls =
          column === null ? 0 : (fractions.get(keyOf(keyOf(schema, table), column)) ?? 0);
        if (column === null || nulls <= NULLS || rows < ROWS) return [];
        const evidence = [
          fact("column", quoted(column), "text"),
          fact("null_share", nulls, "ratio", NULLS),
          fact("rows", rows, "count", ROWS),
        ];
        const at = qualified({ schema, name: table });
        const method = index.access_method ?? "btree";
        const sql = [
          `create index ${concurrently(index, tables)}on ${at} using ${method} (${quoted(column)}) where ${quoted(column)} is not null;`,
          dropStatement(index, tables),
        ].join("\n");
        const words = "Only where no query looks for the rows without a value by this index.";
        const fix = fixBy(sql, words, true);
        return [
          found(qualified({ schema, name }), "info", evidence, { confidence: "medium", fix }),
        ];
      }),
    );
  },
};

/** The share of nulls by table and column. Agents of before sent it with the schema. */
async function nullFractions(subject: Subject, tables: readonly SchemaTable[]) {
  const document = await documentOf(subject, "column_statistics");
  const known = [
    ...tables.flatMap(({ schema, name, columns }) =>
      columns.map((column) => ({ schema, name, column: column.name, of: column.statistics })),
    ),
    ...(document?.body.relations ?? []).flatMap(({ schema, name, columns }) =>
      columns
        .filter(({ inherited }) => !inherited)
        .map((column) => ({ schema, name, column: column.name, of: column })),
    ),
  ];
  return new Map(
    known.flatMap(({ schema, name, column, of }) =>
      of?.null_frac == null ? [] : [[keyOf(keyOf(schema, name), column), of.null_frac] as const],
    ),
  );
}
