import type { Client } from "pg";

/** People, datasources and saved queries that the runs are of. */
export type Cast = { people: number; datasources: number; queries: number };

/** Makes them, and a table of each with the places 0, 1, 2 … that runs are dealt out by. */
export async function addCast(db: Client, { people, datasources, queries }: Cast): Promise<void> {
  await withoutTriggers(db);
  await db.query(`
    create table cast_people as
      select uuid_v7() as id, n - 1 as place from generate_series(1, ${people}) as n;
    insert into users (id, email, name) select id, 'p' || place || '@example.test', 'p' || place from cast_people;
    create table cast_datasources as
      select uuid_v7() as id, n - 1 as place from generate_series(1, ${datasources}) as n;
    insert into datasources (id, org_id, name, type, config, max_concurrency)
      select cast_datasources.id, orgs.id, 'd' || place, 'postgres', '{}', 4 from cast_datasources, orgs;
    create table cast_queries as
      select uuid_v7() as id, n - 1 as place from generate_series(1, ${queries}) as n;
    insert into queries (id, org_id) select cast_queries.id, orgs.id from cast_queries, orgs;
    insert into query_versions (query_id, version, name, datasource_id, sql)
      select id, 1, 'q' || place, (select id from cast_datasources where place = 0), 'select 1' from cast_queries;
    create unique index on cast_people (place);
    create unique index on cast_datasources (place);
    create unique index on cast_queries (place);
    analyze`);
}

/** Adds ended runs number `from` to `to`, one every 6 s, dealt out over the cast: one in twenty failed, one in a hundred canceled. */
export async function addHistory(db: Client, cast: Cast, from: number, to: number): Promise<void> {
  await withoutTriggers(db);
  await db.query(
    `insert into runs (id, org_id, kind, status, datasource_id, lane, query_id, query_version, sql, timeout_ms, max_rows,
       max_bytes, trigger, created_by, attempt, queued_at, claimed_at, started_at, finished_at, rows, error, runner)
     select
       (lpad(to_hex((extract(epoch from numbered.at) * 1000)::bigint), 12, '0') || '7000' || '8000'
         || lpad(to_hex(numbered.n), 12, '0'))::uuid,
       orgs.id, case when numbered.n % 100 = 0 then 'introspect' else 'query' end,
       case when numbered.n % 20 = 0 then 'failed' when numbered.n % 101 = 0 then 'canceled' else 'succeeded' end,
       d.id, d.id, case when numbered.n % 2 = 0 then q.id end, case when numbered.n % 2 = 0 then 1 end,
       case when numbered.n % 100 <> 0
         then 'select * from orders where customer = ' || numbered.n || ' and region in (select region from regions where active)' end,
       60000, 100000, 1000000, case when numbered.n % 5 = 0 then 'schedule' else 'user' end, p.id, 1,
       numbered.at, numbered.at, numbered.at, numbered.at + interval '1 s', 10,
       case when numbered.n % 20 = 0 then '{"code": "sql_error", "message": "x", "sqlstate": null, "position": null, "detail": null, "hint": null}'::jsonb end, 'r'
     from orgs
     cross join (
       select n, timestamptz '2025-01-01' + n * interval '6 s' as at from generate_series($1::bigint, $2::bigint) as n
     ) as numbered
     join cast_people as p on p.place = numbered.n * 7919 % ${cast.people}
     join cast_datasources as d on d.place = numbered.n * 104729 % ${cast.datasources}
     join cast_queries as q on q.place = numbered.n * 31 % ${cast.queries}`,
    [from, to],
  );
}

/** Empties the queue and fills it: `count` runs of so many people in so many datasources, in turns. */
export async function fillQueue(
  db: Client,
  { count, people, datasources }: { count: number; people: number; datasources: number },
): Promise<void> {
  await withoutTriggers(db);
  await db.query("truncate queue");
  await db.query("delete from runs where status = 'queued'");
  await db.query(
    `insert into runs (id, org_id, kind, datasource_id, lane, turn, sql, timeout_ms, max_rows, max_bytes, trigger, created_by)
     select uuid_v7(), orgs.id, 'query', d.id, d.id, n / ${Math.max(people, datasources)}, 'select 1', 1, 1, 1, 'user', p.id
     from orgs
     cross join generate_series(1, $1::int) as n
     join cast_people as p on p.place = n % ${people}
     join cast_datasources as d on d.place = n * 7 % ${datasources}`,
    [count],
  );
  await db.query(`
    insert into queue (lane, priority_rank, turn, run_id, person)
    select lane, priority_rank, turn, id, created_by from runs where status = 'queued'`);
  await db.query("vacuum analyze queue");
  await db.query("set session_replication_role = origin");
}

/** What the triggers of a run would write is written at once. */
async function withoutTriggers(db: Client): Promise<void> {
  await db.query("set session_replication_role = replica");
}
