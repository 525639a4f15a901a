/** How the installation is: processes, queue, the last hour, what is stored. For people who look, and for metrics. */
import type {
  ApiProcess,
  DatabaseState,
  DatasourceQueue,
  LastHour,
  ProcessVitals,
  ResultStoreState,
  RunnerProcess,
} from "@quern/contract/system";
import { sql } from "kysely";
import type { Database } from "./db.ts";

/** Processes say every few seconds that they live; one that was silent for longer is taken for gone. */
const ALIVE_SECONDS = 15;

/** Notes that an API process lives and how it is; forgets those that were silent for a day. */
export async function noteApiProcess(
  db: Database,
  api: { id: string; hostname: string; vitals: ProcessVitals },
): Promise<void> {
  await sql`
    insert into api_processes (id, hostname, vitals)
    values (${api.id}, ${api.hostname}, ${JSON.stringify(api.vitals)})
    on conflict (id) do update set seen_at = now(), vitals = excluded.vitals`.execute(db);
  await sql`delete from api_processes where seen_at < now() - interval '1 day'`.execute(db);
}

export async function forgetApiProcess(db: Database, id: string): Promise<void> {
  await sql`delete from api_processes where id = ${id}`.execute(db);
}

type Times = { started_at: Date; seen_at: Date };

/** API processes, `own` first, and runners: those that gave a sign of life within a day and did not sign off. */
export async function listProcesses(
  db: Database,
  own: string,
): Promise<{ now: Date; apis: ApiProcess[]; runners: RunnerProcess[] }> {
  const { rows: clock } = await sql<{ now: Date }>`select clock_timestamp() as now`.execute(db);
  const { rows: apis } = await sql<Omit<ApiProcess, keyof Times> & Times>`
    select id, hostname, started_at, seen_at, vitals,
      seen_at > now() - ${ALIVE_SECONDS} * interval '1 second' as alive
    from api_processes
    order by id = ${own} desc, alive desc, started_at, id
    limit 100`.execute(db);
  const { rows: runners } = await sql<Omit<RunnerProcess, keyof Times> & Times>`
    select runners.id, hostname, slots, started_at, seen_at, vitals,
      seen_at > now() - ${ALIVE_SECONDS} * interval '1 second' as alive,
      (select count(*) from runs where runs.status = 'running' and runs.runner = runners.id) as running
    from runners
    order by started_at, id
    limit 200`.execute(db);
  return { now: clock[0]!.now, apis: apis.map(withIsoTimes), runners: runners.map(withIsoTimes) };
}

function withIsoTimes<T extends Times>(row: T) {
  return {
    ...row,
    started_at: row.started_at.toISOString(),
    seen_at: row.seen_at.toISOString(),
  };
}

/** Runners that gave a sign of life lately, and the runs that they can execute at the same time. */
export async function countRunners(db: Database): Promise<{ runners: number; slots: number }> {
  const { rows } = await sql<{ runners: number; slots: number }>`
    select count(*) as runners, coalesce(sum(slots), 0) as slots
    from runners where seen_at > now() - ${ALIVE_SECONDS} * interval '1 second'`.execute(db);
  return rows[0]!;
}

/** How many runs are queued and running now, over all organisations. */
export async function countRuns(
  db: Database,
): Promise<{ status: "queued" | "running"; count: number }[]> {
  const { rows } = await sql<{ status: "queued" | "running"; count: number }>`
    select 'queued' as status, count(*) as count from queue
    union all
    select 'running', count(*) from runs where status = 'running'`.execute(db);
  return rows;
}

/** The lane of work that counts against no datasource's cap (migration 0008). */
const NO_DATASOURCE = "00000000-0000-0000-0000-000000000000";

/**
 * The queue of each datasource, the longest wait first; without a datasource that of all work that occupies none. `org`: of
 * one organisation only. `idle`: with those of which nothing waits or goes on.
 */
export async function readQueues(
  db: Database,
  options: { org?: string; idle?: boolean; limit: number },
): Promise<DatasourceQueue[]> {
  const org = options.org ?? null;
  // Whose a lane is, its datasource says; without one, each run.
  const foreign = sql`lane = ${NO_DATASOURCE} and ${org}::uuid is not null and not exists (
    select from runs as theirs where theirs.id = run_id and theirs.org_id = ${org})`;
  const { rows } = await sql<DatasourceQueue>`
    with waiting as (
      -- Ids are ordered by time; PostgreSQL before 18 has no min() of them.
      select lane, count(*) as queued, min(run_id::text collate "C")::uuid as oldest
      from queue where not (${foreign})
      group by lane
    ),
    going as (
      select lane, count(*) as running
      from (select lane, id as run_id from runs where status = 'running') as now_running
      where not (${foreign})
      group by lane
    ),
    lanes as (
      select coalesce(waiting.lane, going.lane) as lane, waiting.queued, waiting.oldest, going.running
      from waiting full join going on going.lane = waiting.lane
    )
    select
      case when datasources.id is not null
        then jsonb_build_object('id', datasources.id, 'name', datasources.name) end as datasource,
      coalesce(lanes.queued, 0) as queued,
      greatest(extract(epoch from clock_timestamp() - oldest.queued_at)::float8, 0) as oldest_wait_s,
      coalesce(lanes.running, 0) as running,
      datasources.max_concurrency
    from lanes
    left join runs as oldest on oldest.id = lanes.oldest
    full join datasources on datasources.id = lanes.lane
    where case
      when datasources.id is null then lanes.lane = ${NO_DATASOURCE}
      else (${org}::uuid is null or datasources.org_id = ${org})
        and (lanes.lane is not null or (${options.idle ?? false} and datasources.deleted_at is null)) end
    order by oldest_wait_s desc nulls last, running desc, lower(datasources.name)
    limit ${options.limit}`.execute(db);
  return rows.map((row) => ({
    ...row,
    oldest_wait_s: row.queued === 0 ? null : row.oldest_wait_s,
  }));
}

/** Two hours of ids, which are ordered by the time of queueing: a run takes an hour at most, and rarely waits for one. */
const RECENT_HOURS = 2;
const RECENT_RUNS = 100_000;

type HourRow = Pick<
  LastHour,
  "succeeded" | "failed" | "canceled" | "failures" | "lease_expiries" | "complete"
> & {
  waiting_p: [number, number] | null;
  running_p: [number, number] | null;
};

/** What ended within the last hour, by its newest 100,000 runs: a range of the index of the history. */
export async function readLastHour(db: Database, org: string): Promise<LastHour> {
  // Known beforehand, so that the planner sees how short the range is.
  const { rows: bounds } = await sql<{ since: string }>`
    select (lpad(to_hex((extract(epoch from now() - ${RECENT_HOURS} * interval '1 hour') * 1000)::bigint), 12, '0')
      || '70008000000000000000')::uuid as since`.execute(db);
  const { rows } = await sql<HourRow>`
    with recent as materialized (
      select status, error ->> 'code' as code, queued_at, claimed_at, finished_at
      from runs
      where org_id = ${org} and id > ${bounds[0]!.since}
      order by id desc
      limit ${RECENT_RUNS}
    ),
    ended as (
      select *, extract(epoch from claimed_at - queued_at)::float8 as waiting,
        extract(epoch from finished_at - claimed_at)::float8 as running
      from recent where finished_at > now() - interval '1 hour'
    ),
    failures as (
      select code, count(*) as count from ended where status = 'failed' group by code
    )
    select
      count(*) filter (where status = 'succeeded') as succeeded,
      count(*) filter (where status = 'failed') as failed,
      count(*) filter (where status = 'canceled') as canceled,
      count(*) filter (where code = 'runner_lost') as lease_expiries,
      percentile_disc(array[0.5, 0.95]) within group (order by waiting) as waiting_p,
      percentile_disc(array[0.5, 0.95]) within group (order by running) as running_p,
      coalesce((
        select jsonb_agg(jsonb_build_object('code', code, 'count', count) order by count desc, code) from failures
      ), '[]') as failures,
      (select count(*) from recent) < ${RECENT_RUNS} as complete
    from ended`.execute(db);
  const { waiting_p, running_p, ...counts } = rows[0]!;
  const percentiles = (p: [number, number] | null) => ({
    p50_s: p?.[0] == null ? null : Math.max(0, p[0]),
    p95_s: p?.[1] == null ? null : Math.max(0, p[1]),
  });
  return { ...counts, waiting: percentiles(waiting_p), running: percentiles(running_p) };
}

/** Results are counted one by one up to here, and their files on so many pages; beyond, what is said is an estimate. */
const COUNTED_RESULTS = 20_000;
const SAMPLED_PAGES = 2_048;

/** What is kept of results, over all organisations. */
export async function readResultStore(
  db: Database,
  kind: ResultStoreState["kind"],
): Promise<ResultStoreState> {
  const { rows: kept } = await sql<{ results: number; many: boolean; oldest_expiry: Date | null }>`
    select
      case when counted.results <= ${COUNTED_RESULTS} then counted.results
        else greatest(counted.results, (
          select reltuples::bigint from pg_class where oid = to_regclass('runs_result_expiry')
        )) end as results,
      counted.results > ${COUNTED_RESULTS} as many,
      (select min(result_expires_at) from runs
        where result_expires_at is not null and result_deleted_at is null) as oldest_expiry
    from (
      select count(*) as results from (
        select from runs where result_expires_at is not null and result_deleted_at is null
        limit ${COUNTED_RESULTS + 1}
      ) as kept
    ) as counted`.execute(db);
  const { rows: pages } = await sql<{ pages: number }>`
    select pg_relation_size('result_parts') / current_setting('block_size')::bigint as pages`.execute(
    db,
  );
  const share = Math.min(1, SAMPLED_PAGES / Math.max(1, pages[0]!.pages));
  const sample = share < 1 ? sql`tablesample system (${share * 100})` : sql``;
  const { rows: sizes } = await sql<{ store: "postgres" | "file" | "s3"; bytes: number }>`
    select store, sum(size)::bigint as bytes from result_parts ${sample} group by store`.execute(
    db,
  );
  const bytes = { postgres: 0, file: 0, s3: 0 };
  for (const row of sizes) bytes[row.store] = Math.round(row.bytes / share);
  const { results, many, oldest_expiry } = kept[0]!;
  return {
    kind,
    results,
    bytes,
    estimated: many || share < 1,
    oldest_expiry: oldest_expiry?.toISOString() ?? null,
  };
}

/** Quern's own database: its size, its biggest tables, its schema's version. Sizes come from the file system. */
export async function readDatabase(db: Database): Promise<DatabaseState> {
  const { rows } = await sql<DatabaseState>`
    select
      current_setting('server_version') as version,
      (select name from pgmigrations order by id desc limit 1) as migration,
      pg_database_size(current_database()) as bytes,
      (select coalesce(jsonb_agg(to_jsonb(biggest) order by biggest.bytes desc), '[]') from (
        select relname as name, pg_total_relation_size(oid) as bytes,
          case when reltuples >= 0 then reltuples::bigint end as rows
        from pg_class
        where relnamespace = 'public'::regnamespace and relkind = 'r'
        order by pg_total_relation_size(oid) desc
        limit 10
      ) as biggest) as tables,
      (select count(*) from pg_stat_activity where datname = current_database()) as connections,
      current_setting('max_connections')::integer as max_connections`.execute(db);
  return rows[0]!;
}
