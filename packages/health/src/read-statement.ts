/** One statement: its history, plans, others like it, and what it waits for. */
import type { Plan, StatementDetails } from "@quern/contract/health/statements";
import type { Database } from "@quern/store/db";
import { sql } from "kysely";
import type { z } from "zod";
import { earlier, pointsIn, type Range, WEEK_MS } from "./read-range.ts";
import { listStatements, readCallCosts, type StatementRow } from "./read-statements.ts";
import { type Line, perCall, perSecond, readThingSeries } from "./read-thing-series.ts";

export type StatementFound = Omit<StatementDetails, "range" | "statement" | "siblings"> & {
  statement: StatementRow;
  siblings: StatementRow[];
};

const LINES: readonly Line[] = [
  perSecond("calls", "per_second"),
  perSecond("time", "ms_per_second", "total_time_ms"),
  perCall("mean", "ms", "total_time_ms"),
  perCall("rows", "count", "rows"),
  perCall("blks_hit", "count", "shared_blks_hit"),
  perCall("blks_read", "count", "shared_blks_read"),
  perCall("blks_dirtied", "count", "shared_blks_dirtied"),
  perCall("temp_blks", "count", "temp_blks_written"),
  perCall("blk_read_time", "ms", "blk_read_time_ms"),
  perSecond("wal_bytes", "bytes_per_second"),
];

const SIBLINGS = 20;
/** A mean of fewer calls says little, and a change of less is none. */
const ENOUGH_CALLS = 30;
const REGRESSION = 1.5;

/** Undefined when the database has no such statement. */
export async function readStatement(
  db: Database,
  database: { id: string; server_id: string; interval_s: number | null },
  id: number,
  range: Range,
  compare: boolean = false,
): Promise<StatementFound | undefined> {
  const { rows: like } = await sql<{ id: number }>`
    select others.id from health_statements as one join health_statements as others
      on others.database_id = one.database_id and (others.id = one.id or others.fingerprint = one.fingerprint)
    where one.database_id = ${database.id} and one.id = ${id}
    order by others.id <> one.id, others.last_seen_at desc, others.id limit ${SIBLINGS + 1}`.execute(
    db,
  );
  if (like.length === 0) return undefined;
  const { items } = await listStatements(db, database.id, range, {
    ids: like.map((row) => row.id),
  });
  const statement = items.find((item) => item.id === String(id));
  if (statement === undefined) return undefined;
  const thing = { family: "statement", ids: "statement_ids", database, id } as const;
  return {
    statement,
    siblings: items.filter((item) => item !== statement),
    history: await readThingSeries(db, thing, range, LINES, compare),
    tables: await readNamedTables(db, database.id, statement.tables),
    plans: await readPlans(db, id),
    regression: await readRegression(db, database.id, id, range),
    waits: await readWaits(db, database.server_id, statement.query_hash, range),
  };
}

/** A name without a schema is a table's where only one schema has a table of that name. */
async function readNamedTables(
  db: Database,
  database_id: string,
  names: readonly string[],
): Promise<StatementDetails["tables"]> {
  const { rows } = await sql<{ name: string; relation_id: string | null }>`
    select named.name, case when count(relations.id) = 1 then min(relations.id)::text end as relation_id
    from unnest(${[...names]}::text[]) with ordinality as named (name, place)
      left join health_relations as relations on relations.database_id = ${database_id} and relations.kind = 'table'
        and named.name in (relations.schema || '.' || relations.name, relations.name)
    group by named.name, named.place order by named.place`.execute(db);
  return rows;
}

async function readPlans(db: Database, id: number): Promise<z.infer<typeof Plan>[]> {
  const { rows } = await sql<{
    plan_hash: string;
    plan: unknown;
    total_cost: number | null;
    hypothetical: { definition: string; total_cost: number }[] | null;
    first_seen_at: Date;
    last_seen_at: Date;
  }>`
    select plan_hash, plan, total_cost, hypothetical, first_seen_at, last_seen_at
    from health_plans where statement_id = ${id} order by last_seen_at desc, plan_hash limit 20`.execute(
    db,
  );
  return rows.map(({ hypothetical, first_seen_at, last_seen_at, ...plan }) => ({
    ...plan,
    hypothetical: hypothetical ?? [],
    first_seen_at: first_seen_at.toISOString(),
    last_seen_at: last_seen_at.toISOString(),
  }));
}

/** Null unless it is slower than a week before, by enough calls on both sides. */
async function readRegression(
  db: Database,
  database_id: string,
  id: number,
  range: Range,
): Promise<StatementDetails["regression"]> {
  const now = await readCallCosts(db, database_id, id, range);
  const before = await readCallCosts(db, database_id, id, await earlier(db, range, WEEK_MS));
  if (!now || !before || now.calls < ENOUGH_CALLS || before.calls < ENOUGH_CALLS) return null;
  if (before.mean_ms === 0 || now.mean_ms / before.mean_ms < REGRESSION) return null;
  return {
    ratio: now.mean_ms / before.mean_ms,
    ...{ mean_before_ms: before.mean_ms, mean_now_ms: now.mean_ms },
    blocks_per_call_ratio: before.blocks === 0 ? null : now.blocks / before.blocks,
    rows_per_call_ratio: before.rows === 0 ? null : now.rows / before.rows,
  };
}

async function readWaits(
  db: Database,
  server_id: string,
  query_hash: string,
  range: Range,
): Promise<StatementDetails["waits"]> {
  const { rows } = await sql<{ wait_type: string; wait_event: string; load: number }>`
    with points as (select * from ${pointsIn("load", range, server_id)} as points)
    select wait_type, wait_event, sum(n)::float8 / (select sum(samples) from points) as load
    from points, unnest(query_hashes, wait_types, wait_events, sessions) as item (query_hash, wait_type, wait_event, n)
    where query_hash = ${query_hash}
    group by wait_type, wait_event order by load desc, wait_type, wait_event`.execute(db);
  return rows;
}
