/** Statements of a range, by what they cost, beside the same range a week before. */
import type { StatementOrder, StatementTotals } from "@quern/contract/health/statements";
import type { Database } from "@quern/store/db";
import { containing } from "@quern/store/page";
import { type RawBuilder, sql } from "kysely";
import type { z } from "zod";
import { earlier, pointsIn, type Range, WEEK_MS } from "./read-range.ts";

/** The run is looked up by who may see it. */
export type StatementRow = Omit<StatementTotals, "run"> & { run_id: string | null };
export type StatementFilter = {
  order?: z.infer<typeof StatementOrder> | undefined;
  search?: string | undefined;
  kind?: string | undefined;
  user_name?: string | undefined;
  /** `schema.table` or a name alone. */
  table?: string | undefined;
  /** First seen then or later. */
  new_since?: string | undefined;
  limit?: number | undefined;
  offset?: number | undefined;
  /** These alone, also when they did nothing in the range. */
  ids?: readonly number[] | undefined;
  /** False where nobody asks for last week's means, which cost as much as all the rest. */
  with_week?: boolean | undefined;
};
type Sums = { calls: number; total_time_ms: number };
export type StatementList = {
  /** Of those that match. */
  total: Sums & { statements: number };
  other: Sums;
  /** Roles whose statements did something in the range, whatever the filter. */
  users: string[];
  items: StatementRow[];
};

const ORDERS: Record<NonNullable<StatementFilter["order"]>, RawBuilder<unknown>> = {
  time: sql`sums.total_time_ms`,
  calls: sql`sums.calls`,
  mean: sql`sums.total_time_ms / nullif(sums.calls, 0)`,
  rows: sql`sums.rows`,
  io: sql`coalesce(sums.shared_blks_read, 0) + coalesce(sums.shared_blks_dirtied, 0)`,
  temp: sql`sums.temp_blks_written`,
  wal: sql`sums.wal_bytes`,
  // Time that it takes more than it would have with last week's mean.
  change: sql`sums.total_time_ms - sums.calls * week.mean_ms`,
};

const SUMMED = [
  ...["calls", "total_time_ms", "rows", "shared_blks_hit", "shared_blks_read"],
  ...["shared_blks_dirtied", "temp_blks_written", "blk_read_time_ms", "blk_write_time_ms"],
  "wal_bytes",
] as const;

/** Sums of `names` of every statement of the range; counters are exact as doubles up to 2^53. */
function sumsOf(database_id: string, range: Range, names: readonly string[]): RawBuilder<unknown> {
  const refs = sql.join(names.map((name) => sql.ref(name)));
  const sums = names.map(
    (name) => sql`sum(item.${sql.ref(name)})::double precision as ${sql.ref(name)}`,
  );
  return sql`
    select item.id, ${sql.join(sums)}
    from ${pointsIn("statement", range, database_id)} as points, unnest(statement_ids, ${refs}) as item (id, ${refs})
    group by item.id`;
}

export async function listStatements(
  db: Database,
  database_id: string,
  range: Range,
  filter: StatementFilter,
): Promise<StatementList> {
  const week = await earlier(db, range, WEEK_MS);
  const weekSums =
    filter.with_week === false
      ? sql`select null::bigint as id, 0::float8 as calls, 0::float8 as total_time_ms where false`
      : sumsOf(database_id, week, ["calls", "total_time_ms"]);
  const join = filter.ids === undefined ? sql`join` : sql`left join`;
  const { rows } = await sql<FoundRow>`
    with sums as materialized (${sumsOf(database_id, range, SUMMED)}),
    week_sums as materialized (${weekSums}),
    week as (select id, total_time_ms / nullif(calls, 0) as mean_ms from week_sums),
    other as (
      select coalesce(sum(other_calls), 0)::float8 as other_calls, coalesce(sum(other_time_ms), 0) as other_time_ms
      from ${pointsIn("statement", range, database_id)} as points
    ), found as (
      select statements.id, query_hash, fingerprint, nullif(user_name, '') as user_name, coalesce(kind, 'unknown') as kind,
        query, text_state, tables, run_id, first_seen_at, last_seen_at,
        ${sql.join(SUMMED.map((name) => sql`sums.${sql.ref(name)}`))},
        week.mean_ms as mean_time_before_ms, ${ORDERS[filter.order ?? "time"]} as place
      from health_statements as statements ${join} sums on sums.id = statements.id left join week on week.id = statements.id
      where statements.database_id = ${database_id} and ${matching(filter)}
    )
    select found.*, other.*, all_time_ms, users, matched.*
    from other, (
      select coalesce(sum(total_time_ms), 0) as all_time_ms,
        coalesce(array_agg(distinct user_name order by user_name) filter (where user_name <> ''), '{}') as users
      from sums join health_statements as statements on statements.id = sums.id) as whole,
      (select count(*)::float8 as total_statements, coalesce(sum(calls), 0) as total_calls,
        coalesce(sum(total_time_ms), 0) as total_time from found) as matched
      left join (
        select * from found order by place desc nulls last, id
        limit ${filter.limit ?? 100} offset ${filter.offset ?? 0}
      ) as found on true
    order by place desc nulls last, id`.execute(db);
  const first = rows[0]!;
  return {
    total: {
      ...{ statements: first.total_statements, calls: first.total_calls },
      total_time_ms: first.total_time,
    },
    other: { calls: first.other_calls, total_time_ms: first.other_time_ms },
    users: first.users,
    items: rows.flatMap((row) => (row.id === null ? [] : [totalsOf(row)])),
  };
}

function matching(filter: StatementFilter): RawBuilder<unknown> {
  const { search, kind, user_name, table, new_since, ids } = filter;
  const conditions = [sql`true`];
  if (ids !== undefined) conditions.push(sql`statements.id = any(${[...ids]}::bigint[])`);
  if (search !== undefined && search !== "")
    conditions.push(
      sql`(query ilike ${containing(search)} or query_hash = ${search} or fingerprint = ${search})`,
    );
  if (kind !== undefined) conditions.push(sql`coalesce(kind, 'unknown') = ${kind}`);
  if (user_name !== undefined) conditions.push(sql`user_name = ${user_name}`);
  if (new_since !== undefined)
    conditions.push(sql`statements.first_seen_at >= ${new_since}::timestamptz`);
  if (table !== undefined) {
    const name = table.slice(table.indexOf(".") + 1);
    conditions.push(sql`tables && array[${table}::text, ${name}::text]`);
  }
  return sql.join(conditions, sql` and `);
}

type FoundRow = Record<(typeof SUMMED)[number], number | null> &
  Pick<StatementTotals, "query_hash" | "fingerprint" | "user_name" | "kind" | "query"> &
  Pick<StatementTotals, "text_state" | "tables" | "mean_time_before_ms"> & {
    id: number | null;
    run_id: string | null;
    first_seen_at: Date;
    last_seen_at: Date;
    all_time_ms: number;
    other_calls: number;
    other_time_ms: number;
    total_statements: number;
    total_calls: number;
    total_time: number;
    users: string[];
  };

function totalsOf(row: FoundRow): StatementRow {
  const { calls, total_time_ms } = { calls: row.calls ?? 0, total_time_ms: row.total_time_ms ?? 0 };
  const all_ms = row.all_time_ms + row.other_time_ms;
  return {
    ...{ id: String(row.id), query_hash: row.query_hash, fingerprint: row.fingerprint },
    ...{ user_name: row.user_name, kind: row.kind, query: row.query, text_state: row.text_state },
    ...{ tables: row.tables, run_id: row.run_id, calls, total_time_ms, rows: row.rows ?? 0 },
    mean_time_ms: calls === 0 ? null : total_time_ms / calls,
    ...{ shared_blks_hit: row.shared_blks_hit, shared_blks_read: row.shared_blks_read },
    ...{ shared_blks_dirtied: row.shared_blks_dirtied, temp_blks_written: row.temp_blks_written },
    ...{ blk_read_time_ms: row.blk_read_time_ms, blk_write_time_ms: row.blk_write_time_ms },
    ...{ wal_bytes: row.wal_bytes, share: all_ms === 0 ? 0 : total_time_ms / all_ms },
    mean_time_before_ms: row.mean_time_before_ms,
    first_seen_at: row.first_seen_at.toISOString(),
    last_seen_at: row.last_seen_at.toISOString(),
  };
}

export type CallCosts = { calls: number; mean_ms: number; blocks: number; rows: number };

/** What a call of one statement cost on average in the range; undefined when there was none. */
export async function readCallCosts(
  db: Database,
  database_id: string,
  id: number,
  range: Range,
): Promise<CallCosts | undefined> {
  const { rows } = await sql<CallCosts>`
    with points as materialized (
      select calls[place] as calls, total_time_ms[place] as total_time_ms, rows[place] as rows,
        shared_blks_hit[place] + shared_blks_read[place] as blocks
      from ${pointsIn("statement", range, database_id)} as points
        cross join lateral (select array_position(statement_ids, ${id}::bigint) as place offset 0) as found
      where place is not null
    )
    select sum(calls)::float8 as calls, sum(total_time_ms) / sum(calls) as mean_ms,
      coalesce(sum(blocks), 0)::float8 / sum(calls)::float8 as blocks, sum(rows)::float8 / sum(calls)::float8 as rows
    from points having sum(calls) > 0`.execute(db);
  return rows[0];
}
