import { emptyDatabase, type TestDatabase } from "@quern/store/testing";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { ConnectorError } from "../errors.ts";
import {
  GENEROUS,
  keepingSink,
  type TestClient,
  testClient,
  testTarget,
} from "../testing/target.ts";
import { postgres } from "./connector.ts";

let database: TestDatabase;
let client: TestClient;

beforeAll(async () => {
  database = await emptyDatabase();
  client = await testClient(database);
  await client.query("create table guarded (a int); create sequence counter");
});

afterAll(async () => {
  await client.end();
  await database.drop();
});

beforeEach(async () => {
  await client.query("truncate guarded");
});

/** On a read-only datasource whose role may write. */
async function run(sql: string) {
  const { sink, seen } = keepingSink();
  const target = testTarget(database.name, { read_only: true });
  const error = await postgres.execute(target, { sql, params: [], options: GENEROUS }, sink).then(
    () => null,
    (thrown: unknown) => {
      if (thrown instanceof ConnectorError) return thrown;
      throw thrown;
    },
  );
  return { ...seen, error };
}

async function written(): Promise<number> {
  const { rows } = await client.query<{ count: number }>("select count(*)::int from guarded");
  return rows[0]?.count ?? -1;
}

const INSERT = "insert into guarded values (1)";

test("a session that stays read-only refuses by itself", async () => {
  const { error } = await run(INSERT);
  expect(error).toMatchObject({ code: "sql_error", sqlstate: "25006" });
});

for (const sql of [
  `set default_transaction_read_only = off; ${INSERT}`,
  `set session characteristics as transaction read write; ${INSERT}`,
  `select set_config('default_transaction_read_only', 'off', false); ${INSERT} returning a`,
  `begin read write; ${INSERT}; commit`,
  `begin; set transaction read write; ${INSERT}; set transaction read only; commit`,
  `commit; begin read write; ${INSERT}; commit`,
  `rollback; begin read write; ${INSERT}; commit`,
  `begin read write; savepoint s; ${INSERT}; release s; commit`,
  `reset all; ${INSERT}`,
  `discard all; ${INSERT}`,
  `set default_transaction_read_only = off; with w as (${INSERT} returning a) select a from w`,
  `set default_transaction_read_only = off; do $$ begin ${INSERT}; end $$`,
  "set default_transaction_read_only = off; create table guarded_too as select 1 as a",
  "set default_transaction_read_only = off; copy guarded from program 'echo 1'",
]) {
  test(`nothing of it stays: ${sql}`, async () => {
    const { error } = await run(`${sql}; select 1`);
    expect(error).toMatchObject({ code: "permission_denied", sqlstate: "25006" });
    expect(error?.hint).toMatch(/revoke insert/);
    expect(await written()).toBe(0);
    const { rows } = await client.query("select to_regclass('guarded_too') as made");
    expect(rows).toEqual([{ made: null }]);
  });
}

test("the error stands where the statement that wrote begins", async () => {
  const sql = `select 'é😀'; begin read write;  ${INSERT}; commit`;
  const { error, statements } = await run(sql);
  expect(sql.slice(error?.position ?? 0)).toMatch(/^insert into/);
  expect(statements.flatMap(({ command }) => command ?? [])).toEqual(["SELECT 1", "BEGIN"]);
});

test("explain analyze is no way around it", async () => {
  const sql = `set default_transaction_read_only = off; ${INSERT}`;
  const request = { sql, params: [], analyze: true, options: GENEROUS };
  const target = testTarget(database.name, { read_only: true });
  await expect(postgres.explain(target, request, () => {})).rejects.toMatchObject({
    code: "permission_denied",
  });
  expect(await written()).toBe(0);
});

test("what a procedure commits by itself is out of reach, and a notice says so", async () => {
  const { error, notices } = await run(
    `set default_transaction_read_only = off; do $$ begin ${INSERT}; commit; end $$`,
  );
  expect(error).toBeNull();
  expect(await written()).toBe(1);
  expect(notices).toEqual([expect.stringMatching(/read-only, and a DO or CALL can commit/)]);
});

test("reading is not in its way", async () => {
  const { error, statements } = await run(`
    begin; set transaction isolation level repeatable read; select 1; commit;
    begin isolation level serializable read only deferrable; select 2; rollback;
    set search_path = public; show search_path; select pg_advisory_lock(1), pg_notify('c', 'x');
    prepare p as select 3; execute p; declare c cursor with hold for select 4; fetch c; explain select 5;
    listen somewhere; select 6`);
  expect(error).toBeNull();
  expect(statements.at(-1)?.seen).toEqual([[6]]);
});

test("a datasource that may write is left alone", async () => {
  const { sink } = keepingSink();
  const request = { sql: `begin; ${INSERT}; commit`, params: [], options: GENEROUS };
  await postgres.execute(testTarget(database.name), request, sink);
  expect(await written()).toBe(1);
});
