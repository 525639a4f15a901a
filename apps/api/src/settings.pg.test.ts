import { changeDatasource } from "@quern/contract/datasources";
import { createQuery } from "@quern/contract/queries";
import { createRun, readRun } from "@quern/contract/runs";
import { changeSettings, DEFAULT_SETTINGS, readSettings } from "@quern/contract/settings";
import { makeDatasource } from "@quern/store/testing-fixtures";
import { sql } from "kysely";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { problemOf, startTestApi, type TestApi } from "./testing.ts";

type Person = Awaited<ReturnType<TestApi["as"]>>;
let api: TestApi;
let admin: Person;
let editor: Person;
let datasource: string;
beforeAll(async () => {
  api = await startTestApi();
  [admin, editor] = [await api.as("admin"), await api.as("editor")];
  datasource = await makeDatasource(api.db, admin.actor, { everyone: true });
});
afterAll(() => api.stop());
beforeEach(() => sql`update orgs set settings = '{}'`.execute(api.db).then());

const change = (body: Parameters<typeof changeSettings.body.parse>[0] & object) =>
  admin.client.call(changeSettings, { body });
const run = (limits = {}) =>
  editor.client.call(createRun, { body: { datasource_id: datasource, sql: "select 1", limits } });

test("everybody reads the settings; only an admin changes them, and that is audited", async () => {
  const viewer = await api.as("viewer");
  expect(await viewer.client.call(readSettings, {})).toEqual(DEFAULT_SETTINGS);
  const lower = { limits: { max_rows: { maximum: 500_000 } } };
  expect(await problemOf(editor.client.call(changeSettings, { body: lower }))).toMatchObject({
    status: 403,
  });
  const changed = await change(lower);
  expect(changed.limits.max_rows).toEqual({ default: 100_000, maximum: 500_000 });
  expect(await viewer.client.call(readSettings, {})).toEqual(changed);
  const { rows } = await sql<{ details: unknown }>`
    select details from audit_log where action = 'settings.changed'`.execute(api.db);
  expect(rows).toMatchObject([
    { details: { before: DEFAULT_SETTINGS, after: { limits: changed.limits } } },
  ]);
});

test("a default above its maximum, or a value beyond what Quern can do, is refused", async () => {
  expect(await problemOf(change({ limits: { max_rows: { maximum: 10 } } }))).toMatchObject({
    status: 400,
    errors: [{ path: "body.limits.max_rows.default" }],
  });
  expect(await problemOf(change({ limits: { timeout_ms: { maximum: 3_600_001 } } }))).toMatchObject(
    { status: 400, code: "invalid_request" },
  );
  expect((await admin.client.call(readSettings, {})).limits).toEqual(DEFAULT_SETTINGS.limits);
});

test("what nobody asked for gets the default; asking for more than the maximum is refused by name", async () => {
  await change({
    limits: {
      max_rows: { default: 10, maximum: 20 },
      result_ttl_s: { default: 600, maximum: 1_200 },
    },
  });
  const { id } = await run();
  expect((await editor.client.call(readRun, { params: { id } })).limits.max_rows).toBe(10);
  const { rows } = await sql<{
    result_ttl_s: number;
  }>`select result_ttl_s from runs where id = ${id}`.execute(api.db);
  expect(rows).toEqual([{ result_ttl_s: 600 }]);
  expect(await run({ max_rows: 20 })).toMatchObject({ status: "queued" });
  expect(await problemOf(run({ max_rows: 21 }))).toMatchObject({
    status: 400,
    code: "limit_above_maximum",
    detail: expect.stringContaining("20 rows"),
    errors: [{ path: "body.limits.max_rows" }],
  });
});

test("queries and datasources are held to the maximum too, and a query keeps its results as long as it says", async () => {
  await change({ limits: { result_ttl_s: { maximum: 700_000 } } });
  const save = (more: object) =>
    editor.client.call(createQuery, {
      body: { name: "q", datasource_id: datasource, sql: "select 1", ...more },
    });
  expect(await problemOf(save({ result_ttl_s: 700_001 }))).toMatchObject({
    code: "limit_above_maximum",
    errors: [{ path: "body.result_ttl_s" }],
  });
  const query = await save({ result_ttl_s: 3_600 });
  expect(query.result_ttl_s).toBe(3_600);
  const { id } = await editor.client.call(createRun, { body: { query_id: query.id } });
  const { rows } = await sql<{
    result_ttl_s: number;
  }>`select result_ttl_s from runs where id = ${id}`.execute(api.db);
  expect(rows).toEqual([{ result_ttl_s: 3_600 }]);
  await change({ limits: { max_rows: { default: 10, maximum: 10 } } });
  expect(await problemOf(save({ limits: { max_rows: 11 } }))).toMatchObject({
    code: "limit_above_maximum",
  });
  const limit = (max_rows: number) =>
    admin.client.call(changeDatasource, {
      params: { id: datasource },
      body: { limits: { max_rows } },
    });
  expect(await problemOf(limit(11))).toMatchObject({ code: "limit_above_maximum" });
  await limit(5);
  expect(await problemOf(run({ max_rows: 6 }))).toMatchObject({
    detail: expect.stringContaining("on this datasource"),
  });
});
