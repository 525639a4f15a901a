import { createQuery } from "@quern/contract/queries";
import { compareRunResults, describeRunResult } from "@quern/contract/run-results";
import { createRun, type RunInput, readRun } from "@quern/contract/runs";
import { setGrants } from "@quern/store/grants";
import { claimRuns, finishRun } from "@quern/store/queue";
import { makeDatasource, SUCCEEDED } from "@quern/store/testing-fixtures";
import { afterAll, beforeAll, expect, test } from "vitest";
import { problemOf, startTestApi, type TestApi } from "./testing.ts";

type Caller = Awaited<ReturnType<TestApi["as"]>>;

let api: TestApi;
let admin: Caller;
let editor: Caller;
let viewer: Caller;
let open: string;

beforeAll(async () => {
  api = await startTestApi();
  [admin, editor, viewer] = await Promise.all([
    api.as("admin"),
    api.as("editor"),
    api.as("viewer"),
  ]);
  open = await makeDatasource(api.db, admin.actor, { everyone: true });
});
afterAll(() => api.stop());

/** A run that has ended, with one row. */
async function ran(by: Caller, body: RunInput): Promise<string> {
  const { id } = await by.client.call(createRun, { body });
  for (const claim of await claimRuns(api.db, "runner", 100, 60_000))
    await finishRun(api.db, claim, SUCCEEDED);
  return id;
}

async function saved(): Promise<string> {
  const query = await editor.client.call(createQuery, {
    body: { name: "saved", datasource_id: open, sql: "select 1" },
  });
  return ran(viewer, { query_id: query.id });
}

const compare = (by: Caller, id: string, other_run_id: string) =>
  by.client.call(compareRunResults, { params: { id }, body: { other_run_id } });

test("what is made of a saved query's result is as visible as its runs", async () => {
  const { id } = await editor.client.call(describeRunResult, {
    params: { id: await saved() },
    body: {},
  });
  expect(await viewer.client.call(readRun, { params: { id } })).toMatchObject({ id });
});

test("a comparison with SQL that nobody saved is not shown to who may not see that", async () => {
  const mine = await saved();
  const unsaved = await ran(editor, { datasource_id: open, sql: "select 1" });
  expect(await problemOf(compare(viewer, mine, unsaved))).toMatchObject({ code: "not_found" });
  const { id } = await compare(editor, mine, unsaved);
  expect(await problemOf(viewer.client.call(readRun, { params: { id } }))).toMatchObject({
    code: "not_found",
  });
  const both = await compare(editor, mine, await saved());
  const seen = await viewer.client.call(readRun, { params: { id: both.id } });
  expect(seen.kind).toBe("result_comparison");
});

test("a comparison of two datasources is its maker's, as long as they may use both", async () => {
  const other = await makeDatasource(api.db, admin.actor, { everyone: true });
  const theirs = await ran(editor, { datasource_id: other, sql: "select 1" });
  const { id } = await compare(editor, await saved(), theirs);
  const read = (by: Caller) => by.client.call(readRun, { params: { id } });
  expect(await read(editor)).toMatchObject({ kind: "result_comparison", datasource: null });
  expect(await read(admin)).toMatchObject({ id });
  const colleague = await api.as("editor");
  for (const person of [colleague, viewer])
    expect(await problemOf(read(person))).toMatchObject({ code: "not_found" });
  await setGrants(api.db, admin.actor, { type: "datasource", id: other }, []);
  expect(await problemOf(read(editor))).toMatchObject({ code: "not_found" });
});
