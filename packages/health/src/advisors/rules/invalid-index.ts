import type { SchemaIndex } from "@quern/contract/agent/schema";
import { sql } from "kysely";
import { type SchemaFacts, schemaOf, serverOf } from "../facts.ts";
import { keyOf, rowsOf, tablesOf } from "../facts-relations.ts";
import { advice, fact, fixBy, found, judged, notEnough, say } from "../finding.ts";
import { keyIdentity } from "../index-shape.ts";
import { qualified } from "../names.ts";
import type { Fix, Rule, Subject } from "../rule.ts";

const MINUTES = 30;
const FEW_ROWS = 10_000;

export const rule: Rule = {
  id: "invalid-index",
  title: "Index that is not valid",
  category: "maintenance",
  explanation:
    "Building it concurrently failed or was interrupted. No query uses it, every write still keeps it up to date, and a unique one may not hold what it promises.",
  source: "pganalyze: not valid, not being built, and so for 30 minutes. What to do: postgres_ai.",
  weight: { info: 2, warning: 8, critical: 8 },
  caps: false,
  of: "database",
  every_s: 900,
  needs: ["schema"],
  engines: ["postgres"],
  async judge(subject) {
    const schema = (await schemaOf(subject))!;
    const building = new Set(
      ((await serverOf(subject))?.body.index_builds ?? []).map((build) =>
        keyOf(build.schema ?? "", build.index ?? ""),
      ),
    );
    const invalid = schema.indexes.filter(
      (index) => index.is_valid === false && !building.has(keyOf(index.schema, index.name)),
    );
    if (invalid.length === 0) return judged([]);
    const before = await invalidBefore(subject);
    if (before === undefined)
      return notEnough(say("An index is not valid; it is told after {n} minutes.", { n: MINUTES }));
    const lasting = invalid.filter((index) => before.has(keyOf(index.schema, index.name)));
    const tables = await tablesOf(subject);
    return judged(
      lasting.map((index) => {
        const rows = rowsOf(tables.get(keyOf(index.schema, index.table)));
        const evidence = [
          fact("table", qualified({ schema: index.schema, name: index.table }), "text"),
          fact("unique", index.is_unique, "text"),
          fact("rows", rows, "count"),
          fact("minutes_at_least", MINUTES, "count", MINUTES),
          ...(index.definition ? [fact("definition", index.definition, "sql")] : []),
        ];
        return found(qualified(index), "warning", evidence, { fix: fixOf(index, rows, schema) });
      }),
    );
  },
};

/** Indexes that were not valid half an hour ago. Undefined when nothing is known of then. */
async function invalidBefore(subject: Subject): Promise<ReadonlySet<string> | undefined> {
  const { db, database_id, org_id, now } = subject;
  const { rows } = await sql<{ invalid: { schema: string; name: string }[] | null }>`
    select (
      select jsonb_agg(jsonb_build_object('schema', index -> 'schema', 'name', index -> 'name'))
      from jsonb_array_elements(schemas.body -> 'indexes') as index where index -> 'is_valid' = 'false') as invalid
    from health_schema_versions as versions
      join health_schemas as schemas on schemas.org_id = ${org_id} and schemas.hash = versions.hash
    where versions.database_id = ${database_id}
      and versions.from_at <= ${now}::timestamptz - make_interval(mins => ${MINUTES})
    order by versions.from_at desc limit 1`.execute(db);
  const [row] = rows;
  return row && new Set((row.invalid ?? []).map(({ schema, name }) => keyOf(schema, name)));
}

function fixOf(index: SchemaIndex, rows: number, { indexes, tables }: SchemaFacts): Fix {
  const drop = `drop index concurrently ${qualified(index)};`;
  const rebuild = `reindex index concurrently ${qualified(index)};`;
  const table = tables.find(({ schema, name }) => schema === index.schema && name === index.table);
  if (table?.kind === "p")
    return advice(
      "An index on a partitioned table is valid once each partition has its part: make the missing ones and attach them with ALTER INDEX … ATTACH PARTITION.",
    );
  if (/_cc(new|old)\d*$/.test(index.name))
    return fixBy(drop, "A leftover of REINDEX CONCURRENTLY, which was interrupted: drop it.");
  if (indexes.some((other) => isTwin(other, index)))
    return fixBy(drop, "A valid index of the same columns exists: drop this one.");
  if (index.is_unique || index.is_primary || rows < FEW_ROWS)
    return fixBy(
      rebuild,
      "Build it anew. If a unique one fails again there are duplicates to remove first.",
    );
  return fixBy(rebuild, "Look whether it is still wanted: build it anew, or drop it.");
}

function isTwin(other: SchemaIndex, index: SchemaIndex): boolean {
  const shape = ({ keys, columns, predicate, access_method, is_unique }: SchemaIndex) =>
    JSON.stringify([
      keys?.map((key) => [keyIdentity(key), key.operator_class, key.collation, key.descending]) ??
        columns,
      predicate?.hash ?? "",
      access_method,
      is_unique,
    ]);
  const same = other.schema === index.schema && other.table === index.table;
  return same && other.is_valid !== false && shape(other) === shape(index);
}
