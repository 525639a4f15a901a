import type { SchemaConstraint } from "@quern/contract/agent/schema";
import type { z } from "zod";
import type { Row } from "../engine/values.ts";
import { normalised } from "./schema-tables.ts";
import type { Session } from "./session.ts";
import { flag, json } from "./values.ts";

type Constraint = z.infer<typeof SchemaConstraint>;

const PAGE = 500;

/**
 * Of the tables with these oids. From 18 on each NOT NULL is a constraint, which its column says already: only those not
 * validated are told.
 */
export async function readConstraints(session: Session, tables: string[]): Promise<Constraint[]> {
  const constraints: Constraint[] = [];
  const sorted = tables.toSorted((a, b) => Number(a) - Number(b));
  for (let start = 0; start < sorted.length; start += PAGE) {
    const rows = await session.query(CONSTRAINTS, [sorted.slice(start, start + PAGE)]);
    constraints.push(...rows.map(constraintOf));
  }
  return constraints;
}

/** Names and types of the columns in an array of their numbers, in its order. */
const columns = (relation: string, numbers: string) => `(select
    json_build_object('names', coalesce(json_agg(a.attname order by u.position), '[]'),
      'types', coalesce(json_agg(format_type(a.atttypid, a.atttypmod) order by u.position), '[]'))
    from unnest(${numbers}) with ordinality as u(attnum, position)
    join pg_attribute as a on a.attrelid = ${relation} and a.attnum = u.attnum)`;

const CONSTRAINTS = `select n.nspname as schema, t.relname as "table", k.conname as name, k.contype as type,
    k.convalidated as validated, k.conparentid <> 0 as inherited, ${columns("k.conrelid", "k.conkey")} as columns,
    case when k.contype = 'f' then ${columns("k.confrelid", "k.confkey")} end as referenced,
    fn.nspname as foreign_schema, f.relname as foreign_table,
    case when k.contype = 'c' then pg_get_expr(k.conbin, k.conrelid) end as expression,
    case when k.contype in ('p', 'u', 'f') then pg_get_constraintdef(k.oid) end as definition
  from pg_constraint as k join pg_class as t on t.oid = k.conrelid join pg_namespace as n on n.oid = t.relnamespace
  left join pg_class as f on f.oid = nullif(k.confrelid, 0) left join pg_namespace as fn on fn.oid = f.relnamespace
  where k.conrelid = any($1::oid[]) and (k.contype in ('p', 'u', 'f', 'c', 'x') or (k.contype = 'n' and not k.convalidated))
  order by k.oid`;

type Columns = { names: string[]; types: string[] };

const TYPES: Record<string, Constraint["type"]> = {
  p: "p",
  u: "u",
  f: "f",
  c: "c",
  x: "x",
  n: "n",
};

function constraintOf(row: Row): Constraint {
  const own = json<Columns>(row.columns) ?? { names: [], types: [] };
  const referenced = json<Columns>(row.referenced);
  return {
    schema: row.schema ?? "",
    table: row.table ?? "",
    name: row.name ?? "",
    type: TYPES[row.type ?? ""] ?? "c",
    columns: own.names,
    validated: flag(row.validated),
    references:
      referenced === null
        ? null
        : {
            schema: row.foreign_schema ?? "",
            table: row.foreign_table ?? "",
            columns: referenced.names,
            column_types: referenced.types,
          },
    ...(referenced === null ? {} : { column_types: own.types }),
    inherited: flag(row.inherited),
    // Keys and references hold names only.
    definition: row.definition ?? normalised(row.expression),
  };
}
