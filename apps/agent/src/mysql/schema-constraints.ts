import type { SchemaConstraint, SchemaTable } from "@quern/contract/agent/schema";
import type { z } from "zod";
import type { Row } from "../engine/values.ts";
import { normaliseMysqlExpression } from "./expression.ts";
import { columnsOf, type Facts } from "./facts.ts";
import { byPages } from "./pages.ts";
import type { Session } from "./session.ts";

type Constraint = z.infer<typeof SchemaConstraint>;

const TYPES: Record<string, Constraint["type"]> = {
  "PRIMARY KEY": "p",
  UNIQUE: "u",
  "FOREIGN KEY": "f",
  CHECK: "c",
};

/** Primary, unique and foreign keys and checks of `tables`, which also tell the types of their columns. */
export async function readConstraints(
  session: Session,
  facts: Facts,
  database: string,
  tables: readonly SchemaTable[],
): Promise<Constraint[]> {
  const checks = await readChecks(session, facts, database);
  const types = typesOf(tables);
  return await byPages(
    tables.map(({ name }) => name),
    async (marks, page) => {
      const rows = await session.query(
        `select c.table_name as tbl, c.constraint_name as name, c.constraint_type as type
           from information_schema.table_constraints as c where c.table_schema = ? and c.table_name in (${marks})
          order by c.table_name, c.constraint_name`,
        [database, ...page],
      );
      const keys = await readKeys(session, database, marks, page);
      const rules = await readRules(session, database, marks, page);
      return rows.flatMap((row) => {
        const key = `${row.tbl}\n${row.name}`;
        const clause = checks.get(key) ?? checks.get(`\n${row.name}`);
        return constraintOf(row, database, types, {
          columns: keys.get(key) ?? [],
          definition:
            row.type === "CHECK" && clause !== undefined
              ? normaliseMysqlExpression(clause).text
              : (rules.get(key) ?? null),
        });
      });
    },
  );
}

function constraintOf(
  row: Row,
  database: string,
  types: ReadonlyMap<string, string>,
  { columns, definition }: { columns: readonly Row[]; definition: string | null },
): Constraint[] {
  const type = TYPES[row.type ?? ""];
  if (type === undefined) return [];
  const names = columns.map(({ col }) => col ?? "");
  return [
    {
      schema: database,
      table: row.tbl ?? "",
      name: row.name ?? "",
      type,
      columns: names.slice(0, 1_700),
      validated: true,
      references: type === "f" ? referenceOf(columns, types) : null,
      column_types: names.map((name) => types.get(`${database}.${row.tbl}.${name}`) ?? ""),
      inherited: false,
      definition,
    },
  ];
}

function typesOf(tables: readonly SchemaTable[]): Map<string, string> {
  return new Map(
    tables.flatMap(({ schema, name, columns }) =>
      columns.map((column): [string, string] => [
        `${schema}.${name}.${column.name}`,
        column.data_type,
      ]),
    ),
  );
}

function referenceOf(
  columns: readonly Row[],
  types: ReadonlyMap<string, string>,
): Constraint["references"] {
  const [first] = columns;
  const [schema, table] = [first?.far_schema ?? "", first?.far_table ?? ""];
  const names = columns.slice(0, 32).map(({ far }) => far ?? "");
  return {
    schema,
    table,
    columns: names,
    column_types: names.map((name) => types.get(`${schema}.${table}.${name}`) ?? ""),
  };
}

async function readKeys(
  session: Session,
  database: string,
  marks: string,
  page: readonly string[],
): Promise<Map<string, Row[]>> {
  const rows = await session.query(
    `select k.table_name as tbl, k.constraint_name as name, k.column_name as col,
       k.referenced_table_schema as far_schema, k.referenced_table_name as far_table, k.referenced_column_name as far
       from information_schema.key_column_usage as k where k.table_schema = ? and k.table_name in (${marks})
      order by k.table_name, k.constraint_name, k.ordinal_position`,
    [database, ...page],
  );
  const keys = new Map<string, Row[]>();
  for (const row of rows) {
    const key = `${row.tbl}\n${row.name}`;
    const of = keys.get(key) ?? [];
    keys.set(key, of);
    of.push(row);
  }
  return keys;
}

/** `on update restrict on delete cascade`. */
async function readRules(
  session: Session,
  database: string,
  marks: string,
  page: readonly string[],
): Promise<Map<string, string>> {
  const rows = await session.query(
    `select r.table_name as tbl, r.constraint_name as name, r.update_rule as on_update, r.delete_rule as on_delete
       from information_schema.referential_constraints as r
      where r.constraint_schema = ? and r.table_name in (${marks})`,
    [database, ...page],
  );
  return new Map(
    rows.map(({ tbl, name, on_update, on_delete }) => [
      `${tbl}\n${name}`,
      `on update ${on_update} on delete ${on_delete}`.toLowerCase(),
    ]),
  );
}

/** MariaDB names them within a table, MySQL within a database; 5.7 has none. */
async function readChecks(
  session: Session,
  facts: Facts,
  database: string,
): Promise<Map<string, string>> {
  const has = columnsOf(facts, "information_schema.check_constraints");
  if (has.size === 0) return new Map();
  const rows = await session.query(
    `select ${has.has("table_name") ? "c.table_name" : "''"} as tbl, c.constraint_name as name, c.check_clause as clause
       from information_schema.check_constraints as c where c.constraint_schema = ?`,
    [database],
  );
  return new Map(rows.map(({ tbl, name, clause }) => [`${tbl}\n${name}`, clause ?? ""]));
}
