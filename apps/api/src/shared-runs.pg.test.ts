import { changeQuery, createQuery } from "@quern/contract/queries";
import { readRunHistogram } from "@quern/contract/run-history";
import {
  cancelRun,
  createRun,
  listRuns,
  type RunInput,
  readRun,
  rerunRun,
} from "@quern/contract/runs";
import { claimRuns, finishRun, sweepLapsedLeases } from "@quern/store/queue";
import { makeDatasource, SUCCEEDED } from "@quern/store/testing-fixtures";
import { sql } from "kysely";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { problemOf, startTestApi, type TestApi } from "./testing.ts";

type Person = Awaited<ReturnType<TestApi["as"]>>;
let api: TestApi;
let admin: Person;
let editor: Person;
let other: Person;
let viewer: Person;
let datasource: string;
beforeAll(async () => {
  api = await startTestApi();
  [admin, editor, other, viewer] = [
    await api.as("admin"),
    await api.as("editor"),
    await api.as("editor"),
    await api.as("viewer"),
  ];
  datasource = await makeDatasource(api.db, admin.actor, { everyone: true });
});
afterAll(() => api.stop());
beforeEach(() => sql`delete from runs`.execute(api.db).then());

const SQL = "select 1 as n";
const body = (change: Partial<RunInput> = {}) => ({
  datasource_id: datasource,
  sql: SQL,
  max_age_s: 60,
  ...change,
});
const run = (person: Person, change: Partial<RunInput> = {}) =>
  person.client.call(createRun, { body: body(change) });
const seen = (person: Person, id: string) => person.client.call(readRun, { params: { id } });
const cancel = (person: Person, id: string, everyone?: boolean) =>
  person.client.call(cancelRun, {
    params: { id },
    ...(everyone === undefined ? {} : { body: { everyone } }),
  });
async function finishNext(outcome: Parameters<typeof finishRun>[2] = SUCCEEDED) {
  const [claim] = await claimRuns(api.db, "runner", 1, 60_000);
  await finishRun(api.db, claim!, outcome);
}
const FAILED = {
  ...SUCCEEDED,
  status: "failed" as const,
  error: {
    code: "sql_error" as const,
    message: "no",
    sqlstate: null,
    position: null,
    detail: null,
    hint: null,
  },
  statements: [],
  parts: [],
};

test("fifty equal requests at once make one run, which all of them share", async () => {
  const started = await Promise.all(
    Array.from({ length: 50 }, (_, n) => run(n % 2 === 0 ? editor : other)),
  );
  expect(new Set(started.map(({ id }) => id)).size).toBe(1);
  expect(started.filter(({ reused }) => !reused)).toHaveLength(1);
  const { callers } = await seen(editor, started[0]!.id);
  expect(callers.map(({ id }) => id).sort()).toEqual(
    [editor.actor.user_id, other.actor.user_id].sort(),
  );
});

test("only what was asked for, as it was asked for, is answered by an earlier run", async () => {
  const first = await run(editor);
  await finishNext();
  expect(await run(other)).toEqual({ id: first.id, status: "succeeded", reused: true });
  for (const change of [
    { max_age_s: 0 },
    { sql: "select 2" },
    { limits: { max_rows: 7 } },
    {
      sql: "select {{ n }}",
      parameters: [{ name: "n", type: "int8" as const }],
      params: { n: "1" },
    },
  ]) {
    expect((await run(other, change)).id).not.toBe(first.id);
    await sql`delete from runs where id <> ${first.id}`.execute(api.db);
  }
  await sql`update datasources set config = config || '{"host": "elsewhere.example.test"}' where id = ${datasource}`.execute(
    api.db,
  );
  expect(await run(other)).toMatchObject({ reused: false });
});

test("a run that failed, was canceled, is too old or has lost its rows never answers", async () => {
  await run(editor);
  await finishNext(FAILED);
  const second = await run(editor);
  expect(second.reused).toBe(false);
  await cancel(editor, second.id);
  const third = await run(editor);
  expect(third.reused).toBe(false);
  await finishNext();
  expect((await run(editor)).id).toBe(third.id);
  await sql`update runs set finished_at = finished_at - interval '61 s' where id = ${third.id}`.execute(
    api.db,
  );
  const fourth = await run(editor);
  expect(fourth.reused).toBe(false);
  await finishNext();
  await sql`update runs set result_deleted_at = now(), cache_key = null where id = ${fourth.id}`.execute(
    api.db,
  );
  expect((await run(editor)).reused).toBe(false);
});

test("a cancel detaches one who shares a run, and ends it when it was the last", async () => {
  const { id } = await run(editor);
  await run(other);
  await claimRuns(api.db, "runner", 1, 60_000);
  expect(await cancel(editor, id)).toMatchObject({
    status: "running",
    cancel: null,
    callers: [{ id: other.actor.user_id }],
  });
  expect((await cancel(editor, id)).cancel).toBeNull();
  expect(await problemOf(cancel(await api.as("editor"), id))).toMatchObject({ status: 403 });
  expect(await problemOf(cancel(other, id, true))).toMatchObject({ status: 403 });
  expect((await cancel(other, id)).cancel).toMatchObject({
    by: { id: other.actor.user_id },
    confirmed: null,
  });
  expect(await run(admin)).toMatchObject({ reused: false });
});

test("who made a shared run ends it for all; an admin has to mean it", async () => {
  const first = await run(editor);
  await run(other);
  expect(await problemOf(cancel(admin, first.id))).toMatchObject({ status: 409, code: "conflict" });
  expect(await cancel(editor, first.id, true)).toMatchObject({ status: "canceled" });
  const second = await run(editor);
  await run(other);
  expect(await cancel(admin, second.id, true)).toMatchObject({ status: "canceled" });
  expect(await cancel(admin, second.id, true)).toMatchObject({
    status: "canceled",
    cancel: { by: { id: admin.actor.user_id } },
  });
});

test("a canceled run whose runner is dead ends as runner_lost, and says that nobody confirmed it", async () => {
  const { id } = await run(editor);
  await claimRuns(api.db, "runner", 1, 60_000);
  await cancel(editor, id);
  await sql`update runs set lease_until = clock_timestamp() - interval '1 s'`.execute(api.db);
  const swept = await Promise.all([sweepLapsedLeases(api.db), sweepLapsedLeases(api.db)]);
  expect(swept.flat()).toEqual([id]);
  expect(await cancel(editor, id)).toMatchObject({
    status: "failed",
    error: { code: "runner_lost" },
    cancel: { confirmed: false },
  });
});

test("a viewer sees the run that answered them, others do not, and nobody without the grant", async () => {
  const query = await editor.client.call(createQuery, {
    body: { name: "shared", datasource_id: datasource, sql: SQL },
  });
  const adhoc = await run(editor);
  await finishNext();
  expect(await problemOf(seen(viewer, adhoc.id))).toMatchObject({ status: 404 });
  const answered = await viewer.client.call(createRun, {
    body: { query_id: query.id, max_age_s: 60 },
  });
  expect(answered).toMatchObject({ id: adhoc.id, reused: true });
  expect(await seen(viewer, adhoc.id)).toMatchObject({ id: adhoc.id });
  expect((await viewer.client.call(listRuns, {})).items.map(({ id }) => id)).toEqual([adhoc.id]);
  expect(await problemOf(seen(await api.as("viewer"), adhoc.id))).toMatchObject({ status: 404 });
  const { rows: grants } = await sql<{ id: string; group_id: string }>`
    delete from grants where resource_id = ${datasource} returning *`.execute(api.db);
  expect(await problemOf(seen(viewer, adhoc.id))).toMatchObject({ status: 404 });
  expect(await problemOf(run(editor))).toMatchObject({ status: 404 });
  await sql`insert into grants (org_id, group_id, resource_type, resource_id)
    select ${admin.actor.org_id}, ${grants[0]!.group_id}, 'datasource', ${datasource}`.execute(
    api.db,
  );
});

test("who joins a waiting run in more of a hurry moves it up", async () => {
  const slow = await run(editor, { priority: "schedule" });
  const ahead = await run(editor, { priority: "dashboard", sql: "select 3" });
  expect(await run(other)).toMatchObject({ id: slow.id, reused: true });
  const [claim] = await claimRuns(api.db, "runner", 1, 60_000);
  expect(claim!.id).toBe(slow.id);
  expect(ahead.id).not.toBe(slow.id);
});

test("an Idempotency-Key answers with the run that was joined, even when that is too old now", async () => {
  const first = await run(editor);
  await finishNext();
  const ask = (change: Partial<RunInput> = {}) =>
    other.client.call(createRun, { body: body(change), idempotencyKey: "joined" });
  expect(await ask()).toMatchObject({ id: first.id, reused: true });
  await sql`update runs set finished_at = finished_at - interval '1 hour'`.execute(api.db);
  expect((await ask()).id).toBe(first.id);
  expect(await problemOf(ask({ sql: "select 2" }))).toMatchObject({ code: "idempotency_mismatch" });
});

test("a rerun is the same work as a new run; a viewer may rerun the present version of a saved query only", async () => {
  const first = await run(editor, { limits: { max_rows: 5 }, max_age_s: 0 });
  await finishNext();
  const { id } = await other.client.call(rerunRun, { params: { id: first.id } });
  expect(await seen(other, id)).toMatchObject({
    retry_of: first.id,
    sql: SQL,
    limits: { max_rows: 5 },
    created_by: { id: other.actor.user_id },
  });
  expect(await problemOf(viewer.client.call(rerunRun, { params: { id } }))).toMatchObject({
    status: 404,
  });
  const query = await editor.client.call(createQuery, {
    body: { name: "q", datasource_id: datasource, sql: SQL },
  });
  const saved = await editor.client.call(createRun, { body: { query_id: query.id } });
  const again = () => viewer.client.call(rerunRun, { params: { id: saved.id } });
  expect(await seen(viewer, (await again()).id)).toMatchObject({ retry_of: saved.id });
  await editor.client.call(changeQuery, {
    params: { id: query.id },
    body: { version: 1, sql: "select 2" },
  });
  expect(await problemOf(again())).toMatchObject({ status: 403, code: "not_allowed" });
  expect(await editor.client.call(rerunRun, { params: { id: saved.id } })).toMatchObject({
    status: "queued",
  });
});

test("the histogram counts what one may see, by time and status", async () => {
  const before = new Date(Date.now() - 1_000).toISOString();
  await run(editor);
  await finishNext();
  await run(editor, { sql: "select 2" });
  const to = new Date(Date.now() + 9_000).toISOString();
  const histogram = (person: Person, filter = {}) =>
    person.client.call(readRunHistogram, { query: { from: before, to, buckets: 10, ...filter } });
  const total = async (person: Person, filter = {}) => {
    const { buckets } = await histogram(person, filter);
    return buckets.map(({ succeeded, queued }) => succeeded + queued).reduce((a, b) => a + b);
  };
  expect((await histogram(editor)).buckets).toHaveLength(10);
  expect(await total(editor)).toBe(2);
  expect(await total(editor, { status: "queued" })).toBe(1);
  expect(await total(editor, { search: "SELECT 2" })).toBe(1);
  expect(await total(viewer)).toBe(0);
  expect(await total(admin, { from: new Date(0).toISOString(), to: before })).toBe(0);
  expect(await problemOf(histogram(admin, { from: to, to: before }))).toMatchObject({
    status: 400,
  });
});
