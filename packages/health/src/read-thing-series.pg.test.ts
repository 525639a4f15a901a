/** Lines of one statement or table: what a server does not count is a gap, what rested is 0. */
import type { StatementStats } from "@quern/contract/agent/statements";
import type { Series } from "@quern/contract/health/ranges";
import { sql } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import { rangeOf } from "./read-range.ts";
import { readStatement } from "./read-statement.ts";
import { readTable } from "./read-table.ts";
import { tableStats } from "./testing-schema.ts";
import { ago, NOW, openSites, type Site, type Sites } from "./testing-site.ts";

let sites: Sites;
beforeAll(async () => {
  sites = await openSites();
});
afterAll(() => sites.close());

const range = rangeOf(ago(600), NOW, { hour: null, day: null }, NOW);
const watched = ({ database_id, server_id }: Site) => ({
  ...{ id: database_id, server_id, interval_s: 60 },
});

function statementStats(query_hash: string, calls: number, more: Partial<StatementStats> = {}) {
  return {
    ...{ query_hash, query: `select ${query_hash}`, user_name: "app", mean_time_ms: null },
    ...{ calls, total_time_ms: calls * 10, rows: calls, shared_blks_hit: null },
    ...{ shared_blks_read: null, ...more },
  } satisfies StatementStats;
}

async function statementLines(site: Site, query_hash: string) {
  const { rows } = await sql<{ id: number }>`
    select id from health_statements where database_id = ${site.database_id} and query_hash = ${query_hash}`.execute(
    sites.db,
  );
  return valuesOf((await readStatement(sites.db, watched(site), rows[0]!.id, range))!.history);
}

async function tableLines(site: Site, name: string) {
  const { rows } = await sql<{ id: number }>`
    select id from health_relations where database_id = ${site.database_id} and name = ${name}`.execute(
    sites.db,
  );
  return valuesOf((await readTable(sites.db, watched(site), rows[0]!.id, range))!.history);
}

/** Without the first point, which nothing can be compared with. */
const valuesOf = ({ series }: { series: Series[] }) =>
  Object.fromEntries(series.map(({ name, values }) => [name, values.slice(-2)]));

test("a statement of a server without WAL and blocks: gaps, also while it rests; its calls go on", async () => {
  const site = await sites.site(80_036, { type: "mysql" });
  const send = (one: number, two: number, at: Date) =>
    site.send({ query_stats: [statementStats("1", one), statementStats("2", two)] }, at);
  await send(10, 10, ago(180));
  await send(70, 10, ago(120));
  await send(70, 40, ago(60));
  expect(await statementLines(site, "1")).toMatchObject({
    ...{ calls: [1, 0], time: [10, 0], mean: [10, null] },
    ...{ wal_bytes: [null, null], blks_read: [null, null] },
  });
  // One that did nothing in the whole range is not known to have written none.
  await send(70, 40, ago(50));
  const { rows } = await sql<{ id: number }>`
    insert into health_statements (database_id, query_hash, user_name, first_seen_at, last_seen_at)
    values (${site.database_id}, '3', 'app', ${NOW}, ${NOW}) returning id`.execute(sites.db);
  expect(rows).toHaveLength(1);
  expect(await statementLines(site, "3")).toMatchObject({
    ...{ calls: [0, 0], wal_bytes: [null, null] },
  });
});

test("a statement whose WAL is counted from some time on: a gap before, a rate after", async () => {
  const site = await sites.site();
  const send = (calls: number, wal_bytes: number | null, at: Date) =>
    site.send({ query_stats: [statementStats("1", calls, { wal_bytes })] }, at);
  await send(10, null, ago(240));
  await send(20, null, ago(180));
  await send(30, 100, ago(120));
  await send(40, 6_100, ago(60));
  expect(await statementLines(site, "1")).toMatchObject({ wal_bytes: [null, 100] });
  const hour = { ...range, resolution: "hour" as const, step_s: 3_600 };
  const { rows } = await sql<{ id: number }>`
    select id from health_statements where database_id = ${site.database_id}`.execute(sites.db);
  const found = await readStatement(sites.db, watched(site), rows[0]!.id, hour);
  // 6,000 bytes in the one minute of the hour that counted them, not in its three.
  expect(valuesOf(found!.history).wal_bytes!.at(-1)).toBe(100);
});

test("a table of which only rows are counted: gaps for scans, vacuums and analyzes", async () => {
  const site = await sites.site(80_036, { type: "mysql" });
  const uncounted = {
    ...{ seq_scan: null, idx_scan: null, n_tup_hot_upd: null, heap_blks_read: null },
    ...{ vacuum_count: null, autovacuum_count: null, analyze_count: null },
  };
  const send = (one: number, two: number, at: Date) =>
    site.send(
      {
        table_stats: [
          tableStats("one", { n_tup_ins: one, ...uncounted }),
          tableStats("two", { n_tup_ins: two, ...uncounted }),
        ],
      },
      at,
    );
  await send(0, 0, ago(180));
  await send(60, 0, ago(120));
  await send(60, 60, ago(60));
  expect(await tableLines(site, "one")).toMatchObject({
    ...{ n_tup_ins: [1, 0], n_tup_upd: [0, 0], seq_scan: [null, null], idx_scan: [null, null] },
    ...{ vacuums: [null, null], analyzes: [null, null], heap_blks_read: [null, null] },
  });
});

test("a table that rests in a database where all is counted: 0", async () => {
  const site = await sites.site();
  const counted = {
    ...{ vacuum_count: 1, autovacuum_count: 1, analyze_count: 1, autoanalyze_count: 1 },
  };
  const send = (n_tup_ins: number, at: Date) =>
    site.send(
      {
        table_stats: [tableStats("one", { n_tup_ins, ...counted }), tableStats("rests", counted)],
      },
      at,
    );
  await send(0, ago(900));
  await send(60, ago(120));
  await send(120, ago(60));
  expect(await tableLines(site, "rests")).toMatchObject({
    ...{ n_tup_ins: [0, 0], seq_scan: [0, 0], vacuums: [0, 0] },
  });
});
