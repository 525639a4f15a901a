import type { SchemaRelation, SchemaSnapshot } from "@quern/contract/datasources";
import { quoteIdentifier } from "./tokens.ts";

const TIME = new Set(["date", "timestamp", "timestamptz"]);
const TEXT = new Set(["text", "other"]);

const EMPTY_DATABASE_SQL = "select version(), current_database(), now()";

/** A question worth asking of a database that nobody asked yet: its flights if it has them, else its largest table. */
export function firstQuery(snapshot: SchemaSnapshot | null): string {
  const tables = (snapshot?.schemas ?? []).flatMap((schema) =>
    schema.relations.map((relation) => ({ schema: schema.name, relation })),
  );
  const flights = tables.find(({ relation }) => relation.name === "flights");
  const largest = [...tables].sort(
    (a, b) => (b.relation.row_estimate ?? -1) - (a.relation.row_estimate ?? -1),
  )[0];
  const chosen = flights ?? largest;
  if (chosen === undefined) return EMPTY_DATABASE_SQL;
  const name = qualified(chosen.schema, chosen.relation.name);
  return byGroupAndMonth(name, chosen.relation) ?? `select *\nfrom ${name}\nlimit 100`;
}

/** A relation's name as it has to be written; `public` goes without saying. */
export function qualified(schema: string, name: string): string {
  return schema === "public"
    ? quoteIdentifier(name)
    : `${quoteIdentifier(schema)}.${quoteIdentifier(name)}`;
}

function byGroupAndMonth(name: string, relation: SchemaRelation): string | null {
  const { columns } = relation;
  const time = columns.find((column) => TIME.has(column.type));
  const group =
    columns.find((column) => column.name === "origin") ??
    columns.find((column) => TEXT.has(column.type));
  if (time === undefined || group === undefined) return null;
  const delay = columns.find((column) => /^delay/.test(column.name));
  return [
    `select ${quoteIdentifier(group.name)},`,
    `  date_trunc('month', ${quoteIdentifier(time.name)})::date as month,`,
    `  count(*) as ${relation.name === "flights" ? "flights" : "rows"}${delay ? "," : ""}`,
    ...(delay ? [`  round(avg(${quoteIdentifier(delay.name)}), 1) as average_delay`] : []),
    `from ${name}`,
    "group by 1, 2",
    "order by 2, 3 desc",
  ].join("\n");
}
