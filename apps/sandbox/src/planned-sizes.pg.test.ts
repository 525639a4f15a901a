/** Plans of tables that have statistics and no rows: what the try of a fix on a sandbox stands on. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { startTestSandbox, type TestSandbox } from "./testing-sandbox.ts";

let sandbox: TestSandbox;
beforeAll(async () => {
  sandbox = await startTestSandbox();
});
afterAll(() => sandbox.stop());

const STATISTICS = `
select pg_restore_relation_stats('schemaname', 'public', 'relname', 't', 'relpages', 400000, 'reltuples', 40000000::real);
select pg_restore_attribute_stats('schemaname', 'public', 'relname', 't', 'attname', 'b', 'inherited', false,
  'null_frac', 0::real, 'avg_width', 4, 'n_distinct', 1000000::real);`;

const files = {
  "init/1.sql": "create table t (a bigint primary key, b integer not null);",
  "seed/1.sql": STATISTICS,
  "seed/2.sql": [
    "create database after template project;",
    "\\connect after",
    "create index t_b on t (b);",
    "select pg_restore_relation_stats('schemaname', 'public', 'relname', 't_b', 'relpages', 60000, 'reltuples', 40000000::real);",
  ].join("\n"),
  "test/x.sql": [
    "create function plan(text) returns jsonb language plpgsql as $$ declare found json; begin",
    "  execute 'explain (generic_plan, format json) ' || $1 into found; return found -> 0 -> 'Plan'; end $$;",
    "select plan('select * from t where b = $1') as plan, pg_relation_size('t')::text as size \\gset before_",
    "\\connect after",
    "create function plan(text) returns jsonb language plpgsql as $$ declare found json; begin",
    "  execute 'explain (generic_plan, format json) ' || $1 into found; return found -> 0 -> 'Plan'; end $$;",
    "select :'before_plan'::jsonb as before, plan('select * from t where b = $1') as after, :'before_size' as size,",
    "  1 as one;",
  ].join("\n"),
};

test("tables have the pages that their statistics say, and both databases of an instance do", async () => {
  const job = await sandbox.run(files, { spec: { planned_sizes: true } });
  expect(job.error).toBeNull();
  const [before, after, size] = job.result_rows[0] as string[];
  const plans = [before, after].map((text) => JSON.parse(text!) as Record<string, unknown>);
  expect(size).toBe(String(400_000 * 8_192));
  expect(plans[0]).toMatchObject({ "Node Type": "Seq Scan", "Plan Rows": 40 });
  // 400,000 pages at 1, 40,000,000 rows at 0.01 + 0.0025.
  expect(plans[0]!["Total Cost"]).toBe(900_000);
  expect(plans[1]).toMatchObject({
    "Node Type": "Index Scan",
    "Index Name": "t_b",
    "Plan Rows": 40,
  });
  expect(Number(plans[1]!["Total Cost"])).toBeLessThan(250);

  const plain = await sandbox.run(files);
  expect(plain.error).toBeNull();
  expect(plain.snapshot?.hit).toBe("full");
  expect(JSON.parse((plain.result_rows[0] as string[])[0]!)).toMatchObject({ "Total Cost": 0 });
}, 60_000);
