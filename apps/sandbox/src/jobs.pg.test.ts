/** Jobs on a real sandbox: what is a hit and what must not be one, what goes wrong and where, and what is shared. */

import { cancelJob } from "@quern/store/job-ends";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Ended, type Files, startTestSandbox, type TestSandbox } from "./testing-sandbox.ts";

let sandbox: TestSandbox;
beforeAll(async () => {
  sandbox = await startTestSandbox();
});
afterAll(() => sandbox.stop());

const head = (sql: string): Files => ({ "test/x.sql": sql });
const ok = async (files: Files, change = {}): Promise<Ended> => {
  const job = await sandbox.run(files, change);
  expect(job.error).toBeNull();
  return job;
};

test("a head gives its rows; the same tail is a hit, whatever the head, and a renamed file too", async () => {
  const tail = { "init/1.sql": "create table t (a int); insert into t values (1), (2);" };
  const first = await ok({ ...tail, ...head("select sum(a) from t") });
  expect(first.result_rows).toEqual([["3"]]);
  expect(first.snapshot).toMatchObject({ hit: "miss", depth: 1, replayed_steps: 1 });
  expect(first.steps.map(({ path, outcome, kept }) => [path, outcome, kept])).toEqual([
    ["", "built", true],
    ["init/1.sql", "built", true],
  ]);
  const second = await ok({ ...tail, ...head("select count(*) from t") });
  expect(second.result_rows).toEqual([["2"]]);
  expect(second.snapshot).toMatchObject({ hit: "full", replayed_steps: 0 });
  const renamed = await ok({ "init/one.sql": tail["init/1.sql"]!, ...head("select 1") });
  expect(renamed.snapshot?.hit).toBe("full");
  expect(renamed.snapshot?.state_key).toBe(first.snapshot?.state_key);
  expect(renamed.tail_hash).not.toBe(first.tail_hash);
});

test("an edit of a file replays from there, and heads never change what others see", async () => {
  const files = (third: string): Files => ({
    "init/1.sql": "create table n (a int);",
    "init/2.sql": "insert into n values (1);",
    "init/3.sql": third,
    ...head("insert into n values (100) returning (select count(*) from n);"),
  });
  const keep = { policy: { volatile: null, no_cache: false, keep: "all" as const, order: null } };
  expect((await ok(files("insert into n values (2);"), keep)).result_rows).toEqual([["2"]]);
  const edited = await ok(files("insert into n values (3), (4);"), keep);
  expect(edited.snapshot).toMatchObject({ hit: "prefix", prefix_depth: 2, replayed_steps: 1 });
  expect(edited.result_rows).toEqual([["3"]]);
  expect((await ok(files("insert into n values (2);"))).result_rows).toEqual([["2"]]);
});

test("variables, copied files and bytes that only look alike are part of a state", async () => {
  const tail = { "init/v.sql": "create table v as select :'who' as who, :unused is null as u;" };
  const files = { ...tail, ...head("select who from v") };
  const variables = (who: string, unused = "null") => ({ variables: { who, unused } });
  expect((await ok(files, variables("ada"))).result_rows).toEqual([["ada"]]);
  expect((await ok(files, variables("bob"))).result_rows).toEqual([["bob"]]);
  expect((await ok(files, variables("ada"))).snapshot?.hit).toBe("full");
  const other = { ...files, "init/w.sql": "select 1;" };
  const more = { variables: { who: "ada", unused: "null", nobody_asks: "1" } };
  expect((await ok(other, more)).snapshot?.prefix_depth).toBe(1);

  const copy = (csv: string): Files => ({
    "init/c.sql": "create table c (a int, b text);\n\\copy c from 'data/c.csv' csv\n",
    "data/c.csv": csv,
    ...head("select string_agg(b, ',' order by a) from c"),
  });
  expect((await ok(copy('1,x\n2,"y\nz"\n'))).result_rows).toEqual([["x,y\nz"]]);
  expect((await ok(copy("1,changed\n"))).result_rows).toEqual([["changed"]]);

  const lines = (end: string) => ({
    "init/l.sql": `create table l as select 'a${end}b'::text as v;`,
    ...head("select length(v) from l"),
  });
  expect((await ok(lines("\n"))).result_rows).toEqual([[3]]);
  expect((await ok(lines("\r\n"))).result_rows).toEqual([[4]]);
});

test("what looks like an include is none; includes are read; long lines are lines", async () => {
  const long = "x".repeat(100_000);
  const job = await ok({
    "init/1.sql": [
      "/* \\i nowhere.sql */ create table i (a text);",
      "insert into i values ($q$\n\\i nowhere.sql\n$q$);",
      "\\ir ../lib/more.sql",
      `insert into i values ('${long}');`,
    ].join("\n"),
    "lib/more.sql": "insert into i values ('included');",
    ...head(
      "select count(*), max(length(a)) from i where a like '%i nowhere%' or a = 'included' or length(a) > 9999",
    ),
  });
  expect(job.result_rows).toEqual([["3", 100_000]]);
});

test.each<[string, Files, object]>([
  [
    "an error of the server, in a file that is included",
    {
      "init/1.sql": "select 1;\n\\ir ../lib/a.sql",
      "lib/a.sql": "select 1;\n\nselect * from nothing;",
    },
    { code: "sql_error", phase: "building", file: "lib/a.sql", line: 3, sqlstate: "42P01" },
  ],
  [
    "an error of the head",
    { "init/1.sql": "select 1;", "test/x.sql": "select 1;\nselect 1/0;" },
    { code: "sql_error", phase: "head", file: "test/x.sql", line: 2, sqlstate: "22012" },
  ],
  [
    "a transaction left open",
    { "init/1.sql": "begin;\ncreate table o ();" },
    { code: "open_transaction_at_boundary", file: "init/1.sql" },
  ],
  [
    "a command of psql that Quern does not have",
    { "init/1.sql": "select 1;\n\\d" },
    { code: "unsupported_meta_command", phase: "planning", file: "init/1.sql", line: 2 },
  ],
  ["a command for the shell", { "init/1.sql": "\\! id" }, { code: "refused_command", line: 1 }],
  ["a path out of the project", { "init/1.sql": "\\i ../../etc/passwd" }, { code: "path_escape" }],
  ["a cycle", { "init/1.sql": "\\i init/1.sql" }, { code: "include_cycle", file: "init/1.sql" }],
  ["a file that is not there", { "init/1.sql": "\\i lib/no.sql" }, { code: "include_missing" }],
  [
    "a program on the server",
    { "init/1.sql": "create table p (a text); copy p from program 'id';" },
    { code: "sql_error", sqlstate: "42501" },
  ],
])("%s", async (_, files, error) => {
  const job = await sandbox.run({ "test/x.sql": "select 1", ...files });
  expect(job).toMatchObject({ status: "failed", error });
  expect(job.error?.message).toBeTruthy();
});

test("the chain of a job that failed says which file it was, and none goes on", async () => {
  const job = await sandbox.run({
    "init/1.sql": "select 'of a chain that fails';",
    "init/2.sql": "select 1/0;",
    "init/3.sql": "select 1;",
    "test/x.sql": "select 1",
  });
  expect(job.steps.slice(1).map(({ outcome }) => outcome)).toEqual(["built", "failed", "pending"]);
});

test("roles, settings and databases are part of a state; sessions are not", async () => {
  const job = await ok({
    "init/1.sql": "create role reader nologin; alter database project set work_mem = '7MB';",
    "init/2.sql": "create database other; set search_path = pg_catalog; create temp table gone ();",
    "init/3.sql": "\\connect other\ncreate table far (a int); insert into far values (7);",
    ...head(`select current_setting('work_mem'), to_regclass('gone') is null, current_schema(),
      (select count(*) from pg_roles where rolname = 'reader'), (select count(*) from pg_database where datname = 'other')`),
  });
  expect(job.result_rows).toEqual([["7MB", true, "public", "1", "1"]]);
});

test("volatile files are kept as first made, refused, or made anew, as the job says", async () => {
  const files = {
    "init/1.sql": "create table r as select random() as v, now() as at;",
    ...head("select v from r"),
  };
  const policy = (volatile: "pin" | "deny" | "nocache") => ({
    policy: { volatile, no_cache: false, keep: "auto" as const, order: null },
  });
  const first = await ok(files, policy("pin"));
  expect(first.snapshot?.volatile.map(({ what }) => what).sort()).toEqual(["now", "random"]);
  expect((await ok(files, policy("pin"))).result_rows).toEqual(first.result_rows);
  expect((await ok(files, policy("nocache"))).result_rows).not.toEqual(first.result_rows);
  const denied = await sandbox.run(files, policy("deny"));
  expect(denied.error).toMatchObject({ code: "volatile_denied", file: "init/1.sql", line: 1 });
  const verified = await sandbox.run(files, { type: "verify" });
  expect(verified).toMatchObject({ error: null, result: { type: "verify", reproducible: false } });
});

test("a volatile default is stored: only who puts rows into its table evaluates it", async () => {
  const deny = {
    policy: { volatile: "deny", no_cache: false, keep: "auto", order: null },
  } as const;
  const files = {
    "init/1.sql": "create table s (a int,\n  at timestamptz default now());",
    "init/2.sql": "create view s_now as select now(); alter table s alter at set default now();",
    ...head("select count(*) from s"),
  };
  expect((await ok(files, deny)).snapshot?.volatile).toEqual([]);
  const filled = { ...files, "seed/1.sql": "insert into s (a) values (1);" };
  expect((await ok(filled)).snapshot?.volatile).toEqual([
    { path: "init/1.sql", line: 2, what: "now" },
    { path: "init/2.sql", line: 1, what: "now" },
  ]);
  expect((await sandbox.run(filled, deny)).error).toMatchObject({
    ...{ code: "volatile_denied", file: "init/1.sql", line: 2 },
    message: expect.stringContaining("seed/1.sql evaluates now"),
  });
  const added = { ...files, "seed/1.sql": "alter table s add b timestamptz default now();" };
  expect((await sandbox.run(added, deny)).error).toMatchObject({ file: "seed/1.sql", line: 1 });
});

test("a file that only the run names is included; that it leaves the project is an error with its place", async () => {
  const files = (path: string, value = 3) => ({
    "init/1.sql": `select '${path}' as p \\gset\n\\i :p\n`,
    "data/later.psql": `create table later as select ${value} as v;`,
    ...head("select v from later"),
  });
  expect((await ok(files("data/later.psql"))).result_rows).toEqual([[3]]);
  expect((await ok(files("data/later.psql"))).snapshot?.hit).toBe("full");
  // Which file it is only the run knows, so any other tree is another state.
  expect((await ok(files("data/later.psql", 4))).result_rows).toEqual([[4]]);
  expect((await sandbox.run(files("../x"))).error).toMatchObject({
    ...{ code: "path_escape", phase: "building", file: "init/1.sql", line: 2 },
  });
});

test("two states are compared by what is defined in them and by their rows", async () => {
  const files = { "init/1.sql": "create table d as select 1 as a;", ...head("select 1") };
  const same = await ok(files, { type: "verify" });
  expect(same.result).toMatchObject({ reproducible: true, differences: [] });
  const side = {
    ...{ state_key: null, project_id: null, project_version: null, manifest: null },
    ...{ head_path: null, variables: {}, environment: {} },
  };
  const more = "insert into d values (2); create view w as select * from d;";
  const diff = await ok(files, {
    type: "diff",
    head_path: null,
    spec: { left: side, right: side },
    left_tree: await sandbox.tree(files),
    right_tree: await sandbox.tree({ ...files, "init/2.sql": more }),
  });
  expect(diff.result).toMatchObject({ type: "diff", identical: false });
  const { objects, tables } = diff.result as Extract<typeof diff.result, { type: "diff" }>;
  expect(objects.map(({ kind, name, change }) => [kind, name, change])).toContainEqual([
    "view",
    "public.w",
    "added",
  ]);
  expect(tables).toEqual([
    { schema: "public", name: "d", left_rows: 1, right_rows: 2, same_rows: false },
  ]);
});

test("a state is named by its key, and SQL that was typed in runs on it", async () => {
  const files = { "init/1.sql": "create table k as select 7 as a;", ...head("select a from k") };
  const { state_key } = await ok(files);
  const typed = { head_path: null, head_sql: "\\set n 3\nselect a * :n from k" };
  const named = await ok({}, { ...typed, spec: { state_key: state_key! } });
  expect(named.result_rows).toEqual([[21]]);
  expect(named.snapshot).toMatchObject({ hit: "full", state_key, replayed_steps: 0 });
  const without = await ok(files, typed);
  expect(without.result_rows).toEqual([[21]]);
  const unknown = { ...typed, spec: { state_key: "00".repeat(32) } };
  expect((await sandbox.run({}, unknown)).error).toMatchObject({ code: "state_unknown" });
});

test("jobs that need the same state at once build it once", async () => {
  const files = (i: number): Files => ({
    "init/1.sql": `create table shared${i} as select ${i} as a; select pg_sleep(0.2);`,
    ...head(`select a from shared${i}`),
  });
  const jobs = await Promise.all(
    Array.from({ length: 12 }, (_, i) => ok(files(i % 3)).then((job) => ({ job, i }))),
  );
  for (const { job, i } of jobs) expect(job.result_rows).toEqual([[i % 3]]);
  const replayed = jobs.reduce((sum, { job }) => sum + job.snapshot!.replayed_steps, 0);
  expect(replayed).toBe(3);
});

test.each([
  ["a file of the tail", { "init/1.sql": "select pg_sleep(600);" }],
  ["the head", { "test/x.sql": "select pg_sleep(600);" }],
])("a cancel ends %s, and the next job is as if nothing had been", async (_, files) => {
  const id = await sandbox.begin({ "test/x.sql": "select 1", ...files });
  const shown = async () => (await sandbox.read(id)).progress.current?.statement;
  await expect.poll(shown, { timeout: 20_000 }).toBe(1);
  await cancelJob(sandbox.db, sandbox.actor, id);
  expect((await sandbox.end(id)).status).toBe("canceled");
  expect((await ok(head("select 1"))).result_rows).toEqual([[1]]);
});

test("a file that takes too long ends the job by the clock", async () => {
  const job = await sandbox.run(
    { "init/1.sql": "select 1;\nselect pg_sleep(600);", ...head("select 1") },
    { limits: { timeout_ms: 1_000, max_rows: 10, max_bytes: 10_000 } },
  );
  expect(job.error).toMatchObject({ code: "timeout", phase: "building", file: "init/1.sql" });
});
