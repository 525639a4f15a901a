import { subscribe, unsubscribe } from "node:diagnostics_channel";
import type { IncomingMessage } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import type { RunEvent } from "@quern/contract/events";
import { listQueries } from "@quern/contract/queries";
import { downloadRunResult, readRunRows } from "@quern/contract/run-results";
import { cancelRun, createRun, listRuns, readRun } from "@quern/contract/runs";
import { claimRuns, finishRun } from "@quern/store/queue";
import { makeDatasource, SUCCEEDED } from "@quern/store/testing-fixtures";
import { createToken } from "@quern/store/tokens";
import { sql } from "kysely";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
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
beforeEach(() => sql`delete from runs`.execute(api.db).then());

const body = () => ({ datasource_id: datasource, sql: "select 1" });
const NO_PARTS = {
  ...SUCCEEDED,
  rows: 0,
  parts: [],
  statements: SUCCEEDED.statements.map((statement) => ({ ...statement, rows: 0 })),
};

async function finishNext(outcome = NO_PARTS): Promise<void> {
  const [claim] = await claimRuns(api.db, "runner", 1, 60_000);
  await finishRun(api.db, claim!, outcome);
}

test("a repeat with the same Idempotency-Key is the same run; another request with it is refused", async () => {
  const create = (text: string, idempotencyKey: string) =>
    editor.client.call(createRun, { body: { ...body(), sql: text }, idempotencyKey });
  const runs = await Promise.all(Array.from({ length: 10 }, () => create("select 1", "k1")));
  expect(new Set(runs.map(({ id }) => id)).size).toBe(1);
  expect(await problemOf(create("select 2", "k1"))).toMatchObject({
    status: 409,
    code: "idempotency_mismatch",
  });
  expect((await create("select 2", "k2")).id).not.toBe(runs[0]!.id);
  const other = await api.as("editor");
  expect((await other.client.call(createRun, { body: body(), idempotencyKey: "k1" })).id).not.toBe(
    runs[0]!.id,
  );
  expect(await problemOf(create("select 1", "x".repeat(256)))).toMatchObject({ status: 400 });
});

test("waiting ends when the run ends, and not before", async () => {
  const { id } = await editor.client.call(createRun, { body: body() });
  const waiting = editor.client.call(readRun, { params: { id }, query: { wait: 30 } });
  const early = await Promise.race([waiting.then(() => "early"), delay(300, "still waiting")]);
  expect(early).toBe("still waiting");
  await finishNext();
  expect(await waiting).toMatchObject({ status: "succeeded", rows: 0 });
  expect(
    await editor.client.call(readRun, {
      params: { id: (await editor.client.call(createRun, { body: body() })).id },
      query: { wait: 1 },
    }),
  ).toMatchObject({ status: "queued" });
});

test("rows of runs that have none, are not done or are too old say so", async () => {
  const { id } = await editor.client.call(createRun, { body: body() });
  const rows = (query = {}) => editor.client.call(readRunRows, { params: { id }, query });
  expect(await problemOf(rows())).toMatchObject({ status: 409, code: "run_not_finished" });
  await finishNext();
  expect(await rows()).toMatchObject({ total: 0, rows: [], columns: [{ type: "int4" }] });
  expect(await problemOf(rows({ statement: 1 }))).toMatchObject({ status: 404, code: "no_result" });
  await sql`update runs set result_deleted_at = now() where id = ${id}`.execute(api.db);
  expect(await problemOf(rows())).toMatchObject({ status: 410, code: "result_expired" });
  expect(
    await problemOf(editor.client.call(downloadRunResult, { params: { id, format: "csv" } })),
  ).toMatchObject({ code: "result_expired" });
});

test("a run is canceled by its person or an admin, not by others", async () => {
  const { id } = await editor.client.call(createRun, { body: body() });
  const other = await api.as("editor");
  expect(await problemOf(other.client.call(cancelRun, { params: { id } }))).toMatchObject({
    status: 403,
  });
  expect(await editor.client.call(cancelRun, { params: { id } })).toMatchObject({
    status: "canceled",
    cancel: { confirmed: true },
  });
  expect(await (await api.as("admin")).client.call(cancelRun, { params: { id } })).toMatchObject({
    status: "canceled",
    cancel: { by: { id: editor.actor.user_id } },
  });
});

test("history is paged without loss and filtered", async () => {
  const ids: string[] = [];
  for (let n = 0; n < 5; n++)
    ids.unshift(
      (
        await editor.client.call(createRun, {
          body: { ...body(), sql: `select ${n} as "50%_off"` },
        })
      ).id,
    );
  const seen: string[] = [];
  let cursor: string | undefined;
  do {
    const page = await editor.client.call(listRuns, { query: { limit: 2, cursor } });
    seen.push(...page.items.map(({ id }) => id));
    cursor = page.next_cursor ?? undefined;
  } while (cursor);
  expect(seen).toEqual(ids);
  expect(
    (await editor.client.call(listRuns, { query: { search: "3 AS" } })).items.map(({ id }) => id),
  ).toEqual([ids[1]]);
  expect((await editor.client.call(listRuns, { query: { search: "5_%" } })).items).toEqual([]);
  expect((await editor.client.call(listRuns, { query: { status: "running" } })).items).toEqual([]);
});

test("the event stream tells of runs one may see, without their SQL, and ends with the session", async () => {
  const viewer = await api.as("viewer");
  const { token, id: tokenId } = await createToken(api.db, viewer.actor, "events", 1);
  const stream = await fetch(`${api.address}/api/v1/events`, {
    headers: { authorization: `Bearer ${token}` },
  });
  expect(stream.headers.get("content-type")).toBe("text/event-stream");
  const reader = stream.body!.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  const until = async (what: RegExp) => {
    while (!what.test(text)) {
      const { value, done } = await reader.read();
      if (done) return;
      text += value;
    }
  };
  await until(/event: hello/);
  await editor.client.call(createRun, { body: body() });
  const own = await viewer.client.call(listRuns, {});
  expect(own.items).toEqual([]);
  const query = await sql<{ id: string }>`
    with q as (insert into queries (org_id) values (${viewer.actor.org_id}) returning id)
    insert into query_versions (query_id, version, name, datasource_id, sql) select id, 1, 'q', ${datasource}, 'select canary' from q returning query_id as id`.execute(
    api.db,
  );
  const shared = await viewer.client.call(createRun, { body: { query_id: query.rows[0]!.id } });
  await until(/event: run\ndata: .*\n\n/);
  const event = JSON.parse(/event: run\ndata: (.*)/.exec(text)![1]!) as RunEvent;
  expect(event).toMatchObject({ id: shared.id, status: "queued", query: { name: "q" } });
  expect(text).not.toMatch(/canary|select 1/);
  expect(text.match(/event: run/g)).toHaveLength(1);

  await sql`delete from tokens where id = ${tokenId}`.execute(api.db);
  await viewer.client.call(createRun, { body: { query_id: query.rows[0]!.id } });
  await until(/never/);
});

test("readers who stall, leave early or are told nonsense harm nobody", async () => {
  const { token } = await createToken(api.db, editor.actor, "stalled", 1);
  const headers = { authorization: `Bearer ${token}` };
  const stalled = await fetch(`${api.address}/api/v1/events`, { headers });
  for (let n = 0; n < 40; n++) {
    const early = new AbortController();
    const gone = fetch(`${api.address}/api/v1/events`, { headers, signal: early.signal });
    setTimeout(() => early.abort(), n % 5);
    await gone.catch((error: Error) => expect(error.name).toBe("AbortError"));
  }
  for (const payload of ["error", "", "newListener", "x".repeat(500)]) {
    await sql`select pg_notify('quern_runs', ${payload})`.execute(api.db);
  }
  const { id } = await editor.client.call(createRun, { body: body() });
  for (let n = 0; n < 300; n++) await sql`select pg_notify('quern_runs', ${id})`.execute(api.db);
  expect(await editor.client.call(readRun, { params: { id } })).toMatchObject({ status: "queued" });
  await stalled.body!.cancel();
});

test("cursors of somebody else's making start at the beginning", async () => {
  await editor.client.call(createRun, { body: body() });
  for (const cursor of [
    "-".repeat(36),
    "x",
    "9999-99-99T99:99:99.999Z_00000000-0000-4000-8000-000000000000",
  ]) {
    expect((await editor.client.call(listRuns, { query: { cursor } })).items).toHaveLength(1);
    await editor.client.call(listQueries, { query: { cursor } });
  }
});

/** Resolves when a server of this process has begun to answer a request whose URL ends so. */
function begun(end: string): Promise<void> {
  return new Promise((resolve) => {
    const hear = (message: unknown) => {
      const { request } = message as { request: IncomingMessage };
      if (!request.url?.endsWith(end)) return;
      unsubscribe("http.server.request.start", hear);
      resolve();
    };
    subscribe("http.server.request.start", hear);
  });
}

test("a server that stops answers those who wait", async () => {
  const own = await startTestApi();
  const { actor, client } = await own.as("editor");
  const id = await makeDatasource(own.db, actor, { everyone: true });
  const run = await client.call(createRun, { body: { datasource_id: id, sql: "select 1" } });
  const arrived = begun("?wait=60");
  const waiting = client.call(readRun, { params: run, query: { wait: 60 } });
  await arrived;
  // What is asked after it takes the same way, so that by its answer the first one waits.
  await client.call(readRun, { params: run });
  const stopped = own.stop();
  expect(await waiting).toMatchObject({ status: "queued" });
  await stopped;
});

test("a run says whether the command line or another program asked for it", async () => {
  const triggers: string[] = [];
  for (const agent of ["quern-cli", "curl/8.5.0"]) {
    const response = await fetch(`${api.address}/api/v1/runs`, {
      method: "POST",
      headers: {
        authorization: `Bearer ${editor.token}`,
        "content-type": "application/json",
        "user-agent": agent,
      },
      body: JSON.stringify(body()),
    });
    const { id } = (await response.json()) as { id: string };
    triggers.push((await editor.client.call(readRun, { params: { id } })).trigger);
  }
  expect(triggers).toEqual(["cli", "api"]);
});
