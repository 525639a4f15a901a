/**
 * The connector contract as tests: call it in a test file with a connector and a place to run against. What differs
 * between engines is in the subject.
 */
import { expect, test } from "vitest";
import type { Connector, ExecuteOptions, Target } from "../connector.ts";
import { ConnectorError } from "../errors.ts";
import { testAheadAndExplain } from "./conformance-ahead.ts";
import { GENEROUS, keepingSink } from "./target.ts";

export type Subject = {
  connector(): Connector;
  /** A database that the test may write to. */
  target(over?: Partial<Target["config"]>): Target;
  /** Whether this backend is at work at the server, asked on a connection of the test's own. */
  isWorking(pid: number): Promise<boolean>;
};

export function testConnector(subject: Subject): void {
  async function run(sql: string, over: Partial<ExecuteOptions> = {}, target = subject.target()) {
    const { sink, seen } = keepingSink();
    const request = { sql, params: [], options: { ...GENEROUS, ...over } };
    const error = await subject
      .connector()
      .execute(target, request, sink)
      .then(() => null)
      .catch((thrown: unknown) => {
        if (thrown instanceof ConnectorError) return thrown;
        throw thrown;
      });
    return { error, ...seen };
  }

  test("gives rows with their types", async () => {
    const { error, statements } = await run(
      "select 1 as one, 'a' as letter, null::int8 as nothing",
    );
    expect(error).toBeNull();
    expect(statements[0]).toMatchObject({
      index: 0,
      command: "SELECT 1",
      rows: 1,
      truncated: null,
      columns: [
        { name: "one", type: "int4", source_type: "integer" },
        { name: "letter", type: "text", source_type: "text" },
        { name: "nothing", type: "int8", source_type: "bigint" },
      ],
      seen: [[1, "a", null]],
    });
  });

  test("keeps the order of rows over many batches", async () => {
    const { statements } = await run("select g from generate_series(1, 10000) g");
    expect(statements[0]?.seen.map(([cell]) => cell)).toEqual(
      Array.from({ length: 10_000 }, (_, index) => index + 1),
    );
  });

  test("runs several statements in one session and tells where each stands", async () => {
    const sql =
      "create temp table t (a int);\ninsert into t values (1), (2);\nselect a from t; -- end";
    const { error, statements } = await run(sql);
    expect(error).toBeNull();
    expect(statements.map(({ command, rows_affected }) => [command, rows_affected])).toEqual([
      ["CREATE TABLE", null],
      ["INSERT 0 2", 2],
      ["SELECT 2", null],
    ]);
    expect(statements.map(({ start, end }) => sql.slice(start, end))).toEqual([
      "create temp table t (a int)",
      "insert into t values (1), (2)",
      "select a from t",
    ]);
    expect(statements[1]?.columns).toBeNull();
  });

  test("an error stops the rest and says where it is in the whole text", async () => {
    const sql = "select '😀 é';\nselect nope from pg_class; select 3";
    const { error, statements } = await run(sql);
    expect(statements.length).toBe(1);
    expect(error).toMatchObject({ code: "sql_error", sqlstate: "42703" });
    expect(sql.slice(error?.position ?? 0)).toMatch(/^nope from/);
  });

  test("says that there is nothing to run", async () => {
    for (const sql of ["", "  ;; ", "-- only a comment", "/* a /* nested */ one */"]) {
      expect((await run(sql)).error).toMatchObject({ code: "sql_error" });
    }
  });

  test("stops at the row limit, and says so only when there were more", async () => {
    for (const read_only of [true, false]) {
      const target = subject.target({ read_only });
      const cut = await run("select g from generate_series(1, 5000) g", { max_rows: 100 }, target);
      expect(cut.error).toBeNull();
      expect(cut.statements[0]).toMatchObject({
        rows: 100,
        truncated: "rows",
        command: "SELECT 100",
      });
      expect(cut.statements[0]?.seen.length).toBe(100);
      const whole = await run("select g from generate_series(1, 100) g", { max_rows: 100 }, target);
      expect(whole.statements[0]).toMatchObject({ rows: 100, truncated: null });
    }
  });

  test("stops at the byte limit", async () => {
    for (const read_only of [true, false]) {
      const sql = "select repeat('x', 1000) from generate_series(1, 5000)";
      const { error, statements } = await run(
        sql,
        { max_bytes: 50_000 },
        subject.target({ read_only }),
      );
      expect(error).toBeNull();
      expect(statements[0]?.truncated).toBe("bytes");
      expect(statements[0]?.bytes).toBeLessThanOrEqual(50_000);
      expect(statements[0]?.rows).toBeGreaterThan(10);
    }
  });

  test("a cut statement is committed, and the next one runs", async () => {
    const sql = `create table cut_${Date.now()} as select 1; select g from generate_series(1, 5000) g; select 7`;
    const { error, statements } = await run(sql, { max_rows: 10 });
    expect(error).toBeNull();
    expect(statements.map(({ truncated }) => truncated)).toEqual([null, "rows", null]);
    expect(statements[2]?.seen).toEqual([[7]]);
  });

  test("refuses a huge cell and a huge row without taking them in", async () => {
    const limits = { max_cell_bytes: 1024 ** 2 };
    const cell = await run("select repeat('x', 2000000) as big", limits);
    expect(cell.error).toMatchObject({ code: "oversized_row" });
    expect(cell.error?.message).toContain('"big"');
    const row = await run(
      "select repeat('x', 900000), repeat('x', 900000), repeat('x', 900000)",
      limits,
    );
    expect(row.error).toMatchObject({ code: "oversized_row" });
  });

  test("takes duplicate and empty column names, no columns, and 1,600 columns", async () => {
    const twice = await run('select 1 as a, 2 as a, 3 as "b;\'""]"');
    expect(twice.statements[0]?.columns?.map(({ name }) => name)).toEqual(["a", "a", "b;'\"]"]);
    const none = await run("select from generate_series(1, 3)");
    expect(none.statements[0]).toMatchObject({ columns: [], rows: 3 });
    const list = Array.from({ length: 1600 }, (_, index) => `g + ${index}`);
    const wide = await run(`select ${list.join()} from generate_series(1, 700) g`);
    expect(wide.error).toBeNull();
    expect(wide.statements[0]?.columns?.length).toBe(1600);
    expect(wide.statements[0]?.seen[699]?.[1599]).toBe(700 + 1599);
  });

  test("the server's own timeout is a timeout", async () => {
    const { error } = await run("set statement_timeout = 50; select pg_sleep(10)");
    expect(error).toMatchObject({ code: "timeout", sqlstate: "57014" });
  });

  test("cancel stops the statement at the server, even one that lifted its timeout", async () => {
    const connector = subject.connector();
    const target = subject.target();
    const { sink, seen } = keepingSink();
    const request = {
      sql: "set statement_timeout = 0; select pg_sleep(60)",
      params: [],
      options: GENEROUS,
    };
    const over = connector.execute(target, request, sink).catch((error: unknown) => error);
    const pid = await eventually(async () => {
      const started = seen.handle?.pid;
      return started !== undefined && (await subject.isWorking(started)) ? started : null;
    });
    const handle = seen.handle ?? { pid: 0, backend_start: "" };
    expect(await connector.cancel(target, handle, { grace_ms: 1000 })).toBe("confirmed");
    expect(await subject.isWorking(pid)).toBe(false);
    expect(await over).toMatchObject({ code: "canceled" });
    // A second cancel finds nothing to do.
    expect(await connector.cancel(target, handle, { grace_ms: 1000 })).toBe("confirmed");
  });

  test("cancel leaves alone a session that only has the same pid", async () => {
    const connector = subject.connector();
    const target = subject.target();
    const { sink, seen } = keepingSink();
    const request = { sql: "select pg_sleep(3)", params: [], options: GENEROUS };
    const over = connector.execute(target, request, sink);
    const pid = await eventually(async () => {
      const started = seen.handle?.pid;
      return started !== undefined && (await subject.isWorking(started)) ? started : null;
    });
    await connector.cancel(target, { pid, backend_start: "1.5" }, { grace_ms: 100 });
    await over;
    expect(seen.statements[0]?.rows).toBe(1);
  });

  testAheadAndExplain(subject);

  test("says which step of a connection failed", async () => {
    const cases = [
      { over: { host: "no-such-host.invalid" }, step: "resolve" },
      { over: { port: 1 }, step: "connect" },
      { over: { sslmode: "require" as const }, step: "tls" },
      { over: { database: "no_such_database" }, step: "sign_in" },
    ];
    for (const { over, step } of cases) {
      const report = await subject.connector().testConnection(subject.target(over));
      expect(report.ok).toBe(false);
      expect(report.steps.find(({ status }) => status === "failed")).toMatchObject({ step });
      expect(report.steps.length).toBe(6);
      const { error } = await run("select 1", {}, subject.target(over));
      expect(error).toMatchObject({ code: "datasource_unreachable" });
      expect(error?.hint).not.toBeNull();
    }
    const good = await subject.connector().testConnection(subject.target());
    expect(good).toMatchObject({ ok: true });
    expect(good.version).toMatch(/^\d+/);
  });

  test("a wrong password is told from a dead server, and is in no message", async () => {
    const target = { ...subject.target(), secret: { password: "wr0ng-passw0rd" } };
    const { error } = await run("select 1", {}, target);
    expect(error).toMatchObject({ code: "auth_failed" });
    expect(JSON.stringify([error, error?.message, error?.stack])).not.toContain("wr0ng");
    const missing = await run("select 1", {}, { ...target, secret: null });
    expect(missing.error).toMatchObject({ code: "auth_failed" });
  });

  test("parameters are bound by type, whatever they contain", async () => {
    const { sink, seen } = keepingSink();
    const value = "'; drop table x; -- $1 \\ \u{1F600}";
    await subject.connector().execute(
      subject.target(),
      {
        sql: "select $1, $2 + 1, $3; select $1",
        params: [
          { type: "text", value },
          { type: "int8", value: "9007199254740993" },
          { type: "date", value: null },
        ],
        options: GENEROUS,
      },
      sink,
    );
    expect(seen.statements.map((statement) => statement.seen)).toEqual([
      [[value, 9007199254740994n, null]],
      [[value]],
    ]);
  });
}

/** The first value that is not null; fails after half a minute, since a machine may have other work. */
export async function eventually<T>(look: () => Promise<T | null>): Promise<T> {
  const deadline = Date.now() + 30_000;
  for (;;) {
    const value = await look();
    if (value !== null) return value;
    if (Date.now() > deadline) throw new Error("it did not happen within half a minute");
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
