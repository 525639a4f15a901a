import { readJobLogs } from "@quern/contract/job-logs";
import { finishJob } from "@quern/store/job-ends";
import { appendLogs, noteStage } from "@quern/store/job-progress";
import type { JobClaim } from "@quern/store/job-spec";
import { sql } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import { problemOf, startTestApi, type TestApi } from "./testing.ts";
import { claim, type Person, startJob } from "./testing-jobs.ts";

let api: TestApi;
let editor: Person;
beforeAll(async () => {
  api = await startTestApi();
  editor = await api.as("editor");
});
afterAll(() => api.stop());

const lines = (job: JobClaim, ...messages: string[]) =>
  appendLogs(
    api.db,
    job,
    messages.map((message) => ({ at: new Date(), stage: "building", level: "info", message })),
  );

type Event = { id?: string; event: string; data: { message?: string; status?: string } };

/** Events until `enough`, or the stream's end. */
async function events(
  path: string,
  headers: Record<string, string> = {},
  enough: (all: Event[]) => boolean = () => false,
): Promise<Event[]> {
  const stop = new AbortController();
  const response = await fetch(`${api.address}${path}`, {
    headers: {
      authorization: `Bearer ${editor.token}`,
      accept: "text/event-stream",
      ...headers,
    },
    signal: stop.signal,
  });
  expect(response.headers.get("content-type")).toBe("text/event-stream");
  const all: Event[] = [];
  let text = "";
  for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    for (let at = text.indexOf("\n\n"); at !== -1; at = text.indexOf("\n\n")) {
      const fields = text
        .slice(0, at)
        .split("\n")
        .filter((line) => !line.startsWith(":"));
      text = text.slice(at + 2);
      if (fields.length === 0) continue;
      const event = Object.fromEntries(fields.map((line) => line.split(/: (.*)/s)));
      all.push({ ...event, data: JSON.parse(event.data) });
    }
    if (enough(all)) break;
  }
  stop.abort();
  return all;
}

const messages = (all: Event[]) =>
  all.flatMap(({ event, data }) => (event === "log" ? [data.message] : []));

test("a log is read piece by piece, and says when there is nothing more to come", async () => {
  const id = await startJob(editor);
  const [job] = await claim(api);
  await lines(job!, "one", "two", "three");
  const read = (after: number, limit = 200) =>
    editor.client.call(readJobLogs, { params: { id }, query: { after, limit } });
  expect(await read(0, 2)).toMatchObject({
    items: [
      { id: 1, message: "one", source: "quern", path: null },
      { id: 2, message: "two" },
    ],
    next_after: 2,
    finished: false,
  });
  await finishJob(api.db, job!, { status: "completed", error: null });
  expect(await read(2)).toMatchObject({ items: [{ id: 3 }], next_after: 3, finished: true });
  expect(await read(3)).toEqual({ items: [], next_after: 3, finished: true });
  const viewer = await api.as("viewer");
  expect(await problemOf(viewer.client.call(readJobLogs, { params: { id } }))).toMatchObject({
    status: 404,
  });
});

test("a stream sends lines as they come and ends with the job; a broken one goes on after its last line", async () => {
  const id = await startJob(editor);
  const [job] = await claim(api);
  await lines(job!, "one", "two");
  const path = `/api/v1/jobs/${id}/logs`;
  const broken = await events(path, {}, (all) => messages(all).length === 2);
  expect(broken.at(0)).toMatchObject({ id: "1", event: "log", data: { message: "one" } });
  const whole = events(path, { "last-event-id": "1" });
  await noteStage(api.db, job!, "building", { status: "running" });
  await lines(job!, "three");
  await lines(job!, ...Array.from({ length: 450 }, (_, i) => `line ${i}`));
  await finishJob(api.db, job!, { status: "completed", error: null });
  const all = await whole;
  expect(messages(all)).toHaveLength(452);
  expect(messages(all).slice(0, 3)).toEqual(["two", "three", "line 0"]);
  expect(all.at(-1)).toMatchObject({ event: "end", data: { status: "completed" } });
  // What is over is sent at once, under the other address too.
  const later = await events(`/v1/jobs/${id}/logs?after=451`);
  expect(later.map(({ event }) => event)).toEqual(["log", "log", "status", "end"]);
});

test("the stream ends when the person may not see the job any more", async () => {
  const id = await startJob(editor);
  const [job] = await claim(api);
  await lines(job!, "one");
  let telling: Promise<unknown> | undefined;
  const all = await events(`/api/v1/jobs/${id}/logs`, {}, (some) => {
    if (messages(some).includes("one"))
      telling ??= sql`update jobs set created_by = null, user_id = null where id = ${id}`
        .execute(api.db)
        .then(() => lines(job!, "not for you"));
    return false;
  });
  await telling;
  expect(messages(all)).toEqual(["one"]);
  expect(all.map(({ event }) => event)).not.toContain("end");
});
