import { createQuery, deleteQuery } from "@quern/contract/queries";
import { readRun } from "@quern/contract/runs";
import {
  changeSchedule,
  createSchedule,
  deleteSchedule,
  fireSchedule,
  listFirings,
  listSchedules,
  previewRecurrence,
  readSchedule,
} from "@quern/contract/schedules";
import { makeDatasource } from "@quern/store/testing-fixtures";
import { sql } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import { problemOf, startTestApi, type TestApi } from "./testing.ts";

let api: TestApi;
let admin: Awaited<ReturnType<TestApi["as"]>>;
let editor: typeof admin;
let viewer: typeof admin;
let query: string;
beforeAll(async () => {
  api = await startTestApi();
  [admin, editor, viewer] = [await api.as("admin"), await api.as("editor"), await api.as("viewer")];
  const datasource = await makeDatasource(api.db, admin.actor, { everyone: true });
  const made = await editor.client.call(createQuery, {
    body: {
      name: "Outages",
      datasource_id: datasource,
      sql: "select {{ province }}",
      params: [{ name: "province", type: "text" }],
    },
  });
  query = made.id;
});
afterAll(() => api.stop());

const body = () => ({
  name: "Outages, hourly",
  target: { type: "query" as const, query_id: query },
  recurrence: " Hourly  :20 ",
  time_zone: "america/toronto",
  params: { province: "ON" },
});

test("a schedule is made, read, fired by hand, changed and deleted; viewers look", async () => {
  const made = await editor.client.call(createSchedule, { body: body() });
  expect(made).toMatchObject({
    recurrence: "Hourly  :20",
    time_zone: "America/Toronto",
    overlap_policy: "skip",
    misfire_policy: "run_latest",
    owner: { id: editor.actor.user_id },
    target: { type: "query", query_id: query, name: "Outages" },
    last_firing: null,
    recent: [],
    trouble: null,
  });
  expect(new Date(made.next_fire_at!).getUTCMinutes()).toBe(20);
  const params = { id: made.id };
  expect(await viewer.client.call(readSchedule, { params })).toEqual(made);
  const refused = [
    viewer.client.call(createSchedule, { body: body() }),
    viewer.client.call(fireSchedule, { params }),
    viewer.client.call(changeSchedule, { params, body: { paused: true } }),
    viewer.client.call(deleteSchedule, { params }),
  ];
  for (const problem of await Promise.all(refused.map(problemOf)))
    expect(problem).toMatchObject({ code: "not_allowed" });

  const firing = await admin.client.call(fireSchedule, { params });
  expect(firing).toMatchObject({
    trigger: "manual",
    outcome: "enqueued",
    status: "queued",
    runs: [{ title: "Outages", status: "queued", tile_id: null }],
  });
  const run = await viewer.client.call(readRun, { params: { id: firing.runs[0]!.id } });
  expect(run).toMatchObject({
    trigger: "schedule",
    created_by: { id: editor.actor.user_id },
    firings: [{ id: firing.id, schedule: params }],
  });
  const after = await viewer.client.call(readSchedule, { params });
  expect(after).toMatchObject({
    next_fire_at: made.next_fire_at,
    last_firing: { id: firing.id, status: "queued" },
    recent: [{ id: firing.id, outcome: "enqueued" }],
  });
  expect((await viewer.client.call(listFirings, { params })).items).toEqual([firing]);

  const paused = await admin.client.call(changeSchedule, { params, body: { paused: true } });
  expect(paused).toMatchObject({ next_fire_at: null, owner: { id: editor.actor.user_id } });
  const taken = await admin.client.call(changeSchedule, {
    params,
    body: { params: { province: "QC" }, paused: false },
  });
  expect(taken).toMatchObject({ paused_at: null, owner: { id: admin.actor.user_id } });
  await admin.client.call(deleteSchedule, { params });
  expect(await problemOf(viewer.client.call(readSchedule, { params }))).toMatchObject({
    code: "not_found",
  });
  const { rows } = await sql<{ action: string; details: unknown }>`
    select action, details -> 'params' as details from audit_log where resource_id = ${made.id} order by id`.execute(
    api.db,
  );
  expect(rows).toEqual([
    { action: "schedule.created", details: ["province"] },
    { action: "schedule.fired", details: null },
    { action: "schedule.changed", details: null },
    { action: "schedule.changed", details: ["province"] },
    { action: "schedule.deleted", details: null },
  ]);
});

test("who may not see the query sees no schedule of it, and cannot make one", async () => {
  const hidden = await makeDatasource(api.db, admin.actor);
  const { id } = await admin.client.call(createQuery, {
    body: { name: "Hidden", datasource_id: hidden, sql: "select 1" },
  });
  const target = { type: "query" as const, query_id: id };
  const secret = await admin.client.call(createSchedule, {
    body: { ...body(), target, params: {} },
  });
  const params = { id: secret.id };
  const unseen = [
    editor.client.call(readSchedule, { params }),
    editor.client.call(listFirings, { params }),
    editor.client.call(fireSchedule, { params }),
    editor.client.call(deleteSchedule, { params }),
    editor.client.call(createSchedule, { body: { ...body(), target, params: {} } }),
  ];
  for (const problem of await Promise.all(unseen.map(problemOf)))
    expect(problem).toMatchObject({ code: "not_found" });
  const mine = await editor.client.call(createSchedule, { body: body() });
  expect(
    await problemOf(
      editor.client.call(changeSchedule, { params: { id: mine.id }, body: { target } }),
    ),
  ).toMatchObject({ code: "not_found" });
  const { items } = await editor.client.call(listSchedules, {});
  expect(items.map(({ id }) => id)).toEqual([mine.id]);
});

test("a preview says what it means and when it fires, over a change of the clocks", async () => {
  const preview = (recurrence: string, time_zone: string) =>
    viewer.client.call(previewRecurrence, {
      body: { recurrence, time_zone, from: "2026-03-28T00:00:00.000Z" },
    });
  expect(await preview("daily 02:30", "Europe/Berlin")).toEqual({
    words: "Every day at 02:30",
    next: [
      { fire_at: "2026-03-28T01:30:00.000Z", note: null },
      { fire_at: "2026-03-29T01:00:00.000Z", note: "moved_out_of_gap" },
      { fire_at: "2026-03-30T00:30:00.000Z", note: null },
      { fire_at: "2026-03-31T00:30:00.000Z", note: null },
      { fire_at: "2026-04-01T00:30:00.000Z", note: null },
    ],
  });
  expect(await problemOf(preview("0 0 31 2 *", "UTC"))).toMatchObject({
    code: "invalid_request",
    errors: [{ path: "body.recurrence", message: expect.stringMatching(/never fire/) }],
  });
  expect(await problemOf(preview("hourly", "Torronto"))).toMatchObject({
    errors: [{ path: "body.time_zone", message: expect.stringMatching(/America\/Toronto/) }],
  });
});

test("what is wrong is said by field, and a deleted query pauses what ran it", async () => {
  const attempt = (change: object) =>
    problemOf(editor.client.call(createSchedule, { body: { ...body(), ...change } }));
  expect(await attempt({ params: {} })).toMatchObject({
    code: "invalid_request",
    errors: [{ path: "body.params.province", message: "“province” needs a value." }],
  });
  expect(await attempt({ recurrence: "when pigs fly" })).toMatchObject({
    errors: [{ path: "body.recurrence" }],
  });
  const made = await editor.client.call(createSchedule, { body: body() });
  await editor.client.call(deleteQuery, { params: { id: query } });
  const params = { id: made.id };
  expect(await editor.client.call(readSchedule, { params })).toMatchObject({
    next_fire_at: null,
    trouble: expect.stringMatching(/Its query was deleted/),
  });
  expect(
    await problemOf(editor.client.call(changeSchedule, { params, body: { paused: false } })),
  ).toMatchObject({ code: "conflict" });
  expect(await editor.client.call(fireSchedule, { params })).toMatchObject({
    outcome: "failed",
    message: expect.stringMatching(/deleted/),
    runs: [],
  });
});
