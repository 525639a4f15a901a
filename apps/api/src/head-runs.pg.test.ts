import { DEFAULT_LIMITS } from "@quern/contract/datasources";
import { compareRunResults, describeRunResult } from "@quern/contract/run-results";
import { cancelRun, explainRun, listRuns, readRun, rerunRun } from "@quern/contract/runs";
import { beginHead } from "@quern/store/head-runs";
import { finishRun } from "@quern/store/queue";
import { SUCCEEDED } from "@quern/store/testing-fixtures";
import { afterAll, beforeAll, expect, test } from "vitest";
import { problemOf, startTestApi, type TestApi } from "./testing.ts";
import { claim, type Person, startJob } from "./testing-jobs.ts";

let api: TestApi;
let ada: Person;
let bob: Person;
beforeAll(async () => {
  api = await startTestApi();
  [ada, bob] = await Promise.all([api.as("editor"), api.as("editor")]);
});
afterAll(() => api.stop());

async function begun(person: Person) {
  const job = await startJob(person);
  const claimed = (await claim(api)).find(({ id }) => id === job)!;
  const head = { job: claimed, sql: "select 1", limits: DEFAULT_LIMITS, trigger: "api" as const };
  return beginHead(api.db, head, "sandbox-1", 60_000);
}

async function ended(person: Person): Promise<string> {
  const run = await begun(person);
  await finishRun(api.db, run, SUCCEEDED);
  return run.id;
}

test("a head is read and listed like a run, by whoever sees its job", async () => {
  const id = await ended(ada);
  const params = { id };
  const run = await ada.client.call(readRun, { params });
  expect(run).toMatchObject({ kind: "head", datasource: null, job_id: expect.any(String) });
  const { items } = await ada.client.call(listRuns, { query: { kind: "head" } });
  expect(items.map((each) => each.id)).toContain(id);
  expect(await problemOf(bob.client.call(readRun, { params }))).toMatchObject({
    code: "not_found",
  });
});

test("a head is neither run again nor explained: its database is gone", async () => {
  const params = { id: await ended(ada) };
  expect(await problemOf(ada.client.call(rerunRun, { params }))).toMatchObject({
    code: "invalid_request",
    detail: expect.stringContaining("Run the job again"),
  });
  expect(await problemOf(ada.client.call(explainRun, { params, body: {} }))).toMatchObject({
    code: "invalid_request",
    detail: expect.stringContaining("Write explain"),
  });
});

test("results of heads are worked on and compared, for whoever asked", async () => {
  const [one, two] = [await ended(ada), await ended(ada)];
  const params = { id: one };
  const described = await ada.client.call(describeRunResult, { params, body: {} });
  const compared = await ada.client.call(compareRunResults, {
    params,
    body: { other_run_id: two },
  });
  for (const { id } of [described, compared]) {
    expect(await ada.client.call(readRun, { params: { id } })).toMatchObject({
      status: "queued",
      datasource: null,
    });
    const unseen = bob.client.call(readRun, { params: { id } });
    expect(await problemOf(unseen)).toMatchObject({ code: "not_found" });
  }
});

test("a head at work is canceled by its person", async () => {
  const { id } = await begun(bob);
  const run = await bob.client.call(cancelRun, { params: { id }, body: {} });
  expect(run).toMatchObject({ status: "running", cancel: { by: { id: bob.actor.user_id } } });
});
