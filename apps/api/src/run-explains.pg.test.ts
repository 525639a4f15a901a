import { explainSql } from "@quern/contract/explains";
import { changeQuery, createQuery } from "@quern/contract/queries";
import { cancelRun, createRun, explainRun, readRun } from "@quern/contract/runs";
import { claimRuns, finishRun } from "@quern/store/queue";
import { makeDatasource, SUCCEEDED } from "@quern/store/testing-fixtures";
import { sql } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import { problemOf, startTestApi, type TestApi } from "./testing.ts";

let api: TestApi;
let editor: Awaited<ReturnType<TestApi["as"]>>;
let datasource: string;

beforeAll(async () => {
  api = await startTestApi();
  editor = await api.as("editor");
  datasource = await makeDatasource(api.db, (await api.as("admin")).actor, { everyone: true });
});
afterAll(() => api.stop());

async function newRun(): Promise<string> {
  const body = { datasource_id: datasource, sql: "select 1", limits: { timeout_ms: 20_000 } };
  return (await editor.client.call(createRun, { body })).id;
}

async function claimExplain() {
  const claimed = await claimRuns(api.db, "runner", 100, 60_000);
  return claimed.find(({ kind }) => kind === "explain")!;
}

test("an explain is a run of its own: the same SQL and limits, its plan in the record", async () => {
  const source = await newRun();
  const started = await editor.client.call(explainRun, {
    params: { id: source },
    body: { analyze: true },
  });
  expect(started).toMatchObject({ status: "queued", reused: false });
  const claim = await claimExplain();
  expect(claim).toMatchObject({ id: started.id, sql: "select 1", spec: { analyze: true } });
  expect(claim.limits.timeout_ms).toBe(20_000);
  const plan = [null, [{ Plan: { "Node Type": "Result" } }]];
  await finishRun(api.db, claim, { ...SUCCEEDED, statements: [], parts: [], plan });
  const run = await editor.client.call(readRun, { params: { id: started.id } });
  expect(run).toMatchObject({ kind: "explain", status: "succeeded", plan });
  expect(run.source).toEqual({ run_id: source, statement: null });
});

test("it goes on being possible for a datasource whose maximum was lowered", async () => {
  const source = await newRun();
  await sql`update datasources set limits = '{"timeout_ms": 5000}' where id = ${datasource}`.execute(
    api.db,
  );
  await editor.client.call(explainRun, { params: { id: source }, body: {} });
  const claim = await claimExplain();
  expect(claim).toMatchObject({ spec: { analyze: false } });
  expect(claim.limits.timeout_ms).toBe(5_000);
  await sql`update datasources set limits = '{}' where id = ${datasource}`.execute(api.db);
});

test("SQL that never ran is explained too, with its parameters bound, and never executed", async () => {
  const text = "select * from flights where origin = {{ origin }}";
  const started = await editor.client.call(explainSql, {
    body: {
      datasource_id: datasource,
      sql: text,
      parameters: [{ name: "origin", type: "text" }],
      params: { origin: "ATL" },
    },
  });
  const claim = await claimExplain();
  expect(claim).toMatchObject({ id: started.id, kind: "explain", sql: text });
  expect(claim.spec?.analyze ?? false).toBe(false);
  const run = await editor.client.call(readRun, { params: { id: started.id } });
  expect(run).toMatchObject({ kind: "explain", source: null, params: [{ name: "origin" }] });
  const viewer = await api.as("viewer");
  expect(
    await problemOf(
      viewer.client.call(explainSql, { body: { datasource_id: datasource, sql: "select 1" } }),
    ),
  ).toMatchObject({ code: "not_allowed" });
});

test("it needs the right to run that SQL", async () => {
  const viewer = await api.as("editor");
  const body = { datasource_id: datasource, sql: "select 1" };
  const own = await viewer.client.call(createRun, { body });
  await sql`update memberships set role = 'viewer' where user_id = ${viewer.actor.user_id}`.execute(
    api.db,
  );
  const explain = (id: string) => viewer.client.call(explainRun, { params: { id }, body: {} });
  expect(await problemOf(explain(own.id))).toMatchObject({ status: 403, code: "not_allowed" });
  expect(await problemOf(explain(await newRun()))).toMatchObject({ code: "not_found" });
  const query = await editor.client.call(createQuery, {
    body: { name: "saved", datasource_id: datasource, sql: "select 2" },
  });
  const ran = await viewer.client.call(createRun, { body: { query_id: query.id } });
  expect(await explain(ran.id)).toMatchObject({ status: "queued" });
  // To analyze is to execute: an older text may have been changed for a reason.
  await editor.client.call(changeQuery, {
    params: { id: query.id },
    body: { version: query.version, sql: "select 3" },
  });
  expect(await problemOf(explain(ran.id))).toMatchObject({ status: 403, code: "not_allowed" });
  expect(await problemOf(explain(crypto.randomUUID()))).toMatchObject({ code: "not_found" });
});

test("what is no query cannot be explained", async () => {
  const source = await newRun();
  const { id } = await editor.client.call(explainRun, { params: { id: source }, body: {} });
  const again = editor.client.call(explainRun, { params: { id }, body: {} });
  expect(await problemOf(again)).toMatchObject({ status: 400, code: "invalid_request" });
  await editor.client.call(cancelRun, { params: { id } });
});
