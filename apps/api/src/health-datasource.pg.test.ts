import {
  changeDatasource,
  deleteDatasource,
  listDatasources,
  readDatasource,
} from "@quern/contract/datasources";
import { listGroups } from "@quern/contract/groups";
import { setUpHealthDatasource } from "@quern/contract/health/datasource";
import { openDatabase } from "@quern/store/db";
import { testUrl } from "@quern/store/testing";
import { sql } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import { problemOf, startTestApi, type TestApi } from "./testing.ts";

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.stop());

test("where Quern may make no roles it serves without, and an admin gets the SQL for an administrator", async () => {
  const { client } = await api.as("admin");
  expect((await client.call(listDatasources, {})).items).toEqual([]);
  const asked = await client.call(setUpHealthDatasource, {});
  expect(asked).toMatchObject({ datasource_id: null, sql: expect.stringContaining("create role") });
  const superuser = openDatabase(testUrl(new URL(api.databaseUrl).pathname.slice(1)), { max: 1 });
  await sql.raw(asked.sql!).execute(superuser);
  await superuser.destroy();
  const made = await client.call(setUpHealthDatasource, {});
  expect(made).toEqual({ datasource_id: expect.any(String), trouble: null, sql: null });
  for (const role of ["editor", "viewer"] as const) {
    const other = (await api.as(role)).client;
    expect(await problemOf(other.call(setUpHealthDatasource, {}))).toMatchObject({ status: 403 });
    expect((await other.call(listDatasources, {})).items).toEqual([]);
  }
});

test("of the built-in datasource caps and grants can be changed, and nothing else", async () => {
  const { client } = await api.as("admin");
  const editor = (await api.as("editor")).client;
  const [found] = (await client.call(listDatasources, {})).items;
  expect(found).toMatchObject({ name: "Health of databases", built_in: "health", groups: [] });
  const params = { id: found!.id };
  const change = (body: object) => client.call(changeDatasource, { params, body });
  for (const body of [
    { name: "Mine" },
    { config: { ...found!.config, user: "postgres" } },
    { secret: { password: "x" } },
  ])
    expect(await problemOf(change(body))).toMatchObject({ status: 403, code: "not_allowed" });
  expect(await problemOf(change({ max_concurrency: 9 }))).toMatchObject({
    code: "limit_above_maximum",
  });
  expect(await problemOf(client.call(deleteDatasource, { params }))).toMatchObject({ status: 403 });
  const { items: groups } = await client.call(listGroups, {});
  const everyone = groups.find(({ system }) => system === "everyone")!;
  const changed = await change({
    ...{ max_concurrency: 8, limits: { timeout_ms: 5_000 }, group_ids: [everyone.id] },
  });
  expect(changed).toMatchObject({ max_concurrency: 8, limits: { timeout_ms: 5_000 } });
  expect(changed.secret).toEqual(found!.secret);
  expect(await editor.call(readDatasource, { params })).toMatchObject({ built_in: "health" });
  await client.call(setUpHealthDatasource, {});
  expect(await client.call(readDatasource, { params })).toEqual(changed);
});
