/** The part of the connector contract that is about sessions opened ahead, and about plans. */
import { expect, test } from "vitest";
import type { BackendHandle, Connector, Parameter, Target } from "../connector.ts";
import { GENEROUS, keepingSink } from "./target.ts";

export function testAheadAndExplain(subject: { connector(): Connector; target(): Target }): void {
  test("a prepared session serves one run, and none when it was released", async () => {
    const connector = subject.connector();
    const target = subject.target();
    async function pidOf(prepared: BackendHandle): Promise<number | undefined> {
      const { sink, seen } = keepingSink();
      const request = { sql: "select 1", params: [], options: GENEROUS, prepared };
      await connector.execute(target, request, sink);
      expect(seen.statements[0]?.seen).toEqual([[1]]);
      return seen.handle?.pid;
    }
    const first = await connector.prepare(target, { keep_ms: 20_000 });
    expect(await pidOf(first)).toBe(first.pid);
    expect(await pidOf(first)).not.toBe(first.pid);
    const second = await connector.prepare(target, { keep_ms: 20_000 });
    await connector.release(second);
    await connector.release(second);
    expect(await pidOf(second)).not.toBe(second.pid);
  });

  test("explain says how each statement is executed, and null for those without a plan", async () => {
    const handles: number[] = [];
    const explain = (sql: string, analyze: boolean, params: Parameter[] = []) =>
      subject
        .connector()
        .explain(subject.target(), { sql, params, analyze, options: GENEROUS }, ({ pid }) => {
          handles.push(pid);
        });
    const params: Parameter[] = [{ type: "int8", value: "5" }];
    const sql = "set enable_hashagg = off;\n-- why\nselect g from generate_series(1, $1) g";
    const [none, plan] = await explain(sql, false, params);
    expect(none).toBeNull();
    expect(plan).toMatchObject([{ Plan: { "Node Type": "Function Scan" } }]);
    expect(plan).toMatchObject([{ Settings: { enable_hashagg: "off" } }]);
    const ran = await explain(
      "create temp table t (a int); insert into t values (1); table t",
      true,
    );
    expect(ran).toMatchObject([
      null,
      [{ Plan: { "Actual Loops": 1 } }],
      [{ "Execution Time": expect.any(Number) }],
    ]);
    expect(handles.every((pid) => pid > 0) && handles.length).toBe(2);
  });

  test("explain executes nothing without analyze, and says where an error is", async () => {
    const connector = subject.connector();
    const explain = (sql: string) =>
      connector
        .explain(subject.target(), { sql, params: [], analyze: false, options: GENEROUS }, () => {})
        .catch((error: unknown) => error);
    const table = `explained_${Date.now()}`;
    await explain(`create table ${table} as select 1 as a`);
    expect(await explain(`select * from ${table}`)).toMatchObject({ sqlstate: "42P01" });
    const wrong = "select 1;\nselect nope";
    const error = await explain(wrong);
    expect(error).toMatchObject({
      code: "sql_error",
      sqlstate: "42703",
      position: wrong.indexOf("nope"),
    });
    expect(await explain("create temp table t (a int); select * from t")).toMatchObject({
      sqlstate: "42P01",
      hint: expect.stringContaining("analyze"),
    });
  });
}
