import * as databases from "@quern/contract/health/databases";
import * as relations from "@quern/contract/health/relations";
import * as statements from "@quern/contract/health/statements";
import { type History, makeHistory } from "@quern/health/testing-history";
import { sql } from "kysely";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { problemOf, startTestApi, type TestApi } from "./testing.ts";

type Person = Awaited<ReturnType<TestApi["as"]>>;

let api: TestApi;
let editor: Person;
let history: History;
let id: string;

beforeAll(async () => {
  api = await startTestApi();
  editor = await api.as("editor");
  const options = { databases: 2, days: 10, raw_hours: 2, statements: 100 };
  history = await makeHistory(api.db, editor.actor.org_id, options);
  id = history.database_ids[0]!;
});
afterAll(() => api.stop());

const ago = (hours: number) => new Date(Date.now() - hours * 3_600_000).toISOString();
const lastHour = () => ({ from: ago(1) });

describe("the fleet", () => {
  test("lists databases by server and name, in pages, with how they do", async () => {
    const whole = await editor.client.call(databases.listDatabases, {});
    expect(whole.items.map(({ name }) => name)).toEqual(["shop", "shop_archive"]);
    const [shop] = whole.items;
    expect(shop).toMatchObject({
      server: { name: "db1.example.test:5432", type: "postgres", version: "18.4" },
      ...{ agent: { state: "live" }, is_main: true, datasource: null, score: null },
      findings: { critical: 0, warning: 0, info: 0 },
    });
    expect(shop!.size_bytes).toBeGreaterThan(1e9);
    expect(shop!.load).toHaveLength(24);
    expect(shop!.load.filter((load) => load !== null).length).toBeGreaterThan(20);
    expect(Math.max(...shop!.load.map((load) => load ?? 0))).toBeGreaterThan(0.1);
    const first = await editor.client.call(databases.listDatabases, { query: { limit: 1 } });
    const cursor = first.next_cursor!;
    const second = await editor.client.call(databases.listDatabases, {
      query: { limit: 1, cursor },
    });
    expect([second.items[0]!.name, second.next_cursor]).toEqual(["shop_archive", null]);
    const query = { search: "ARCH" };
    expect((await editor.client.call(databases.listDatabases, { query })).items).toHaveLength(1);
  });

  test("says of each section how it stands, and what mends it", async () => {
    const shop = await editor.client.call(databases.readDatabase, { params: { id } });
    expect(shop.siblings.map(({ name }) => name)).toEqual(["shop_archive"]);
    expect(shop.sections.statements).toMatchObject({ state: "ok", code: null });
    expect(shop.sections.bloat).toMatchObject({ state: "no_permission", code: "no_permission" });
    expect(shop.sections.bloat!.hint).toMatch(/^GRANT EXECUTE/);
    const other = history.database_ids[1]!;
    await sql`update health_databases set last_taken_at = now() - interval '4 minutes' where id = ${other}`.execute(
      api.db,
    );
    const archive = await editor.client.call(databases.readDatabase, { params: { id: other } });
    expect(archive.sections.statements!.state).toBe("stale");
    expect(archive.sections.server!.state).toBe("ok");
  });

  test("tells what changed, and what the load is made of", async () => {
    const overview = await editor.client.call(databases.readOverview, {
      params: { id },
      query: { from: ago(6 * 24) },
    });
    expect(overview.range.resolution).toBe("hour");
    expect(overview.changes.map(({ type, title_key }) => `${type} ${title_key}`)).toEqual(
      expect.arrayContaining(["event setting", "event schema"]),
    );
    expect(overview.load_by_wait.series.map(({ name }) => name)).toContain("CPU");
    expect(overview.load_by_statement[0]!.query).toMatch(/^select|insert|update|delete/);
    const shares = overview.load_by_statement.reduce((sum, { share }) => sum + share, 0);
    expect(shares).toBeGreaterThan(0.5);
    expect(shares).toBeLessThanOrEqual(1.0001);
    expect(overview.agent_share).toBeCloseTo(2 / 1400, 3);
    const query = { from: ago(20), compare: "week" as const };
    const { load_by_wait } = await editor.client.call(databases.readOverview, {
      params: { id },
      query,
    });
    const week = load_by_wait.series.find(({ name }) => name === "load:week")!;
    expect(week.values.filter((value) => value !== null && value > 0).length).toBeGreaterThan(15);
  });
});

describe("numbers over time", () => {
  const ask = (query: Parameters<typeof query_>[0]) =>
    editor.client.call(databases.readMetrics, { params: { id }, query });
  const query_ = (query: { names: string; from?: string; to?: string; compare?: "week" }) => query;

  test("counters come per second at any resolution", async () => {
    for (const [hours, resolution] of [
      [1, "raw"],
      [48, "hour"],
      [20 * 24, "day"],
    ] as const) {
      const { range, series, at } = await ask({ names: "xact_commit", from: ago(hours) });
      expect(range.resolution).toBe(resolution);
      expect(at.length).toBeGreaterThan(8);
      expect(series[0]).toMatchObject({ name: "xact_commit", unit: "per_second" });
      const known = series[0]!.values.filter((value) => value !== null);
      const mean = known.reduce((sum, value) => sum + value, 0) / known.length;
      expect(mean).toBeGreaterThan(20);
      expect(mean).toBeLessThan(400);
    }
  });

  test("the hour and the day that go on end with the range, and show what has come of them", async () => {
    const half = 1_800_000;
    const hour = Math.floor((Date.now() - half) / (2 * half)) * 2 * half;
    const to = new Date(hour + half).toISOString();
    for (const hours of [24, 20 * 24]) {
      const { at, series } = await ask({ names: "xact_commit,load", from: ago(hours), to });
      expect(at.at(-1)).toBe(to);
      expect(at.every((instant) => instant <= to)).toBe(true);
      expect(series.map(({ values }) => values.at(-1))).not.toContain(null);
      const overview = await editor.client.call(databases.readOverview, {
        params: { id },
        query: { from: ago(hours), to, compare: "week" },
      });
      expect(overview.load_by_wait.at.at(-1)).toBe(to);
      expect(overview.load_by_wait.series.at(-1)?.name).toBe("load:week");
    }
  });

  test("a day comes in steps of five minutes from when on there are raw points, and is the sum of its hours", async () => {
    const day = { names: "xact_commit", from: ago(24), to: ago(0) };
    const steps = await ask(day);
    expect(steps.range.resolution).toBe("raw");
    expect(new Set(steps.seconds)).toContain(3_600);
    expect(steps.seconds.filter((seconds) => seconds === 300).length).toBeGreaterThan(15);
    const hours = await ask({ ...day, compare: "week" });
    expect(hours.range).toEqual({ ...steps.range, resolution: "hour" });
    const commits = ({ series, seconds }: typeof steps) =>
      series[0]!.values.reduce((sum: number, value, n) => sum + (value ?? 0) * seconds[n]!, 0);
    expect(commits(steps) / commits(hours)).toBeCloseTo(1, 6);
  });

  test("numbers of the server and the week before stand beside those of the database", async () => {
    const { at, series } = await ask({ names: "load,size_bytes", from: ago(20), compare: "week" });
    expect(series.map(({ name }) => name)).toEqual([
      "load",
      "size_bytes",
      "load:week",
      "size_bytes:week",
    ]);
    const both = at.filter(
      (_, n) => series[1]!.values[n] !== null && series[3]!.values[n] !== null,
    );
    expect(both.length).toBeGreaterThan(15);
    const last = at.length - 2;
    expect(series[1]!.values[last]!).toBeGreaterThan(series[3]!.values[last]!);
  });

  test("names that are no metric and ranges that cannot be are refused with what to send", async () => {
    for (const names of ["loda", "__proto__", "constructor"])
      expect(await problemOf(ask({ names }))).toMatchObject({
        ...{ status: 400, code: "invalid_request", detail: expect.stringContaining(names) },
      });
    for (const range of [{ from: ago(1), to: ago(2) }, { from: ago(-2) }, { from: ago(24 * 800) }])
      expect(await problemOf(ask({ names: "load", ...range }))).toMatchObject({
        ...{ status: 400, code: "invalid_request" },
      });
  });
});

describe("statements", () => {
  const list = (query: object) =>
    editor.client.call(statements.listStatements, { params: { id }, query });

  test("have sums, shares and last week's mean, in every order", async () => {
    const { items, total, other, state } = await list({ from: ago(20), limit: 500 });
    expect(state.state).toBe("ok");
    expect(items).toHaveLength(100);
    expect(total.statements).toBe(100);
    expect(other.calls).toBeGreaterThan(0);
    const time = items.reduce((sum, { total_time_ms }) => sum + total_time_ms, 0);
    expect(time).toBeCloseTo(total.total_time_ms, 0);
    const shares = items.reduce((sum, { share }) => sum + share, 0);
    expect(shares).toBeCloseTo(time / (time + other.total_time_ms), 6);
    const slower = await list({ from: ago(20), order: "change", limit: 1 });
    const [worst] = slower.items;
    expect(worst!.mean_time_ms! / worst!.mean_time_before_ms!).toBeGreaterThan(3);
    for (const order of statements.StatementOrder.options) {
      const { items: some } = await list({ from: ago(5 * 24), order, limit: 3, offset: 1 });
      expect(some).toHaveLength(3);
    }
    const orders = await list({
      ...lastHour(),
      search: "from ORDERS where",
      kind: "select",
      table: "public.orders",
    });
    expect(orders.items.length).toBeGreaterThan(0);
    expect(orders.total.statements).toBe(orders.items.length);
    const nobody = await list({ ...lastHour(), user_name: "nobody" });
    expect(nobody.items).toEqual([]);
    expect(nobody.users).toEqual(["app"]);
  });

  test("those that are new can be told apart", async () => {
    const since = ago(3);
    const fresh = () => list({ from: ago(20), new_since: since });
    expect((await fresh()).total.statements).toBe(0);
    await sql`update health_statements set first_seen_at = ${ago(2)} where database_id = ${id} and query like 'select * from orders%'`.execute(
      api.db,
    );
    expect((await fresh()).items.map(({ query }) => query)).toEqual([
      "select * from orders where id = $1",
    ]);
  });

  test("one has its history, its regression and what it waits for", async () => {
    const [worst] = (await list({ from: ago(20), order: "change", limit: 1 })).items;
    const details = await editor.client.call(statements.readStatement, {
      params: { id, statement_id: worst!.id },
      query: { from: ago(20) },
    });
    expect(details.statement).toEqual(worst);
    expect(details.regression!.ratio).toBeGreaterThan(3);
    expect(details.history.series.map(({ name }) => name)).toContain("mean");
    expect(details.history.at.length).toBeGreaterThan(15);
    expect(details.waits[0]!.load).toBeGreaterThan(0);
    expect(details.tables).toEqual([
      { name: worst!.tables[0], relation_id: expect.stringMatching(/^\d+$/) },
    ]);
    const compared = await editor.client.call(statements.readStatement, {
      params: { id, statement_id: worst!.id },
      query: { from: ago(20), compare: "week" },
    });
    const valuesOf = (name: string) =>
      compared.history.series.find((each) => each.name === name)!.values;
    const week = valuesOf("mean:week");
    // The hour that has only begun has no week before, and little but the last payload.
    const pairs = valuesOf("mean").flatMap((now, place) => {
      const then = week[place];
      return now !== null && then != null ? [{ now, then }] : [];
    });
    expect(pairs.length).toBeGreaterThan(15);
    expect(Math.max(...pairs.map(({ then }) => then))).toBeLessThan(
      Math.min(...pairs.map(({ now }) => now)),
    );
    const params = { id, statement_id: "999999999" };
    expect(await problemOf(editor.client.call(statements.readStatement, { params }))).toMatchObject(
      {
        code: "not_found",
      },
    );
  });
});

describe("tables and indexes", () => {
  test("tables have sizes, growth and how near autovacuum is, by their own options", async () => {
    const list = (query: object) =>
      editor.client.call(relations.listTables, {
        params: { id },
        query: { from: ago(48), ...query },
      });
    const { items, total, state } = await list({ order: "size" });
    expect([state.state, total, items.length]).toEqual(["ok", 40, 40]);
    const [orders] = items;
    expect(orders).toMatchObject({ name: "orders", size_bytes: 9_000_000_000, locked: false });
    expect(orders!.growth_bytes! / 9e9).toBeCloseTo(0.004, 3);
    // 4 % of the rows are dead; orders has a scale factor of its own, 0.02, carts the server's, 0.2, and 60 %.
    expect(orders!.vacuum_pressure).toBeCloseTo(2, 1);
    const carts = items.find(({ name }) => name === "carts");
    expect(carts!.vacuum_pressure).toBeCloseTo(3, 1);
    expect(orders!.last_autovacuum).toMatch(/Z$/);
    expect(orders!.bloat_bytes).toBe(9_000_000_000 / 8);
    expect((await list({ order: "name", limit: 1 })).items[0]!.name).toBe("addresses");
    for (const order of ["growth", "dead", "pressure", "seq_scan", "writes", "bloat", "freeze_age"])
      expect((await list({ order, limit: 2, offset: 1 })).items).toHaveLength(2);
    const details = await editor.client.call(relations.readTable, {
      params: { id, relation_id: orders!.id },
      query: { from: ago(48) },
    });
    expect(details.columns.map(({ name }) => name)).toContain("note");
    expect(details.indexes).toHaveLength(3);
    expect(details.statements.length).toBeGreaterThan(3);
    expect(details.history.series.find(({ name }) => name === "size_bytes")!.values.at(-1)).toBe(
      9_000_000_000,
    );
    expect(details.statements[0]).toMatchObject({ kind: "select", user_name: "app" });
    expect(details.history.series.find(({ name }) => name === "vacuums")).toMatchObject({
      unit: "count",
      values: expect.arrayContaining([0]),
    });
    const compared = await editor.client.call(relations.readTable, {
      params: { id, relation_id: orders!.id },
      query: { from: ago(48), compare: "week" },
    });
    const size = (name: string) =>
      compared.history.series.find((each) => each.name === name)!.values.at(-2)!;
    expect(size("size_bytes:week") / size("size_bytes")).toBeCloseTo(1 - 0.002 * 7, 3);
  });

  test("where nothing was heard what was not counted is not known", async () => {
    const query = { from: ago(40 * 24), to: ago(39 * 24) };
    await sql`update health_documents set day = day - 50 where database_id = ${id} and section = 'tables'`.execute(
      api.db,
    );
    const tables = await editor.client.call(relations.listTables, { params: { id }, query });
    expect(tables.items[0]).toMatchObject({ seq_scan: null, n_tup_ins: null, growth_bytes: 0 });
    await sql`update health_documents set day = day + 50 where database_id = ${id} and section = 'tables'`.execute(
      api.db,
    );
  });

  test("indexes have definitions, and say since when nobody used them", async () => {
    const query = { from: ago(48), order: "unused" as const, limit: 200 };
    const { items, total } = await editor.client.call(relations.listIndexes, {
      params: { id },
      query,
    });
    expect(total).toBe(120);
    const unused = items.filter(({ unused_since }) => unused_since !== null);
    expect(unused).toHaveLength(13);
    expect(unused[0]!.unused_since).toBe(history.from.toISOString());
    expect(items[0]!.definition).toMatch(/^CREATE/);
    expect(items[0]).toMatchObject({ duplicate_of: null, is_constraint: false });
    expect(items[0]!.table_id).toMatch(/^\d+$/);
    const alone = await editor.client.call(relations.listIndexes, {
      params: { id },
      query: { ...query, only: "unused" },
    });
    expect([alone.total, alone.items.length]).toEqual([13, 13]);
    const byKey = { ...query, search: "(customer_id)" };
    const found = await editor.client.call(relations.listIndexes, { params: { id }, query: byKey });
    expect(found.items.map(({ name }) => name)).toEqual(["addresses_customer_id"]);
    const of = { ...query, table: "public.orders" };
    const some = await editor.client.call(relations.listIndexes, { params: { id }, query: of });
    expect(some.items.map(({ table }) => table)).toEqual(["orders", "orders", "orders"]);
  });

  test("indexes that are not valid or superfluous are marked, and can be listed alone", async () => {
    const key = { column: "id", expression: null, operator_class: "int8_ops", collation: null };
    const keyed = (relid: number) => ({
      ...{ access_method: "btree", relid },
      keys: [{ ...key, descending: false, nulls_first: false }],
    });
    const changes = {
      orders_pkey: keyed(1),
      orders_job_id: keyed(2),
      carts_pkey: { is_valid: false },
    };
    await sql`
      update health_schemas set body = jsonb_set(body, '{indexes}', (
        select jsonb_agg(one || coalesce(${JSON.stringify(changes)}::jsonb -> (one ->> 'name'), '{}'))
        from jsonb_array_elements(body -> 'indexes') as one))
      where org_id = ${editor.actor.org_id}`.execute(api.db);
    const list = async (only?: "invalid" | "duplicate") => {
      const query = { limit: 200, ...(only ? { only } : {}) };
      const { items } = await editor.client.call(relations.listIndexes, { params: { id }, query });
      return items.map(({ name, duplicate_of }) => [name, duplicate_of]);
    };
    expect(await list("duplicate")).toEqual([["orders_job_id", "orders_pkey"]]);
    expect(await list("invalid")).toEqual([["carts_pkey", null]]);
    expect((await list()).filter(([, of]) => of !== null)).toHaveLength(1);
  });
});
