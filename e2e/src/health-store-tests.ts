/** What is done to the server appears as findings and marks; fixes mend it when they are pressed; and nothing of anybody's data comes along. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { inflateRawSync } from "node:zlib";
import { createDatasource } from "@quern/contract/datasources";
import { listDatabases, readMetrics } from "@quern/contract/health/databases";
import { listEvents } from "@quern/contract/health/events";
import {
  evaluateRules,
  type Finding,
  listFindings,
  listRules,
} from "@quern/contract/health/findings";
import { createRun, readRun } from "@quern/contract/runs";
import { sql } from "kysely";
import { beforeAll, expect, test } from "vitest";
import type { HealthSite } from "./health-site.ts";
import { CANARY, ignoreEnd, type Store } from "./health-store.ts";

type StoreSite = HealthSite & { store: Store };
type Database = { database_id: string; datasource_id: string };

const BROKEN = [
  ...["blocked-sessions", "idle-in-transaction", "sequence-exhaustion", "unindexed-foreign-key"],
] as const;

export function testStore(site: () => StoreSite): void {
  let database: Database;
  beforeAll(async () => {
    database = await watchStore(site());
  });

  test("an index dropped, a lock held, transactions left open and a sequence that is full are found, and their fixes mend them", async () => {
    const { server, send, waitedLong } = site().store;
    await server.sql(
      "drop index if exists lines_order_id; select setval('orders_id_seq', 2140000000)",
      "store",
    );
    await waitedLong();
    await send();
    const found = await judged(site(), database, "finding");
    expect(await eventTypes(site(), database)).toContain("schema");
    const of = (rule: string) => found.find((each) => each.rule === rule)!;
    expect(of("sequence-exhaustion")).toMatchObject({
      severity: "critical",
      object: "public.orders_id_seq",
    });
    expect(of("blocked-sessions").evidence.map(({ key }) => key)).toContain("longest_wait");
    for (const rule of ["blocked-sessions", "sequence-exhaustion", "unindexed-foreign-key"])
      await press(site(), database, of(rule));
    await send();
    await judged(site(), database, "ok");
  });

  test("statistics that were reset and a backend that was killed are marks, and no rates", async () => {
    const { client, store } = site();
    const { server, send } = store;
    await server.sql("select pg_stat_reset(), pg_stat_statements_reset()", "store");
    await send();
    expect(await eventTypes(site(), database)).toEqual(
      expect.arrayContaining(["statistics_reset", "statements_reset"]),
    );
    const victim = await server.session("store");
    const { rows } = await victim.query<{ pid: string }>("select pg_backend_pid() as pid");
    // Until the server has seen the death of one and ended the others, it is as up as before.
    const other = await server.session("store");
    const ended = new Promise<void>((resolve) => other.once("end", resolve));
    process.kill(Number(rows[0]!.pid), "SIGKILL");
    await ended;
    const isUp = () => server.sql("select 1 as up", "store").catch(ignoreEnd);
    await expect.poll(isUp).toEqual([{ up: "1" }]);
    await send();
    expect(await eventTypes(site(), database)).toContain("crash");
    const { marks, series } = await client.call(readMetrics, {
      params: { id: database.database_id },
      query: { names: "xact_commit" },
    });
    expect(marks.map(({ mark }) => mark)).toEqual(expect.arrayContaining(["reset", "crash"]));
    const rates = series[0]!.values.filter((value) => value !== null);
    expect(rates.filter((value) => value < 0 || value > 10_000)).toEqual([]);
  });

  test("no literal, password or row came along: not in a table of Quern's, not in a log", async () => {
    await expectNoCanaryStored(site(), database);
    const { quern, store } = site();
    const logs = join(quern.dataDir, "logs");
    const lines = await Promise.all(
      (await readdir(logs)).map((name) => readFile(join(logs, name), "utf8")),
    );
    expect(lines.join("").length).toBeGreaterThan(100);
    expect(store.output.join("").length).toBeGreaterThan(100);
    expect(
      [...lines, ...store.output, quern.output()].filter((text) => text.includes(CANARY)),
    ).toEqual([]);
  });
}

/** The agent sends for the first time; the same database is a datasource, too. */
async function watchStore({ client, store }: StoreSite): Promise<Database> {
  const { port } = store.server;
  const config = { host: "127.0.0.1", port, database: "store", user: "postgres" } as const;
  const made = await client.call(createDatasource, {
    body: {
      ...{ name: "Store", type: "postgres", secret: { password: "secret" } },
      config: { ...config, sslmode: "disable", read_only: false },
    },
  });
  await store.equip(client);
  await store.send();
  const { items } = await client.call(listDatabases, { query: {} });
  const database = items.find(({ name }) => name === "store")!;
  return { database_id: database.id, datasource_id: made.id };
}

/** What the advisors say, of the rules that were broken, when they are asked anew. */
async function judged(
  { client }: StoreSite,
  { database_id }: Database,
  expected: "finding" | "ok",
): Promise<Finding[]> {
  const params = { id: database_id };
  await client.call(evaluateRules, { params, body: {} });
  const states = async () => {
    const { items } = await client.call(listRules, { params });
    return BROKEN.map((rule) => {
      const { state, reason } = items.find((each) => each.rule === rule)!;
      return { rule, state, reason };
    });
  };
  await expect
    .poll(states, { timeout: 40_000, interval: 200 })
    .toEqual(BROKEN.map((rule) => expect.objectContaining({ rule, state: expected })));
  return (await client.call(listFindings, { query: { database_id } })).items;
}

/** Runs the fix of a finding as it is, on the datasource that is the same database. */
async function press(
  { client }: StoreSite,
  { datasource_id }: Database,
  { rule, fix }: Finding,
): Promise<void> {
  const started = await client.call(createRun, { body: { datasource_id, sql: fix!.sql! } });
  const ended = await client.call(readRun, { params: started, query: { wait: 30 } });
  expect([rule, ended.status, ended.error]).toEqual([rule, "succeeded", null]);
}

async function eventTypes({ client }: StoreSite, { database_id }: Database): Promise<string[]> {
  const { items } = await client.call(listEvents, { params: { id: database_id }, query: {} });
  return items.map(({ type }) => type);
}

async function expectNoCanaryStored({ db }: StoreSite, { database_id }: Database): Promise<void> {
  const { rows: tables } = await sql<{ name: string }>`
    select oid::regclass::text as name from pg_class
    where relkind = 'r' and relnamespace = 'public'::regnamespace`.execute(db);
  // The schema of a datasource, which is no part of Health, has defaults as they are.
  const ofHealth = tables.filter(({ name }) => name !== "datasource_schemas");
  expect(ofHealth.length).toBeGreaterThan(60);
  for (const { name } of ofHealth) {
    const told = await sql`
      select 1 from ${sql.table(name)} as t where t::text like ${`%${CANARY}%`} limit 1`.execute(
      db,
    );
    expect([name, told.rows]).toEqual([name, []]);
  }
  const { rows: packed } = await sql<{ counters: Buffer }>`
    select counters from health_counters where database_id = ${database_id}`.execute(db);
  expect(packed.length).toBeGreaterThan(3);
  for (const { counters } of packed)
    expect(inflateRawSync(counters).toString()).not.toContain(CANARY);
  const { rows: texts } = await sql`
    select from health_statements where database_id = ${database_id} and query like '%visits%'`.execute(
    db,
  );
  expect(texts.length, "its statements did come").toBeGreaterThan(0);
}
