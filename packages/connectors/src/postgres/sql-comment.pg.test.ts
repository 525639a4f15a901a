import { emptyDatabase, type TestDatabase } from "@quern/store/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ConnectorError } from "../errors.ts";
import { GENEROUS, keepingSink, testTarget } from "../testing/target.ts";
import { postgres } from "./connector.ts";

let database: TestDatabase;

beforeAll(async () => {
  database = await emptyDatabase();
});

afterAll(async () => {
  await database.drop();
});

const traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

async function run(sql: string) {
  const { sink, seen } = keepingSink();
  const options = { ...GENEROUS, run_id: "019a-run", traceparent };
  const error = await postgres
    .execute(testTarget(database.name), { sql, params: [], options }, sink)
    .then(() => null)
    .catch((thrown: unknown) => {
      if (thrown instanceof ConnectorError) return thrown;
      throw thrown;
    });
  return { ...seen, error };
}

test("pg_stat_activity leads from each statement to its run", async () => {
  const mine = "select query from pg_stat_activity where pid = pg_backend_pid()";
  const { statements } = await run(`${mine}; -- it's the first\n${mine} -- 'the last'`);
  for (const { seen } of statements) {
    expect(seen[0]?.[0]).toMatch(
      `${mine} /*application='quern',run_id='019a-run',traceparent='${traceparent}'*/`,
    );
  }
  expect(statements.length).toBe(2);
});

test("errors are what and where they were without it", async () => {
  const end = "select 1; select 1 +";
  expect((await run(end)).error).toMatchObject({
    message: "syntax error at end of input",
    position: end.length,
  });
  expect((await run("select 'it ")).error?.message).toBe(
    'unterminated quoted string at or near "\'it "',
  );
  expect((await run("select $a$ it ")).error?.message).toMatch(
    /^unterminated dollar-quoted string/,
  );
  const middle = "select nope -- why";
  expect((await run(middle)).error?.position).toBe(middle.indexOf("nope"));
});

test("a text of 256 KiB passes, and a function body is stored without it", async () => {
  const long = `select length('${"x".repeat(256 * 1024 - 20)}')`;
  expect((await run(long)).statements[0]?.seen).toEqual([[256 * 1024 - 20]]);
  const { statements } = await run(
    `create function f() returns int language sql as $$ select 1 $$;
     select prosrc from pg_proc where proname = 'f'`,
  );
  expect(statements[1]?.seen).toEqual([[" select 1 "]]);
});
