import { createAgent } from "@quern/contract/health/agents";
import { listFindings } from "@quern/contract/health/findings";
import { listTrials, readTrial, tryFix } from "@quern/contract/health/trials";
import { cancelJob, createJob, extendJob, readJob } from "@quern/contract/jobs";
import { readRun } from "@quern/contract/runs";
import { keepFindings } from "@quern/health/advisors/keep-findings";
import type { Found, Subject } from "@quern/health/advisors/rule";
import { claimRuns, finishRun } from "@quern/store/queue";
import { noteSandbox } from "@quern/store/sandboxes";
import { makeDatasource, SUCCEEDED } from "@quern/store/testing-fixtures";
import { sql } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import { problemOf, startTestApi, type TestApi } from "./testing.ts";
import { payloadOf, send, statementOf } from "./testing-agents.ts";
import { claim } from "./testing-jobs.ts";

let api: TestApi;
let editor: Awaited<ReturnType<TestApi["as"]>>;
const findings = new Map<string, string>();

const column = (name: string, data_type: string) => ({
  ...{ name, data_type, nullable: true, default: null, position: 1 },
});
const table = (schema: string, name: string) => ({
  ...{ schema, name, columns: [column("id", "bigint"), column("a", "integer")] },
  ...{ kind: "r" as const, parent: null, row_count_estimate: 1000, size_bytes: 81_920 },
});
const SCHEMA = {
  hash: "one",
  ...{ tables: [table("public", "t"), table("Ot'her", 'a "b"')], indexes: [], constraints: [] },
  extensions: [
    { name: "hstore", version: "1.8", default_version: "1.8", schema: "public" },
    { name: "vector", version: "0.8", default_version: "0.8", schema: "public" },
    { name: "ltree", version: "1.3", default_version: "1.3", schema: "public" },
  ],
};

function found(object: string, sql: string | null, sandbox = true): Found {
  return {
    ...{ object, severity: "info", evidence: [], confidence: "high", window: null },
    ...{ statement_id: null, fix: { sql, words: "", sandbox } },
  };
}

beforeAll(async () => {
  api = await startTestApi();
  editor = await api.as("editor");
  const admin = await api.as("admin");
  const agent = await admin.client.call(createAgent, { body: { name: "first" } });
  const query_stats = [
    statementOf("q1", 10, { query: "select * from t where a = $1", tables: ["t"] }),
    statementOf("q2", 10, { query: "select 1" }),
    statementOf("q3", 10, { query: "<redacted>", text_state: "hidden", tables: ["t"] }),
  ];
  const column_statistics = { relations: [], omitted_columns: 0 };
  await send(api.address, agent, payloadOf({ schema: SCHEMA, query_stats, column_statistics }));
  const { rows } = await sql<{ id: string; server_id: string }>`
    select id, server_id from health_databases`.execute(api.db);
  const { id: database_id, server_id } = rows[0]!;
  const subject: Subject = {
    ...{ db: api.db, org_id: editor.actor.org_id, database_id, server_id, database_name: "shop" },
    ...{ type: "postgres", version_num: 150_004, provider: "generic", in_recovery: false },
    ...{ is_main: true, now: new Date() },
  };
  await keepFindings(api.db, subject, { id: "missing-index", title: "" }, [
    found("public.t", "create index concurrently on public.t (a);"),
    found("words", null, false),
    found("unknown", "explain (generic_plan) select $1"),
  ]);
  const { items } = await editor.client.call(listFindings, { query: { database_id } });
  for (const { object, id } of items) findings.set(object, id);
});
afterAll(() => api.stop());

const start = (object: string, who = editor) =>
  who.client.call(tryFix, { params: { id: findings.get(object)! }, body: {} });

/** One person has only so many at work. */
async function endJobs(): Promise<void> {
  await sql`
    update jobs set status = 'canceled', finished_at = clock_timestamp(), lease_token = null, lease_until = null
    where status = 'preparing'`.execute(api.db);
}

async function sandboxIsThere(major = 18): Promise<void> {
  await noteSandbox(api.db, {
    ...{ id: "sandbox-1", store_id: "00000000-0000-4000-8000-00000000000a", hostname: "here" },
    ...{ vitals: {}, proxy: null },
    engines: [
      {
        ...{ major, version: `${major}.4` },
        extensions: [
          { name: "hstore", version: "1.8", trusted: true },
          { name: "ltree", version: "1.3", trusted: false },
        ],
      },
    ],
    capacity: {
      ...{ slots: 1, running: 0, clone: "copy", isolation: "", superuser: false, pool: 0 },
      ...{ cache_bytes: 0, cache_max_bytes: 1, disk_free_bytes: null },
    },
  });
}

test("without a sandbox that has the engine nothing is queued", async () => {
  expect(await problemOf(start("public.t"))).toMatchObject({ status: 503, code: "no_sandbox" });
  await sandboxIsThere(17);
  expect(await problemOf(start("public.t"))).toMatchObject({ code: "no_sandbox" });
  const { items } = await editor.client.call(listTrials, {
    params: { id: findings.get("public.t")! },
  });
  expect(items).toEqual([]);
});

test("a trial is a job like any other, and says what it is made of while it goes on", async () => {
  await sandboxIsThere();
  const id = findings.get("public.t")!;
  const { job_id } = await start("public.t");
  const trial = await editor.client.call(readTrial, { params: { job_id } });
  expect(trial).toMatchObject({
    ...{ job_id, finding_id: id, result: "pending", status: "pending", rows_copied: false },
    ...{ statistics: "columns", fix: { applied: null, error: null } },
    engine: { sandbox: 18, database: 18 },
    statements: [{ text: "select * from t where a = $1", source: "busiest", before: null }],
    gaps: [{ kind: "extension", object: "vector", reason: "extension_missing" }],
  });
  const job = await editor.client.call(readJob, { params: { id: job_id } });
  expect(job).toMatchObject({
    ...{ type: "run", head_path: "test/plans.sql", created_by: { id: editor.actor.user_id } },
    environment: { engine_version: 18, extensions: ["ltree"] },
  });
  const [claimed] = await claim(api);
  expect(claimed).toMatchObject({ id: job_id, spec: { planned_sizes: true } });
  const again = { files_of: job_id, head_path: "test/plans.sql", limits: job.limits };
  const same = await editor.client.call(createJob, { body: again });
  const other = { ...again, head_path: undefined, head_sql: "x" };
  const typed = await editor.client.call(createJob, { body: other });
  const specs = new Map((await claim(api)).map(({ id, spec }) => [id, spec]));
  await endJobs();
  expect(specs).toEqual(
    new Map([
      [same.job_id, { planned_sizes: true }],
      [typed.job_id, {}],
    ]),
  );
  expect(Object.keys(claimed!.tree!).sort()).toEqual([
    "init/001_functions.sql",
    "init/002_schema.sql",
    "seed/001_statistics.sql",
    "seed/002_fix.sql",
    "test/plans.sql",
  ]);
  await editor.client.call(cancelJob, { params: { id: job_id } });
  const listed = await editor.client.call(listTrials, { params: { id } });
  expect(listed.items).toMatchObject([{ job_id }]);
  const { rows } = await sql<{ details: { job_id: string } }>`
    select details from audit_log where action = 'finding.tried'`.execute(api.db);
  expect(rows).toMatchObject([{ details: { job_id, rule: "missing-index" } }]);
});

test("what cannot be tried says why", async () => {
  await sandboxIsThere();
  expect(await problemOf(start("words"))).toMatchObject({ status: 409, code: "not_triable" });
  const untold = await problemOf(start("unknown"));
  expect(untold).toMatchObject({ code: "not_triable", detail: expect.stringContaining("text") });
  await sql`update health_servers set type = 'mysql'`.execute(api.db);
  expect(await problemOf(start("public.t"))).toMatchObject({ code: "not_triable" });
  await sql`update health_servers set type = 'postgres'`.execute(api.db);
});

test("trials are seen by whoever made them, and by nobody elsewhere", async () => {
  await sandboxIsThere();
  const { job_id } = await start("public.t");
  const other = await api.as("editor");
  const call = other.client.call(readTrial, { params: { job_id } });
  expect(await problemOf(call)).toMatchObject({ code: "not_found" });
  const viewer = await api.as("viewer");
  expect(await problemOf(start("public.t", viewer))).toMatchObject({ code: "not_allowed" });
  const admin = await api.as("admin");
  const seen = await admin.client.call(readTrial, { params: { job_id } });
  expect(seen.created_by?.id).toBe(editor.actor.user_id);
});

test("rows are read by runs of whoever asks, and the job waits for them", async () => {
  await claim(api);
  const id = findings.get("public.t")!;
  const sampled = async (who = editor, sample_rows = 1_000) => {
    await sandboxIsThere();
    return who.client.call(tryFix, { params: { id }, body: { sample_rows } });
  };
  expect(await problemOf(sampled(editor, 99))).toMatchObject({ code: "invalid_request" });
  expect(await problemOf(sampled())).toMatchObject({
    ...{ code: "not_triable", detail: expect.stringContaining("linked") },
  });
  const link = (id: string) =>
    sql`update health_databases set datasource_id = ${id}`.execute(api.db);
  await link(await makeDatasource(api.db, editor.actor));
  expect(await problemOf(sampled())).toMatchObject({ code: "not_found" });
  const datasource_id = await makeDatasource(api.db, editor.actor, { everyone: true });
  await link(datasource_id);
  const viewer = await api.as("viewer");
  expect(await problemOf(sampled(viewer))).toMatchObject({ code: "not_allowed" });

  const { job_id } = await sampled();
  const look = () => editor.client.call(readTrial, { params: { job_id } });
  const first = await look();
  expect(first).toMatchObject({
    ...{ result: "pending", rows_copied: true },
    sample: { rows: 1_000, reading: true, tables: [{ table: "public.t", rows: null, of: 1_000 }] },
    statements: [{ reads: ["public.t"] }],
  });
  expect(await claim(api)).toEqual([]);
  const { run_id } = first.sample!.tables[0]!;
  const run = await editor.client.call(readRun, { params: { id: run_id } });
  expect(run).toMatchObject({
    created_by: { id: editor.actor.user_id },
    datasource: { id: datasource_id },
  });
  expect(run.sql).toContain("select id::text, a::text\nfrom only public.t limit 1000");

  const claims = await claimRuns(api.db, "runner", 10, 60_000);
  const statement = { ...SUCCEEDED.statements[0]!, rows: 0 };
  for (const each of claims)
    await finishRun(api.db, each, { ...SUCCEEDED, statements: [statement], parts: [] });
  const [told] = await Promise.all([look(), look(), look()]);
  expect(told).toMatchObject({
    ...{ status: "pending" },
    sample: { reading: false, tables: [{ rows: 0, error: null }] },
  });
  const [job, ...none] = await claim(api);
  expect(none).toEqual([]);
  expect(job).toMatchObject({
    ...{ id: job_id, spec: { rows_copied: true }, policy: { no_cache: true } },
    limits: { timeout_ms: 300_000, max_rows: 20_000, max_bytes: 32 * 1024 ** 2 },
  });
  expect(job!.tree!["rows/1.tsv"]).toMatchObject({ size: 0 });
  const { rows } = await sql<{ details: object }>`
    select details from audit_log where action = 'finding.tried' order by id desc limit 1`.execute(
    api.db,
  );
  expect(rows[0]!.details).toMatchObject({
    sample_rows: 1_000,
    tables: ["public.t"],
    datasource_id,
  });
});

test("a job of the files of a trial with rows keeps as little of them, whoever makes it again", async () => {
  await sandboxIsThere();
  const { rows: made } = await sql<{ id: string }>`
    select id from jobs where spec ? 'rows_copied' order by id limit 1`.execute(api.db);
  const files_of = made[0]!.id;
  const body = { files_of, head_path: "test/plans.sql", no_cache: false };
  const admin = await api.as("admin");
  const first = await editor.client.call(createJob, { body });
  const second = await admin.client.call(createJob, { body: { ...body, files_of: first.job_id } });
  const hour = 3_600_000;
  await endJobs();
  const claimed = await claim(api);
  expect(claimed.map(({ id }) => id).sort()).toEqual([first.job_id, second.job_id].sort());
  for (const job of claimed)
    expect(job).toMatchObject({ spec: { rows_copied: true }, policy: { no_cache: true } });
  for (const { job_id: id } of [{ job_id: files_of }, second]) {
    const job = await admin.client.call(readJob, { params: { id } });
    expect(Date.parse(job.expires_at) - Date.parse(job.created_at)).toBe(hour);
    const longer = admin.client.call(extendJob, { params: { id }, body: { job_ttl: 3_601 } });
    expect(await problemOf(longer)).toMatchObject({ code: "limit_above_maximum" });
  }
  for (const change of [{ type: "instance" as const }, { type: "verify" as const }])
    expect(
      await problemOf(editor.client.call(createJob, { body: { ...body, ...change } })),
    ).toMatchObject({ code: "not_allowed" });
  expect(
    await problemOf(editor.client.call(createJob, { body: { ...body, job_ttl: 7_200 } })),
  ).toMatchObject({ code: "limit_above_maximum" });
  const other = await api.as("editor");
  expect(await problemOf(other.client.call(createJob, { body }))).toMatchObject({
    code: "not_found",
  });
});

test("a trial that is canceled while its rows are read ends those runs", async () => {
  await sandboxIsThere();
  const { job_id } = await editor.client.call(tryFix, {
    ...{ params: { id: findings.get("public.t")! }, body: { sample_rows: 100 } },
  });
  const look = () => editor.client.call(readTrial, { params: { job_id } });
  const { run_id } = (await look()).sample!.tables[0]!;
  await editor.client.call(cancelJob, { params: { id: job_id } });
  const run = await editor.client.call(readRun, { params: { id: run_id } });
  expect(run.status).toBe("canceled");
  expect(await look()).toMatchObject({ result: "canceled", sample: { reading: false } });
});
