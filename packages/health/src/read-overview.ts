/** The first page of a database: what changed, and what the load is made of. */
import type { Change, Overview } from "@quern/contract/health/databases";
import {
  HEALTH_METRICS,
  type HealthMetricName,
  metricSubject,
} from "@quern/contract/health/metrics";
import type { Database } from "@quern/store/db";
import { sql } from "kysely";
import type { z } from "zod";
import { listEvents } from "./events.ts";
import { earlier, finer, pointsIn, type Range, rangeAnswer, WEEK_MS } from "./read-range.ts";
import { readLoadByWait, readMetricSeries, type Subject, stepOf } from "./read-series.ts";

type Changed = z.infer<typeof Change>;
type Watched = {
  id: string;
  org_id: string;
  name: string;
  server_id: string;
  type: Subject["type"];
  interval_s: number | null;
};

const THROUGHPUT: readonly HealthMetricName[] = [
  ...(["xact_commit", "xact_rollback", "statement_calls", "tup_inserted"] as const),
  ...(["tup_updated", "tup_deleted"] as const),
];
const TOP = 10;

export async function readOverview(
  db: Database,
  database: Watched,
  range: Range,
  compare: boolean = false,
): Promise<Overview> {
  const { id: database_id, server_id, type, interval_s } = database;
  const subject: Subject = { database_id, server_id, type, interval_s };
  const changes = [
    ...(await metricChanges(db, subject, range)),
    ...(await statementChanges(db, database.id, range)),
    ...(await findingChanges(db, database.id, range)),
    ...(await eventChanges(db, database, range)),
  ];
  return {
    range: rangeAnswer(range),
    changes,
    load_by_wait: await loadByWait(db, database, range, compare),
    load_by_statement: await loadByStatement(db, database, range),
    throughput: await readMetricSeries(db, subject, range, THROUGHPUT),
    agent_share: await agentShare(db, subject, range),
  };
}

/** With the whole load of a week before as `load:week`, at the times of now. */
async function loadByWait(
  db: Database,
  { server_id, name, interval_s }: Watched,
  range: Range,
  compare: boolean,
): Promise<Overview["load_by_wait"]> {
  if (!compare)
    return readLoadByWait(db, server_id, await finer(db, "load", range, [server_id]), name);
  const step_s = stepOf(interval_s);
  const now = await readLoadByWait(db, server_id, range, name, step_s);
  const week = await readLoadByWait(db, server_id, await earlier(db, range, WEEK_MS), name, step_s);
  const sums = new Map(
    week.at.map((at, place) => [
      Date.parse(at) + WEEK_MS,
      week.series.reduce((sum, { values }) => sum + (values[place] ?? 0), 0),
    ]),
  );
  const values = now.at.map((at) => sums.get(Date.parse(at)) ?? null);
  return { ...now, series: [...now.series, { name: "load:week", unit: "count", values }] };
}

/** Compared with the same length of time before: those that are half as much again, or less than two thirds. */
const COMPARED: readonly HealthMetricName[] = [
  ...(["load", "statement_time_ms", "statement_calls", "xact_commit", "xact_rollback"] as const),
  ...(["temp_bytes", "deadlocks", "blks_read", "wal_bytes", "connections_total"] as const),
  ...(["replay_lag_bytes", "slots_retained_bytes", "horizon_age", "blocked_sessions"] as const),
];
const MORE = 1.5;
/** Below it a change is noise, whatever the ratio: per second, or as the gauge is. */
const LEAST: Partial<Record<HealthMetricName, number>> = {
  ...{ load: 0.5, statement_time_ms: 50, statement_calls: 1, xact_commit: 1, xact_rollback: 0.1 },
  ...{ temp_bytes: 1e6, blks_read: 100, wal_bytes: 1e5, connections_total: 10 },
  ...{ replay_lag_bytes: 1e7, slots_retained_bytes: 1e9, horizon_age: 1e5, blocked_sessions: 1 },
};

async function metricChanges(db: Database, subject: Subject, range: Range): Promise<Changed[]> {
  const before = await means(db, subject, await timeBefore(db, range));
  const after = await means(db, subject, range);
  return COMPARED.flatMap((name): Changed[] => {
    const [old, now] = [before.get(name), after.get(name)];
    if (old === undefined || now === undefined) return [];
    const least = LEAST[name] ?? 0;
    const grown = now > least && now > old * MORE;
    const shrunk = old > least && now < old / MORE;
    if (!grown && !shrunk) return [];
    return [{ type: "metric", title_key: name, subject: null, before: old, after: now, at: null }];
  });
}

const timeBefore = (db: Database, range: Range) =>
  earlier(db, range, range.to.getTime() - range.from.getTime());

async function means(
  db: Database,
  { database_id, server_id, type }: Subject,
  range: Range,
): Promise<Map<HealthMetricName, number>> {
  const asked = JSON.stringify(
    COMPARED.map((name) => {
      const subject_id = metricSubject(name, type) === "server" ? server_id : database_id;
      return { name, subject_id, kind: HEALTH_METRICS[name].kind };
    }),
  );
  const { rows } = await sql<{ name: HealthMetricName; mean: number | null }>`
    select name, case kind when 'counter' then sum((values ->> name)::float8) / nullif(sum(seconds), 0)
      else avg((values ->> name)::float8) end as mean
    from ${pointsIn("metric", range, [database_id, server_id])} as points
      join jsonb_to_recordset(${asked}::jsonb) as asked (name text, subject_id uuid, kind text) using (subject_id)
    where values ? name group by name, kind`.execute(db);
  return new Map(rows.flatMap(({ name, mean }) => (mean === null ? [] : [[name, mean]])));
}

/** Statements that take more time than last week, beyond what more calls explain, and new ones that matter. */
async function statementChanges(
  db: Database,
  database_id: string,
  range: Range,
): Promise<Changed[]> {
  const week = await earlier(db, range, WEEK_MS);
  const sums = (each: Range) => sql`
    select item.id, sum(item.n)::float8 as n, sum(item.ms) as ms
    from ${pointsIn("statement", each, database_id)} as points, unnest(statement_ids, calls, total_time_ms) as item (id, n, ms)
    group by item.id`;
  const { rows } = await sql<{ id: string; before: number | null; after: number; fresh: boolean }>`
    with now as materialized (${sums(range)}), before as materialized (${sums(week)}),
    whole as (select sum(ms) as ms from now)
    select statements.id::text, before.ms / nullif(before.n, 0) as before, now.ms / now.n as after,
      first_seen_at > ${range.from} as fresh
    from now join health_statements as statements using (id) left join before using (id), whole
    where now.n >= 30 and now.ms >= 0.01 * whole.ms
      and ((before.n >= 30 and now.ms / now.n >= ${MORE} * before.ms / before.n and now.ms / now.n - before.ms / before.n >= 1)
        or (first_seen_at > ${range.from} and exists (select from before)))
    order by now.ms - now.n * coalesce(before.ms / nullif(before.n, 0), 0) desc, statements.id limit 5`.execute(
    db,
  );
  return rows.map(({ id, before, after, fresh }) => ({
    ...{
      type: "statement",
      title_key: fresh && before === null ? "new_statement" : "slower_statement",
    },
    ...{ subject: id, before, after, at: null },
  }));
}

async function findingChanges(
  db: Database,
  database_id: string,
  { from, to }: Range,
): Promise<Changed[]> {
  const { rows } = await sql<{ rule: string; object: string; first_seen_at: Date }>`
    select rule, object, first_seen_at from health_findings
    where database_id = ${database_id} and first_seen_at > ${from} and first_seen_at <= ${to} and muted_at is null
      and resolved_at is null
    order by array_position('{critical,warning,info}', severity), first_seen_at desc, rule, object limit 8`.execute(
    db,
  );
  return rows.map(({ rule, object, first_seen_at }) => ({
    ...{ type: "finding", title_key: rule, subject: object === "" ? null : object },
    ...{ before: null, after: null, at: first_seen_at.toISOString() },
  }));
}

async function eventChanges(db: Database, database: Watched, range: Range): Promise<Changed[]> {
  const events = await listEvents(db, database, range, { limit: 8 });
  return events.slice(0, 8).map(({ type, subject, at }) => ({
    ...{ type: "event", title_key: type, subject, before: null, after: null },
    at: at.toISOString(),
  }));
}

async function loadByStatement(
  db: Database,
  { id, name, server_id }: Watched,
  range: Range,
): Promise<Overview["load_by_statement"]> {
  const { rows } = await sql<Overview["load_by_statement"][number]>`
    with points as (select * from ${pointsIn("load", range, server_id)} as points),
    whole as (select nullif(sum(samples), 0)::float8 as samples from points),
    each as (
      select nullif(query_hash, '') as query_hash, sum(n)::float8 as n
      from points, unnest(databases, query_hashes, sessions) as item (name, query_hash, n)
      where item.name = ${name} group by 1
    )
    select known.id::text as statement_id, known.query, each.query_hash, n / samples as load,
      n / nullif(sum(n) over (), 0) as share
    from whole, each left join lateral (
      select id, query from health_statements as statements where database_id = ${id} and statements.query_hash = each.query_hash
      order by last_seen_at desc, id limit 1) as known on true
    where samples is not null order by n desc, each.query_hash limit ${TOP}`.execute(db);
  return rows;
}

/** Of all the time that statements took, its own included, which no section sends; null when either is not known. */
async function agentShare(
  db: Database,
  { database_id, server_id }: Subject,
  range: Range,
): Promise<number | null> {
  const { rows } = await sql<{ share: number | null }>`
    with sums as (
      select sum((values ->> 'agent_database_time_ms')::float8) filter (where subject_id = ${server_id}) as own,
        sum((values ->> 'statement_time_ms')::float8) as others
      from ${pointsIn("metric", range, [database_id, server_id])} as points
    )
    select own / nullif(own + others, 0) as share from sums`.execute(db);
  return rows[0]?.share ?? null;
}
