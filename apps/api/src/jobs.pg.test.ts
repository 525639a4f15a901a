import { jobError } from "@quern/contract/job-error";
import { cancelJob, createJob, deleteJob, extendJob, listJobs } from "@quern/contract/jobs";
import { createProject } from "@quern/contract/projects";
import { readSandbox } from "@quern/contract/sandbox";
import { changeSettings } from "@quern/contract/settings";
import { listGroups } from "@quern/store/groups";
import { finishJob } from "@quern/store/job-ends";
import { noteStage, noteSteps } from "@quern/store/job-progress";
import { noteSandbox } from "@quern/store/sandboxes";
import { sql } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import { problemOf, startTestApi, type TestApi } from "./testing.ts";
import { claim, jobOf, type Person, startJob, TREE } from "./testing-jobs.ts";

let api: TestApi;
let admin: Person;
let editor: Person;
let other: Person;
let viewer: Person;
beforeAll(async () => {
  api = await startTestApi();
  admin = await api.as("admin");
  [editor, other, viewer] = [
    await api.as("editor"),
    await api.as("editor"),
    await api.as("viewer"),
  ];
});
afterAll(() => api.stop());

const create = (person: Person, body: object) =>
  person.client.call(createJob, { body: body as never });
const refused = (person: Person, body: object) => problemOf(create(person, body));

test("a job says all that is known of it, from its making to its end", async () => {
  const id = await startJob(editor, {
    variables: { x: "1" },
    timeout_ms: 5_000,
    telemetry_context: { branch: "main" },
    environment: { settings: { work_mem: "4MB", jit: false } },
  });
  expect(await jobOf(editor, id)).toMatchObject({
    job_id: id,
    type: "run",
    status: "pending",
    progress: { stage: "queued", stages: [{ stage: "queued", duration_ms: null }] },
    head_path: "test/x.sql",
    limits: { timeout_ms: 5_000, max_rows: 100_000 },
    environment: { settings: { work_mem: "4MB", jit: "false" } },
    rows: null,
    error: null,
    steps: [],
    logs: { last: [], url: `/api/v1/jobs/${id}/logs` },
  });
  const [job] = await claim(api);
  const waiting = jobOf(editor, id, 20);
  await noteStage(api.db, job!, "building", { status: "running" });
  const step = { reason: "never_built", layer_id: null, statements: 1, bytes: null, volatile: [] };
  const key = Buffer.alloc(32, 1);
  await noteSteps(api.db, job!, [
    {
      ...step,
      n: 1,
      path: "init/001.sql",
      state_key: key,
      outcome: "built",
      kept: true,
      duration_ms: 2,
    },
  ]);
  const error = jobError("sql_error", "head", "relation does not exist", {
    file: "test/x.sql",
    line: 1,
    sqlstate: "42P01",
  });
  await finishJob(api.db, job!, {
    status: "failed",
    error,
    state_key: key,
    metrics: { build_ms: 2 },
  });
  expect(await waiting).toMatchObject({
    status: "failed",
    progress: { stage: "done", steps_total: 1, steps_done: 1 },
    state_key: key.toString("hex"),
    error: {
      code: "sql_error",
      file: "test/x.sql",
      line: 1,
      job_id: id,
      request_id: expect.any(String),
    },
    metrics: { build_ms: 2, retries: 0, cache_hit: false },
    steps: [{ n: 1, outcome: "built", state_key: key.toString("hex") }],
  });
  const { items } = await editor.client.call(listJobs, { query: { status: "failed" } });
  expect(items).toMatchObject([{ id, error_code: "sql_error", duration_ms: expect.any(Number) }]);
  expect((await other.client.call(listJobs, {})).items).toEqual([]);
  expect((await admin.client.call(listJobs, {})).items).toHaveLength(1);
});

test("the same request_id answers with the first job, and with a refusal when it asks for another", async () => {
  const body = { project_tree: TREE, head_path: "test/x.sql", request_id: "r-1" };
  const [one, two] = await Promise.all([create(editor, body), create(editor, body)]);
  expect(two.job_id).toBe(one.job_id);
  const etags = Object.fromEntries(
    Object.entries(TREE)
      .map(([path, { content }]) => [path, { content }])
      .reverse(),
  );
  expect((await create(editor, { ...body, project_tree: etags })).job_id).toBe(one.job_id);
  expect(await refused(editor, { ...body, head_path: "init/001.sql" })).toMatchObject({
    status: 409,
    code: "idempotency_mismatch",
  });
  expect((await create(other, body)).job_id).not.toBe(one.job_id);
  const { rows } = await sql`
    select from audit_log where action = 'job.created' and resource_id = ${one.job_id}`.execute(
    api.db,
  );
  expect(rows).toHaveLength(1);
});

test("a viewer runs heads of what is granted with values, and writes no SQL; nobody sees what is not granted", async () => {
  const everyone = (await listGroups(api.db, admin.actor.org_id)).find(
    ({ system }) => system === "everyone",
  )!;
  const make = (group_ids: string[]) =>
    editor.client.call(createProject, {
      body: { name: "p", project_tree: TREE, variables: { a: "1", b: "2" }, group_ids },
    });
  const [granted, hidden] = [await make([everyone.id]), await make([])];
  const body = { project_id: granted.id, head_path: "test/x.sql" };
  const { job_id } = await create(viewer, { ...body, variables: { b: "3" } });
  expect(await jobOf(viewer, job_id)).toMatchObject({
    variables: { a: "1", b: "3" },
    project: { id: granted.id, version: 1 },
  });
  expect(await jobOf(other, job_id)).toMatchObject({ id: job_id });
  for (const own of [
    { head_path: undefined, head_sql: "select 1" },
    { environment: {} },
    { no_cache: true },
    { type: "verify" },
    { project_tree: TREE },
  ])
    expect(await refused(viewer, { ...body, ...own })).toMatchObject({ status: 403 });
  expect(await refused(viewer, { project_tree: TREE, head_path: "test/x.sql" })).toMatchObject({
    status: 403,
  });
  for (const person of [viewer, other])
    expect(await refused(person, { ...body, project_id: hidden.id })).toMatchObject({
      status: 404,
    });

  const typed = await startJob(editor, {
    project_tree: undefined,
    project_id: granted.id,
    head_path: undefined,
    head_sql: "select 1",
  });
  expect(await problemOf(jobOf(viewer, typed))).toMatchObject({ status: 404 });
  expect(await jobOf(other, typed)).toMatchObject({ head_sql: "select 1" });
  const edited = await startJob(editor, {
    project_tree: { ...TREE, "init/edited.sql": { content: "select 1;" } },
    project_id: granted.id,
  });
  expect(await problemOf(jobOf(viewer, edited))).toMatchObject({ status: 404 });
  for (const route of [cancelJob, deleteJob])
    expect(await problemOf(other.client.call(route, { params: { id: typed } }))).toMatchObject({
      status: 403,
    });
});

test("a project's files run as they are being edited, for those who write SQL, and the job says so", async () => {
  const project = await editor.client.call(createProject, {
    body: { name: "edited", project_tree: TREE, variables: { a: "1" } },
  });
  const body = { project_id: project.id, head_path: "test/x.sql" };
  const edited = { ...TREE, "init/edited.sql": { content: "select 1;" } };
  const { job_id } = await create(editor, { ...body, project_tree: edited });
  const shown = { id: project.id, name: "edited", version: 1 };
  expect(await jobOf(editor, job_id)).toMatchObject({
    project: { ...shown, edited: true },
    variables: { a: "1" },
  });
  const saved = await create(editor, { ...body, project_tree: project.tree });
  expect((await jobOf(editor, saved.job_id)).project).toEqual(shown);
});

test("an ended job is deleted with its logs, one that waits is canceled first; extending is bounded", async () => {
  const id = await startJob(editor);
  const params = { id };
  expect(await problemOf(editor.client.call(deleteJob, { params }))).toMatchObject({
    code: "job_not_finished",
  });
  const before = await jobOf(editor, id);
  const extended = await editor.client.call(extendJob, { params, body: { job_ttl: 600_000 } });
  expect(Date.parse(extended.expires_at)).toBeGreaterThan(Date.parse(before.expires_at));
  const shorter = await editor.client.call(extendJob, { params, body: { job_ttl: 5 } });
  expect(shorter.expires_at).toBe(extended.expires_at);
  expect(
    await problemOf(editor.client.call(extendJob, { params, body: { job_ttl: 604_801 } })),
  ).toMatchObject({
    code: "limit_above_maximum",
  });
  expect(await editor.client.call(cancelJob, { params })).toMatchObject({
    status: "canceled",
    cancel: { by: { id: editor.actor.user_id } },
  });
  expect(await editor.client.call(cancelJob, { params })).toMatchObject({ status: "canceled" });
  await editor.client.call(deleteJob, { params });
  expect(await problemOf(jobOf(editor, id))).toMatchObject({ status: 404 });
  const { rows } = await sql<{ action: string }>`
    select action from audit_log where resource_id = ${id} order by id`.execute(api.db);
  expect(rows.map(({ action }) => action)).toEqual([
    "job.created",
    "job.extended",
    "job.extended",
    "job.canceled",
    "job.cancel_requested",
    "job.deleted",
  ]);
});

test("one person cannot fill the queue, and the settings say how much is too much", async () => {
  const person = await api.as("editor");
  await admin.client.call(changeSettings, { body: { jobs: { max_unfinished_per_person: 2 } } });
  await startJob(person);
  await startJob(person);
  expect(await problemOf(startJob(person))).toMatchObject({
    status: 429,
    code: "rate_limited",
    detail: expect.stringContaining("2 jobs"),
  });
  await admin.client.call(changeSettings, { body: { jobs: { max_unfinished_per_person: 1000 } } });
  expect(
    await problemOf(
      admin.client.call(changeSettings, { body: { jobs: { job_ttl_s: { maximum: 60 } } } }),
    ),
  ).toMatchObject({
    errors: [{ path: "body.jobs.job_ttl_s.default" }],
  });
});

test("an admin may make a job for somebody; /v1/jobs is the same", async () => {
  const { job_id } = await create(admin, {
    project_tree: TREE,
    head_path: "test/x.sql",
    user_id: viewer.actor.user_id,
  });
  expect(await jobOf(viewer, job_id)).toMatchObject({
    user: { id: viewer.actor.user_id },
    created_by: { id: admin.actor.user_id },
  });
  const headers = { authorization: `Bearer ${editor.token}`, "content-type": "application/json" };
  const made = await fetch(`${api.address}/v1/jobs`, {
    method: "POST",
    headers,
    body: JSON.stringify({ project_tree: TREE, head_path: "test/x.sql" }),
  });
  expect(made.status).toBe(202);
  const { job_id: id } = (await made.json()) as { job_id: string };
  const read = await fetch(`${api.address}/v1/jobs/${id}`, { headers });
  expect(read.headers.get("cache-control")).toBe("no-store");
  expect(await read.json()).toMatchObject({ job_id: id, status: "pending" });
  expect((await fetch(`${api.address}/v1/jobs/${id}`)).status).toBe(401);
});

test("whether a sandbox is there, everybody can see", async () => {
  expect(await viewer.client.call(readSandbox, {})).toMatchObject({
    available: false,
    engines: [],
    default_engine: null,
  });
  const capacity = {
    slots: 2,
    running: 0,
    clone: "copy" as const,
    isolation: "own user",
    superuser: false,
    cache_bytes: 0,
    cache_max_bytes: 1,
    disk_free_bytes: null,
    pool: 0,
  };
  const engines = [17, 18].map((major) => ({ major, version: `${major}.1`, extensions: [] }));
  await noteSandbox(api.db, {
    id: "s",
    store_id: "00000000-0000-4000-8000-00000000000a",
    hostname: "h",
    engines,
    capacity,
    vitals: {},
    proxy: null,
  });
  expect(await viewer.client.call(readSandbox, {})).toMatchObject({
    available: true,
    default_engine: 18,
    processes: [{ id: "s", alive: true }],
  });
});
