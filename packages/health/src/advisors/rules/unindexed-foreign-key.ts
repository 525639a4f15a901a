import type { SchemaConstraint, SchemaIndex } from "@quern/contract/agent/schema";
import { schemaOf } from "../facts.ts";
import { deletesBelow, rowsBelow, tablesOf, tableWork } from "../facts-relations.ts";
import { advice, fact, fixBy, found, judged, notEnough } from "../finding.ts";
import { leadsWith, supportsKey } from "../index-shape.ts";
import { qualified, quoted } from "../names.ts";
import type { Rule } from "../rule.ts";

const ROWS = 10_000;
const HOURS = 24;
const SHOWN = 5;

export const rule: Rule = {
  id: "unindexed-foreign-key",
  title: "Foreign key without an index",
  category: "performance",
  explanation:
    "When a row of the referenced table is deleted or its key changes, PostgreSQL looks for rows that refer to it. Without an index on the referencing columns that is a scan of the whole table, for each such row, while it holds a lock.",
  source:
    "pganalyze, splinter: no valid index whose first columns are the key's. Warning from 10,000 rows when referenced rows are deleted; one finding in all for the tables with fewer rows.",
  weight: { info: 1, warning: 8, critical: 8 },
  caps: false,
  of: "database",
  every_s: 3600,
  needs: ["schema"],
  engines: ["postgres"],
  async judge(subject) {
    const { constraints, indexes, tables: relations } = (await schemaOf(subject))!;
    if (constraints === undefined)
      return notEnough("This agent does not send constraints; Quern's own does.");
    const tables = await tablesOf(subject);
    const work = await tableWork(subject, HOURS);
    const partitioned = new Set(
      relations.filter(({ kind }) => kind === "p").map(({ schema, name }) => `${schema}.${name}`),
    );
    const bare = unindexedKeys(constraints, indexes).map((each) => ({
      ...each,
      rows: rowsBelow(tables, each.key.schema, each.key.table),
    }));
    // A scan of a few thousand rows costs nothing that anybody notices: hundreds of findings about it would.
    const small = bare.filter(({ rows, invalid }) => rows < ROWS && !invalid);
    const window = { from: work.from, to: work.to };
    const large = bare.filter((each) => !small.includes(each));
    const findings = large.map(({ key, rows, partial, invalid }) => {
      const { schema, table, columns } = key;
      const target = key.references!;
      const deletes = deletesBelow(tables, work, target.schema, target.table);
      const evidence = [
        fact("table", qualified({ schema, name: table }), "text"),
        fact("columns", columns.join(", "), "text"),
        fact("referenced", qualified({ schema: target.schema, name: target.table }), "text"),
        fact("rows", rows, "count", ROWS),
        fact("referenced_deletes", deletes, "count", 1),
        fact("partial_index_exists", partial, "text"),
        fact("invalid_index_exists", invalid, "text"),
      ];
      const severity = rows >= ROWS && deletes > 0 ? "warning" : "info";
      const fix = indexFix(key, partitioned.has(`${schema}.${table}`));
      return found(nameOf(key), severity, evidence, { window, fix });
    });
    return judged(small.length > 0 ? [...findings, smallOnes(small)] : findings);
  },
};

const nameOf = ({ schema, table, name }: SchemaConstraint) =>
  `${qualified({ schema, name: table })}.${quoted(name)}`;

/** The largest first: they are the next to matter. */
function smallOnes(small: readonly { key: SchemaConstraint; rows: number }[]) {
  const sorted = small.toSorted((a, b) => b.rows - a.rows);
  const examples = sorted.slice(0, SHOWN).map(({ key }) => nameOf(key));
  const evidence = [
    fact("foreign_keys", small.length, "count", 1),
    fact("rows", sorted[0]?.rows ?? 0, "count", ROWS),
    fact("for_example", examples.join(", "), "text"),
  ];
  return found("", "info", evidence, {
    fix: advice(
      "Nothing has to be done while these tables stay small. Index the keys of those that will grow.",
    ),
  });
}

function indexFix({ schema, table, columns }: SchemaConstraint, partitioned: boolean) {
  const on = `on ${qualified({ schema, name: table })} (${columns.map(quoted).join(", ")});`;
  return partitioned
    ? fixBy(
        `create index ${on}`,
        "An index on a partitioned table is made on each partition and cannot be built concurrently: on large ones build it partition by partition and attach them.",
        true,
      )
    : fixBy(
        `create index concurrently ${on}`,
        "Concurrently, so that writes go on. If it fails it leaves an invalid index to drop.",
        true,
      );
}

type Bare = { key: SchemaConstraint; partial: boolean; invalid: boolean };

/** Foreign keys that no index supports as a whole; whether a partial or an invalid one would. Keys of partitions are said at their parent. */
export function unindexedKeys(
  constraints: readonly SchemaConstraint[],
  indexes: readonly SchemaIndex[],
): Bare[] {
  const byTable = new Map<string, SchemaIndex[]>();
  for (const index of indexes) {
    const key = `${index.schema}\u0001${index.table}`;
    const own = byTable.get(key);
    if (own) own.push(index);
    else byTable.set(key, [index]);
  }
  return constraints
    .filter(({ type, inherited, references }) => type === "f" && !inherited && references !== null)
    .flatMap((key) => {
      const own = byTable.get(`${key.schema}\u0001${key.table}`) ?? [];
      if (own.some((index) => supportsKey(index, key))) return [];
      const leading = own.filter((index) => leadsWith(index, key.columns));
      const partial = leading.some((index) => index.predicate && index.is_valid !== false);
      const invalid = leading.some((index) => index.is_valid === false);
      return [{ key, partial, invalid }];
    });
}
