import { emptyDatabase, type TestDatabase } from "@quern/store/testing";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ConnectorError } from "../errors.ts";
import { eventually, type Subject, testConnector } from "../testing/conformance.ts";
import { pipedConnector } from "../testing/pipe.ts";
import { GENEROUS, keepingSink, testTarget } from "../testing/target.ts";
import { postgres } from "./connector.ts";

let database: TestDatabase;
let client: pg.Client;

beforeAll(async () => {
  database = await emptyDatabase();
  client = new pg.Client({ connectionString: database.url });
  await client.connect();
});

afterAll(async () => {
  await client.end();
  await database.drop();
});

const place: Omit<Subject, "connector"> = {
  target: (over) => testTarget(database.name, over),
  async isWorking(pid) {
    const { rowCount } = await client.query(
      `select from pg_stat_activity where pid = $1 and state = 'active' and query ~ 'pg_sleep'`,
      [pid],
    );
    return rowCount === 1;
  },
};

describe("postgres", () => {
  testConnector({ ...place, connector: () => postgres });

  async function run(sql: string, over: { read_only?: boolean } = {}, options = GENEROUS) {
    const { sink, seen } = keepingSink();
    const target = testTarget(database.name, over);
    const error = await postgres.execute(target, { sql, params: [], options }, sink).then(
      () => null,
      (thrown: unknown) => {
        if (thrown instanceof ConnectorError) return thrown;
        throw thrown;
      },
    );
    return { ...seen, error };
  }

  test("each statement commits by itself unless the user begins a transaction", async () => {
    await client.query("create table kept (a int)");
    await run("insert into kept values (1); select 1 / 0");
    await run("begin; insert into kept values (2); select 1 / 0; commit");
    await run("begin; insert into kept values (3); commit; select 1 / 0");
    const { rows } = await client.query("select a from kept order by a");
    expect(rows).toEqual([{ a: 1 }, { a: 3 }]);
  });

  test("a cut `insert … returning` keeps what it inserted", async () => {
    await client.query("create table inserted (a int)");
    const sql = "insert into inserted select generate_series(1, 500) returning a";
    const { error, statements } = await run(sql, {}, { ...GENEROUS, max_rows: 5 });
    expect(error).toBeNull();
    expect(statements[0]).toMatchObject({ rows: 5, truncated: "rows", command: "INSERT" });
    const { rows } = await client.query("select count(*)::int as count from inserted");
    expect(rows).toEqual([{ count: 500 }]);
  });

  test("a cut statement in a read-only session does not work on at the server", async () => {
    const sql = "select g, pg_sleep(0.001) from generate_series(1, 100000) g";
    const { handle, error } = await run(sql, { read_only: true }, { ...GENEROUS, max_rows: 5 });
    expect(error).toBeNull();
    // By itself it would take minutes.
    await expect.poll(() => place.isWorking(handle?.pid ?? 0)).toBe(false);
  });

  test("copy to and from the client does not hang", async () => {
    await client.query("create table copied (a int)");
    for (const sql of [
      "copy copied from stdin",
      "copy copied to stdout",
      "copy (select 1) to stdout",
    ]) {
      const { error } = await run(`select 1; ${sql}; select 2`);
      expect(error).toMatchObject({ code: "sql_error", sqlstate: "0A000" });
    }
  });

  test("notices are told, a huge one cut; notifications are ignored", async () => {
    const { error, notices } = await run(
      `listen somewhere; notify somewhere, 'x';
       do $$ begin raise notice 'hello'; raise warning '%', repeat('x', 6000000); end $$; select 1`,
    );
    expect(error).toBeNull();
    expect(notices[0]).toBe("NOTICE: hello");
    expect(notices[1]?.length).toBeLessThan(2_000);
  });

  test("a huge error message is cut and has no NUL or lone surrogate", async () => {
    const { error } = await run("do $$ begin raise exception '%', repeat('é', 4000000); end $$");
    expect(error?.message.length).toBeLessThan(9_000);
    expect(error?.message.isWellFormed()).toBe(true);
  });

  test("another client_encoding is refused instead of read wrongly", async () => {
    const { error } = await run("set client_encoding = 'latin1'; select 'é'");
    expect(error).toMatchObject({ code: "sql_error" });
    expect(error?.message).toContain("client_encoding");
  });

  test("text that is no UTF-8 is repaired, and nothing is lost beside it", async () => {
    await using ascii = await emptyDatabase("SQL_ASCII");
    const { sink, seen } = keepingSink();
    const sql = "select convert_from('\\x61ff62'::bytea, 'SQL_ASCII') as broken, 'whole' as whole";
    await postgres.execute(testTarget(ascii.name), { sql, params: [], options: GENEROUS }, sink);
    expect(seen.statements[0]?.seen).toEqual([["a\u{FFFD}b", "whole"]]);
    expect(seen.notices).toHaveLength(1);
  });

  test("a statement without enough parameters says so", async () => {
    const { error } = await run("select $1::int");
    expect(error).toMatchObject({ code: "sql_error" });
    expect(error?.message).toContain("$1");
  });

  test("a backend that is killed is an unreachable datasource", async () => {
    const running = run("select pg_sleep(30)");
    await eventually(async () => {
      const { rowCount } = await client.query(
        `select pg_terminate_backend(pid) from pg_stat_activity
          where datname = current_database() and query like 'select pg_sleep(30) /*%' and state = 'active'`,
      );
      return rowCount === 0 ? null : rowCount;
    });
    expect((await running).error).toMatchObject({ code: "datasource_unreachable" });
  });

  test("permission denied has its own code", async () => {
    await client.query(`do $$ begin
      if not exists (select from pg_roles where rolname = 'nobody_special') then
        create role nobody_special login password 'pw12345';
      end if; end $$`);
    await client.query("create table private (a int)");
    const target = testTarget(database.name, { user: "nobody_special" });
    const { sink } = keepingSink();
    const request = { sql: "select * from private", params: [], options: GENEROUS };
    await expect(
      postgres.execute({ ...target, secret: { password: "pw12345" } }, request, sink),
    ).rejects.toMatchObject({ code: "permission_denied", sqlstate: "42501" });
  });

  test("a slow receiver holds the server back", async () => {
    let batches = 0;
    let most = 0;
    const { sink } = keepingSink();
    sink.batch = async () => {
      batches += 1;
      await new Promise((resolve) => setTimeout(resolve, 5));
      most = Math.max(most, process.memoryUsage().arrayBuffers);
    };
    const before = process.memoryUsage().arrayBuffers;
    const sql = "select repeat('x', 100000) from generate_series(1, 3000)";
    await postgres.execute(
      testTarget(database.name, { read_only: true }),
      { sql, params: [], options: GENEROUS },
      sink,
    );
    expect(batches).toBeGreaterThan(50);
    expect(most - before).toBeLessThan(100 * 1024 ** 2);
  });
});

describe("postgres behind a pipe", () => {
  const piped = pipedConnector();
  afterAll(() => piped.close());
  testConnector({ ...place, connector: () => piped.connector });
});
