/** SQL about what the schema tree shows, ready to run or to go on writing. */
import type { SchemaRelation } from "@quern/contract/datasources";
import { qualified } from "../sql/first-query.ts";
import { quoteIdentifier } from "../sql/tokens.ts";

const PREVIEWED = 100;

export function previewSql(schema: string, relation: SchemaRelation): string {
  return `select *\nfrom ${qualified(schema, relation.name)}\nlimit ${PREVIEWED}`;
}

export function countSql(schema: string, relation: SchemaRelation): string {
  return `select count(*) as rows\nfrom ${qualified(schema, relation.name)}`;
}

/** The values of a column and how often each is there. */
export function valuesSql(schema: string, relation: SchemaRelation, column: string): string {
  const name = quoteIdentifier(column);
  return [
    `select ${name}, count(*) as rows`,
    `from ${qualified(schema, relation.name)}`,
    "group by 1",
    "order by 2 desc",
    `limit ${PREVIEWED}`,
  ].join("\n");
}

export function selectSql(schema: string, relation: SchemaRelation): string {
  const names = relation.columns.map((column) => quoteIdentifier(column.name));
  const list = names.length === 0 ? "*" : names.join(",\n  ");
  return `select\n  ${list}\nfrom ${qualified(schema, relation.name)}\nlimit ${PREVIEWED}`;
}

/** Columns that the database fills itself are left out. */
export function insertSql(schema: string, relation: SchemaRelation): string {
  const columns = relation.columns.filter(
    (column) => column.generated === undefined && column.identity !== "always",
  );
  const names = columns.map((column) => quoteIdentifier(column.name)).join(", ");
  const values = columns.map(
    (column) => `${column.default === null ? "null" : "default"} /* ${comment(column.name)} */`,
  );
  return `insert into ${qualified(schema, relation.name)} (${names})\nvalues (\n  ${values.join(",\n  ")}\n)`;
}

const comment = (text: string) => text.replaceAll("*/", "* /").replaceAll("/*", "/ *");

/** The columns as in `create table`, with keys. */
export function columnListSql(schema: string, relation: SchemaRelation): string {
  const lines = relation.columns.map((column) =>
    [
      `  ${quoteIdentifier(column.name)} ${column.source_type}`,
      column.identity === undefined
        ? null
        : `generated ${column.identity === "always" ? "always" : "by default"} as identity`,
      column.generated === undefined ? null : `generated always as (${column.generated}) stored`,
      column.not_null ? "not null" : null,
      column.default === null ? null : `default ${column.default}`,
    ]
      .filter((part) => part !== null)
      .join(" "),
  );
  const keys = relation.keys.map(({ type, columns, references }) => {
    const names = `(${columns.map(quoteIdentifier).join(", ")})`;
    if (type !== "foreign" || references === null)
      return `  ${type === "primary" ? "primary key" : "unique"} ${names}`;
    const target = `${qualified(references.schema, references.table)} (${references.columns.map(quoteIdentifier).join(", ")})`;
    return `  foreign key ${names} references ${target}`;
  });
  return `create table ${qualified(schema, relation.name)} (\n${[...lines, ...keys].join(",\n")}\n);`;
}
