/** What runs of Quern cost a database: of the statements that their comments lead to. */
import type { RunCost } from "@quern/contract/health/statements";
import type { Database } from "@quern/store/db";
import { sql } from "kysely";
import { pointsIn, type Range } from "./read-range.ts";

const TOP = 10;

/** Whose runs: those of a query, or all on a datasource. */
export type RunsOf = { query_id: string } | { datasource_id: string };

type Row = {
  id: string | null;
  query: string | null;
  calls: number;
  total_time_ms: number;
  sum_calls: number;
  sum_ms: number;
  all_ms: number | null;
};

/**
 * A statement is of the run whose comment stands in its text: the server keeps the text of the first call, so one that
 * somebody ran before it was a query's is not told apart. Sums of all of them, and the costliest by name.
 */
export async function readRunCost(
  db: Database,
  database_id: string,
  range: Range,
  of: RunsOf,
): Promise<Omit<RunCost, "database" | "state">> {
  const whose =
    "query_id" in of
      ? sql`runs.query_id = ${of.query_id}`
      : sql`runs.datasource_id = ${of.datasource_id}`;
  const { rows } = await sql<Row>`
    with points as materialized (select * from ${pointsIn("statement", range, database_id)} as points),
    sums as materialized (
      select item.id, sum(item.calls)::float8 as calls, sum(item.ms)::float8 as total_time_ms
      from points, unnest(statement_ids, calls, total_time_ms) as item (id, calls, ms) group by item.id
    ), whole as (
      select (select sum(total_time_ms) from sums) + (select coalesce(sum(other_time_ms), 0)::float8 from points) as all_ms
    ), found as materialized (
      select sums.* from sums join health_statements as statements on statements.id = sums.id
      where statements.run_id is not null and exists (select from runs where runs.id = statements.run_id and ${whose})
    ), costliest as (
      select found.*, query from found join health_statements as statements on statements.id = found.id
      order by found.total_time_ms desc, found.id limit ${TOP}
    )
    select costliest.id::text, query, costliest.calls, costliest.total_time_ms, all_ms,
      coalesce((select sum(calls) from found), 0) as sum_calls, coalesce((select sum(total_time_ms) from found), 0) as sum_ms
    from whole left join costliest on true order by costliest.total_time_ms desc, costliest.id`.execute(
    db,
  );
  const { all_ms, sum_calls, sum_ms } = rows[0]!;
  const shareOf = (ms: number) => (all_ms === null || all_ms === 0 ? null : ms / all_ms);
  return {
    ...{ share: shareOf(sum_ms), calls: sum_calls, total_time_ms: sum_ms },
    mean_time_ms: sum_calls === 0 ? null : sum_ms / sum_calls,
    statements: rows.flatMap(({ id, query, calls, total_time_ms }) =>
      id === null ? [] : [{ id, query, calls, total_time_ms, share: shareOf(total_time_ms) ?? 0 }],
    ),
  };
}
