import type { Client } from "@quern/contract/client";
import {
  changeDatasource,
  createDatasource,
  deleteDatasource,
  listDatasources,
  readDatasource,
  testDatasourceForm,
} from "@quern/contract/datasources";
import { createQuery, readQuery } from "@quern/contract/queries";
import { createRun, listRuns, readRun } from "@quern/contract/runs";
import { readConnection } from "@quern/store/datasources";
import { readRunnerKeys } from "@quern/store/keys";
import { openSecret } from "@quern/store/secrets";
import { sql } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import { problemOf, startTestApi, type TestApi } from "./testing.ts";

let api: TestApi;
let admin: Client;
let org: string;
beforeAll(async () => {
  api = await startTestApi();
  const made = await api.as("admin");
  admin = made.client;
  org = made.actor.org_id;
});
afterAll(() => api.stop());

const CANARY = "canary-pässwörd-5f3a";
const CONFIG = {
  host: "db.example.test",
  port: 5432,
  database: "shop",
  user: "reader",
  sslmode: "prefer",
  read_only: true,
} as const;
let count = 0;
const make = (
  body: Partial<Parameters<typeof admin.call<typeof createDatasource>>[1]["body"]> = {},
) =>
  admin.call(createDatasource, {
    body: {
      name: `d${count++}`,
      type: "postgres",
      config: CONFIG,
      secret: { password: CANARY },
      ...body,
    },
  });

async function storedPassword(id: string): Promise<string | null> {
  const saved = (await readConnection(api.db, id))!;
  if (saved.secret === null) return null;
  const { private: keys } = await readRunnerKeys(api.keysDirectory);
  return openSecret(
    keys,
    { org, datasource: id, field: "password", version: saved.secret_version },
    saved.secret,
  );
}

test("a password goes in sealed and never comes out", async () => {
  const made = await make();
  expect(made.secret).toMatchObject({ set: true });
  expect(await storedPassword(made.id)).toBe(CANARY);
  const seen = [
    made,
    await admin.call(readDatasource, { params: { id: made.id } }),
    await admin.call(listDatasources, {}),
  ];
  expect(JSON.stringify(seen)).not.toMatch(/canary|eyJ/);
  const { rows } = await sql<{ text: string }>`
    select (select string_agg(datasources::text, '') from datasources) || coalesce((select string_agg(audit_log::text, '') from audit_log), '') as text`.execute(
    api.db,
  );
  expect(rows[0]!.text).not.toContain("canary");
});

test("moving a datasource clears its password, unless a new one comes along", async () => {
  for (const change of [
    { host: "evil.example.test" },
    { port: 1 },
    { user: "root" },
    { sslmode: "disable" as const },
  ]) {
    const { id } = await make();
    const moved = await admin.call(changeDatasource, {
      params: { id },
      body: { config: { ...CONFIG, ...change } },
    });
    expect(moved.secret).toEqual({ set: false, changed_at: null });
    expect(await storedPassword(id)).toBeNull();
  }
  const { id } = await make();
  await admin.call(changeDatasource, {
    params: { id },
    body: { config: { ...CONFIG, database: "other", read_only: false }, name: "renamed" },
  });
  expect(await storedPassword(id)).toBe(CANARY);
  await admin.call(changeDatasource, {
    params: { id },
    body: { config: { ...CONFIG, host: "new.example.test" }, secret: { password: "next" } },
  });
  expect(await storedPassword(id)).toBe("next");
});

test("the stored password is lent to a form only for the endpoint it was saved with", async () => {
  const { id } = await make();
  const lend = (config: object) =>
    admin.call(testDatasourceForm, {
      body: { type: "postgres", config: { ...CONFIG, ...config }, datasource_id: id },
    });
  const run = await lend({ database: "other" });
  expect(await admin.call(readRun, { params: { id: run.id } })).toMatchObject({
    kind: "test",
    status: "queued",
    sql: null,
  });
  expect(await problemOf(lend({ host: "evil.example.test" }))).toMatchObject({
    status: 400,
    code: "secret_required",
  });
  const { rows } = await sql<{
    connection: { secret: string | null };
  }>`select connection from runs where id = ${run.id}`.execute(api.db);
  expect(rows[0]!.connection.secret).toBeNull();
});

test("names are taken once, and a deleted datasource frees its name and hides its queries", async () => {
  const { id, name } = await make({ name: "Sales" });
  expect(await problemOf(make({ name: "sALES" }))).toMatchObject({
    status: 409,
    code: "name_taken",
  });
  const query = await admin.call(createQuery, {
    body: { name: "q", datasource_id: id, sql: "select 1" },
  });
  const run = await admin.call(createRun, { body: { query_id: query.id } });
  await admin.call(deleteDatasource, { params: { id } });
  expect(await problemOf(admin.call(readQuery, { params: { id: query.id } }))).toMatchObject({
    status: 404,
  });
  expect(await problemOf(admin.call(createRun, { body: { query_id: query.id } }))).toMatchObject({
    status: 404,
  });
  expect(await admin.call(readRun, { params: { id: run.id } })).toMatchObject({
    datasource: { name },
    query: { name: "q", version: 1 },
  });
  await make({ name: "Sales" });
});

test("a datasource's limits are its runs' default and maximum", async () => {
  const { id } = await make({ limits: { max_rows: 500 } });
  const created = await admin.call(createRun, {
    body: { datasource_id: id, sql: "select 1", limits: { timeout_ms: 1000 } },
  });
  expect((await admin.call(readRun, { params: { id: created.id } })).limits).toEqual({
    timeout_ms: 1000,
    max_rows: 500,
    max_bytes: 256 * 1024 ** 2,
  });
  const above = admin.call(createRun, {
    body: { datasource_id: id, sql: "select 1", limits: { max_rows: 501 } },
  });
  expect(await problemOf(above)).toMatchObject({
    status: 400,
    code: "limit_above_maximum",
    errors: [{ path: "body.limits.max_rows" }],
  });
});

test("hostile hosts and ports do not get in", async () => {
  for (const change of [
    { host: "" },
    { host: "a b" },
    { host: "x;y" },
    { host: "{{7*7}}" },
    { host: "a\u0000" },
    { port: 0 },
    { port: 65_536 },
    // JSON has no NaN: it is sent as null.
    { port: Number.NaN },
    { sslmode: "allow" as "prefer" },
  ]) {
    expect(
      await problemOf(make({ config: { ...CONFIG, ...change } })),
      JSON.stringify(change),
    ).toMatchObject({ status: 400, code: "invalid_request" });
  }
  const run = await admin.call(listRuns, { query: { limit: 1 } });
  expect(run.items.length).toBe(1);
});
