/** Which statements a trial plans: the finding's own, and those of its tables that take the most time. */
import type { SchemaSnapshot, SchemaTable } from "@quern/contract/agent/schema";
import type { Finding } from "@quern/contract/health/findings";
import type { TrialStatement } from "@quern/contract/health/trials";
import type { Database } from "@quern/store/db";
import { sql } from "kysely";
import { qualified, quoted } from "../advisors/names.ts";

const MOST = 10;
const DAYS = 7;
const KINDS = ["select", "insert", "update", "delete", "merge"];

export type ChosenStatement = Omit<TrialStatement, "before" | "after" | "reads"> & {
  reads?: string[];
};

type Row = { id: string; text: string; tables: string[]; time_ms: number | null };

/** `tables` are those that the finding and its fix are about. */
export async function chooseStatements(
  db: Database,
  database_id: string,
  { statement_id, rule, object }: Pick<Finding, "statement_id" | "rule" | "object">,
  tables: readonly SchemaTable[],
  snapshot: SchemaSnapshot,
): Promise<{ statements: ChosenStatement[]; written: string[] }> {
  const written = tables.flatMap(({ schema, name, parent }) => [
    name,
    `${schema}.${name}`,
    ...(parent ? [parent, parent.slice(parent.indexOf(".") + 1)] : []),
  ]);
  const { rows } = await sql<Row>`
    with spent as (
      select each.id, sum(each.time_ms) as time_ms
      from (
        select statement_ids, total_time_ms from health_statement_hours
        where database_id = ${database_id} and at > now() - ${DAYS} * interval '1 day'
        union all
        select statement_ids, total_time_ms from health_statement_points
        where database_id = ${database_id} and at > coalesce((
          select greatest(max(until), now() - ${DAYS} * interval '1 day') from health_rollups where what = 'hour'), '-infinity')
      ) as points cross join unnest(points.statement_ids, points.total_time_ms) as each (id, time_ms)
      group by each.id
    )
    select statements.id::text, statements.query as text, statements.tables, spent.time_ms
    from health_statements as statements left join spent on spent.id = statements.id
    where statements.database_id = ${database_id} and statements.query is not null
      and coalesce(statements.kind, 'select') = any(${KINDS})
      and coalesce(statements.text_state, 'normalised') = 'normalised'
      and (statements.id::text = ${statement_id} or statements.tables && ${written})
    order by statements.id::text = ${statement_id} desc nulls last, spent.time_ms desc nulls last, statements.last_seen_at desc
    limit ${MOST * 3}`.execute(db);
  // One text may be several roles'.
  const distinct = rows
    .filter(({ text }, place) => rows.findIndex((row) => row.text === text) === place)
    .slice(0, MOST);
  const own = distinct.map(({ id, text, time_ms }) => ({
    ...{ statement_id: id, text, time_ms },
    source: id === statement_id ? ("finding" as const) : ("busiest" as const),
  }));
  const asked = rule === "unindexed-foreign-key" ? lookup(object, snapshot) : [];
  return {
    statements: [...asked, ...own].map((statement, place) => ({ n: place + 1, ...statement })),
    written: distinct.flatMap((row) => row.tables),
  };
}

/** What PostgreSQL looks up when a referenced row goes: it is in no statistics of statements. */
function lookup(object: string, { constraints = [] }: SchemaSnapshot) {
  return constraints
    .filter(
      ({ type, schema, table, name }) =>
        type === "f" && `${qualified({ schema, name: table })}.${quoted(name)}` === object,
    )
    .map(({ schema, table, columns }) => ({
      ...{ statement_id: null, time_ms: null, source: "foreign_key" as const },
      text: `select 1 from only ${qualified({ schema, name: table })} x where ${columns
        .map((column, place) => `${quoted(column)} = $${place + 1}`)
        .join(" and ")} for key share of x`,
    }));
}
