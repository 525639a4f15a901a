import type { AgentPayload } from "@quern/contract/agent/payload";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { collectorFor, configFor, resultOf } from "../testing-postgres/collector.ts";
import { startTestServer, type TestServer } from "../testing-postgres/server.ts";

const MAJORS = process.env.QUERN_TEST_MATRIX === "1" ? [13, 14, 15, 16, 17, 18] : [13, 18];

/** What the receiver goes by: of tables, and of statements. */
const marks = (payload: AgentPayload) => ({
  tables: [payload.epochs?.archiver_stats_reset, payload.epochs?.bgwriter_stats_reset].join(),
  statements: payload.epochs?.statements_stats_reset ?? null,
  started: payload.epochs?.postmaster_start,
});

describe.each(MAJORS.map((major) => ({ major })))("PostgreSQL $major", ({ major }) => {
  let server: TestServer;
  let collector: ReturnType<typeof collectorFor>;

  beforeAll(async () => {
    server = await startTestServer(major);
    await server.sql("create extension pg_stat_statements; create table t (n int)");
    collector = collectorFor(configFor(server.url()));
  });
  afterAll(async () => {
    await collector.close();
    await server.stop();
  });

  /** Work, then a payload that has `total` inserts; with them, and the calls of the statement that made them. */
  async function read(times: number, total = times) {
    const session = await server.session();
    for (let turn = 0; turn < times; turn += 1) await session.query("insert into t values (1)");
    // Counters reach the statistics when the session ends, or a second later; until 14 by a process that may be slow.
    await session.end();
    const payloads: AgentPayload[] = [];
    for (;;) {
      payloads.push(...(await collector.collect("tables", "statements")));
      const payload = payloads.at(-1) as AgentPayload;
      const inserted = payload.table_stats?.find(({ table }) => table === "t")?.n_tup_ins ?? 0;
      const sent = payloads.flatMap(({ query_stats }) => query_stats ?? []);
      const hash = sent.find(({ tables, kind }) => kind === "insert" && tables?.includes("t"));
      hashes.push(...(hash === undefined ? [] : [hash.query_hash]));
      const calls = sent.findLast(({ query_hash }) => query_hash === hashes[0])?.calls;
      if (inserted === total && calls !== undefined) return { payload, calls };
    }
  }
  const hashes: string[] = [];

  test("C3: a clean restart loses nothing, though the postmaster is new", async () => {
    const before = await read(1);
    await server.restart("fast");
    const after = await read(10, 11);
    expect(after.calls).toBe(11);
    expect(marks(after.payload).tables).toBe(marks(before.payload).tables);
    expect(marks(after.payload).started).not.toBe(marks(before.payload).started);
  });

  test("C2a: a killed backend empties both; the archiver's mark tells, the postmaster's start does not", async () => {
    const before = await collector.collect("server");
    const victim = await server.session();
    const { rows } = await victim.query("select pg_backend_pid() as pid");
    const other = await server.session();
    const noticed = new Promise((resolve) => other.once("end", resolve));
    process.kill(Number(rows[0].pid), "SIGKILL");
    // Until the postmaster has seen it, and ended the others, it takes new sessions that it ends a moment later.
    await noticed;
    let again = false;
    while (!again) {
      again = await server.sql("select 1").then(
        () => true,
        () => false,
      );
    }
    const after = await read(12);
    expect(after.calls).toBe(12);
    const first = marks(before[0] as AgentPayload);
    expect(marks(after.payload).tables).not.toBe(first.tables);
    expect(marks(after.payload).started).toBe(first.started);
    if (major >= 14) expect(marks(after.payload).statements).not.toBe(first.statements);
  });

  test("C2b: an immediate stop empties tables and keeps statements: two epochs", async () => {
    const before = await read(20, 32);
    await server.restart("immediate");
    const after = await read(33);
    expect(before.calls).toBe(32);
    expect(after.calls).toBe(65);
    expect(marks(after.payload).tables).not.toBe(marks(before.payload).tables);
    expect(marks(after.payload).statements).toBe(marks(before.payload).statements);
  });

  test("C2c: a killed postmaster empties both", async () => {
    const [before] = await collector.collect("server");
    await server.restartAfterKill();
    const after = await read(44);
    expect(after.calls).toBe(44);
    expect(marks(after.payload).tables).not.toBe(marks(before as AgentPayload).tables);
  });

  test("N3: a session that the administrator ends costs nothing but itself", async () => {
    await collector.collect("server");
    await server.sql(
      "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'quern-agent'",
    );
    const [payload] = await collector.collect("server", "tables");
    expect(resultOf(payload, "server").status).toBe("ok");
    expect(resultOf(payload, "tables").status).toBe("ok");
  });

  test("V4: not loaded is a state with its remedy, and the rest is there", async () => {
    await server.restart("fast", { shared_preload_libraries: "" });
    const [payload] = await collector.collect();
    expect(resultOf(payload, "statements")).toMatchObject({
      ...{ status: "error", code: "not_preloaded", sqlstate: "55000" },
    });
    expect(resultOf(payload, "statements").hint).toContain("shared_preload_libraries");
    const others = payload?.collectors?.filter(({ name }) => name !== "statements");
    expect(others?.filter(({ status }) => status !== "ok")).toEqual([]);
    const { aspects } = await collector.testConnection();
    expect(aspects.find(({ aspect }) => aspect === "pg_stat_statements")).toMatchObject({
      ...{ status: "warning", detail: "not loaded" },
    });
  });
});
