import { testServer, testUrl } from "@quern/store/testing";
import { Client } from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { DEMO_DATABASE, DEMO_READER, ensureDemo } from "./demo-database.ts";

const NOW = new Date("2026-11-21T12:34:56Z");
const PASSWORD = "reader'\\password";
let reader: Client;

async function superuser(database: string, sql: string): Promise<unknown[]> {
  const client = new Client({ connectionString: testUrl(database) });
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}

/** The only row of a statement, as the demo's reader sees it. */
async function one(sql: string): Promise<Record<string, unknown>> {
  const { rows } = await reader.query(sql);
  expect(rows).toHaveLength(1);
  return rows[0];
}

beforeAll(async () => {
  expect(await ensureDemo(testUrl("postgres"), PASSWORD, () => NOW)).toEqual({ state: "loaded" });
  const { host, port } = testServer();
  const user = DEMO_READER;
  reader = new Client({ host, port, user, password: PASSWORD, database: DEMO_DATABASE });
  reader.on("error", () => {
    // The database is dropped under it when a test fails.
  });
  await reader.connect();
}, 120_000);

afterAll(async () => {
  await superuser("postgres", `drop database ${DEMO_DATABASE} with (force)`);
});

test("flights are an even sample of the real ones, every airport known", async () => {
  expect(
    await one(`
      select count(*)::int as flights, count(distinct origin)::int as origins,
             min(date)::text as first, max(date)::date::text as last, round(avg(delay), 1)::text as delay
      from flights.flights`),
  ).toMatchObject({ flights: 250_000, first: "2001-01-01 00:01:00", last: "2001-06-30" });
  const months = await reader.query(`
    select count(*)::int as flights from flights.flights group by date_trunc('month', date) order by min(date)`);
  expect(months.rows.map(({ flights }) => flights)).toEqual([
    42_354, 38_181, 42_625, 41_752, 43_236, 41_852,
  ]);
  expect(
    await one(`select count(*)::int as airports, count(*) filter (where state is null)::int as stateless,
                      (select name from flights.airports where iata = '53A') as quoted
               from flights.airports`),
  ).toEqual({ airports: 3376, stateless: 12, quoted: "Dr. C.P. Savage, Sr." });
});

test("outages are consistent with their reports, and some are open", async () => {
  const counts = await one(`
    select count(*)::int as outages, count(*) filter (where restored_at is null)::int as open,
           count(distinct province)::int as provinces,
           extract(day from max(started_at) - min(started_at))::int as days
    from ohub.outages`);
  expect(counts).toMatchObject({ provinces: 13 });
  expect(counts.outages).toBeGreaterThan(40_000);
  expect(counts.outages).toBeLessThan(200_000);
  expect(counts.open).toBeGreaterThan(5);
  expect(counts.days).toBeGreaterThan(1090);
  expect(
    await one(`
      select count(*)::int as wrong from (
        select o.id from ohub.outages o left join ohub.outage_updates u on u.outage_id = o.id
        group by o.id
        having max(u.customers_out) is distinct from o.customers_peak
            or (o.restored_at is not null) is distinct from bool_or(u.crew_status = 'restored')
            or coalesce(max(u.reported_at) filter (where u.customers_out = 0), o.restored_at) is distinct from o.restored_at
            or min(u.reported_at) < o.started_at) bad`),
  ).toEqual({ wrong: 0 });
});

test("fills add up to their orders and positions to the fills", async () => {
  const counts = await one(`
    select (select count(*)::int from trad.orders) as orders, (select count(*)::int from trad.fills) as fills,
           (select count(*)::int from trad.positions) as positions,
           (select count(*)::int from trad.orders where status = 'open') as open`);
  for (const table of ["orders", "fills", "positions"]) {
    expect(counts[table]).toBeGreaterThan(30_000);
    expect(counts[table]).toBeLessThan(250_000);
  }
  expect(counts.open).toBeGreaterThan(0);
  expect(
    await one(`
      select count(*)::int as wrong from (
        select o.id from trad.orders o left join trad.fills f on f.order_id = o.id
        group by o.id
        having coalesce(sum(f.qty), 0) <> o.filled_qty or min(f.filled_at) < o.placed_at
            or (o.side = 'buy' and max(f.price) > o.price) or (o.side = 'sell' and min(f.price) < o.price)) bad`),
  ).toEqual({ wrong: 0 });
  expect(
    await one(`
      with moved as (
        select (f.filled_at at time zone 'UTC')::date as day, o.account_id, o.instrument_id,
               sum(case o.side when 'buy' then f.qty else -f.qty end) as qty
        from trad.fills f join trad.orders o on o.id = f.order_id group by 1, 2, 3),
      expected as (
        select *, sum(qty) over (partition by account_id, instrument_id order by day) as held from moved)
      select count(*)::int as wrong from expected e
      left join trad.positions p using (day, account_id, instrument_id)
      where p.qty is distinct from e.held`),
  ).toEqual({ wrong: 0 });
});

test("every table and column says what it is, and the planner knows the tables", async () => {
  expect(
    await one(`
      select count(*)::int as columns, count(*) filter (where col_description(c.oid, a.attnum) is null)::int as silent,
             count(*) filter (where obj_description(c.oid) is null)::int as silent_tables,
             min(c.reltuples)::int > 0 as analyzed
      from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0
      where c.relkind = 'r' and c.relnamespace::regnamespace::text in ('flights', 'ohub', 'trad')`),
  ).toMatchObject({ columns: 69, silent: 0, silent_tables: 0, analyzed: true });
});

test("the reader can read and do nothing else", async () => {
  await expect(reader.query("delete from flights.flights")).rejects.toThrow(/read-only/);
  await reader.query("set default_transaction_read_only = off");
  await expect(reader.query("delete from flights.flights")).rejects.toThrow(/permission denied/);
  await expect(reader.query("create temporary table t (x int)")).rejects.toThrow(
    /permission denied/,
  );
  await expect(reader.query("create table public.t (x int)")).rejects.toThrow(/permission denied/);
  expect(
    await one(`select rolsuper or rolcreatedb or rolcreaterole or rolreplication as powerful, rolconnlimit as sessions
               from pg_roles where rolname = current_user`),
  ).toEqual({ powerful: false, sessions: 32 });
});

test("a second start leaves it as it is", async () => {
  expect(await ensureDemo(testUrl("postgres"), PASSWORD)).toEqual({ state: "ready" });
});

test("a role that may not make databases skips the demo and says why", async () => {
  await superuser("postgres", "create role modest login password 'modest'");
  const outcome = await ensureDemo(testUrl("postgres", "modest", "modest"), PASSWORD);
  expect(outcome).toMatchObject({
    state: "skipped",
    reason: expect.stringMatching(/alter role "?modest"? createdb createrole/),
  });
});

test("an older version is replaced, and what a load that died half-way left is dropped", async () => {
  await reader.end();
  await superuser(
    "postgres",
    `comment on database ${DEMO_DATABASE} is 'Quern demo data, version 0'`,
  );
  await superuser("postgres", "create database quern_demo_loading");
  expect(await ensureDemo(testUrl("postgres"), PASSWORD, () => NOW)).toEqual({ state: "loaded" });
  expect(await ensureDemo(testUrl("postgres"), PASSWORD, () => NOW)).toEqual({ state: "ready" });
  const left = "select from pg_database where datname = 'quern_demo_loading'";
  expect(await superuser("postgres", left)).toEqual([]);
});

test("a database of that name that is not ours is left alone", async () => {
  await superuser("postgres", `comment on database ${DEMO_DATABASE} is 'somebody else'`);
  expect(await ensureDemo(testUrl("postgres"), PASSWORD)).toMatchObject({
    state: "skipped",
    reason: expect.stringContaining("not Quern's"),
  });
});
