import { findMissingBlobs } from "@quern/contract/blobs";
import { search } from "@quern/contract/library";
import {
  changeProject,
  createProject,
  deleteProject,
  duplicateProject,
  listProjects,
  listProjectVersions,
  readProject,
  readProjectStates,
  restoreProject,
} from "@quern/contract/projects";
import { changeSettings, DEFAULT_SETTINGS } from "@quern/contract/settings";
import { finishJob } from "@quern/store/job-ends";
import { noteSteps } from "@quern/store/job-progress";
import { sweepProjects } from "@quern/store/job-retention";
import { sql } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { z } from "zod";
import { problemOf, startTestApi, type TestApi } from "./testing.ts";
import { claim, download, type Person, sha256, startJob, TREE, upload } from "./testing-jobs.ts";

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

const make = (body: object = {}) =>
  editor.client.call(createProject, { body: { name: "outages", project_tree: TREE, ...body } });
const change = (id: string, body: z.input<typeof changeProject.body>) =>
  editor.client.call(changeProject, { params: { id }, body });
const read = (person: Person, id: string) => person.client.call(readProject, { params: { id } });

async function groupWith(person: Person): Promise<string> {
  const { rows } = await sql<{ id: string }>`
    insert into groups (org_id, name) values (${person.actor.org_id}, ${crypto.randomUUID()}) returning id`.execute(
    api.db,
  );
  await sql`insert into group_members (group_id, user_id) values (${rows[0]!.id}, ${person.actor.user_id})`.execute(
    api.db,
  );
  return rows[0]!.id;
}

test("a project keeps every save, and a save on top of somebody else's is refused", async () => {
  const made = await make({ variables: { a: "1" }, environment: { engine_version: 17 } });
  expect(made).toMatchObject({
    version: 1,
    files: 2,
    bytes: 38,
    tree: { "init/001.sql": { etag: `sha256:${sha256("create table t (i int);")}`, size: 23 } },
    manifest: null,
    last_job: null,
    groups: [],
  });
  // A tree goes back as it was read, with one more file.
  const tree = { ...made.tree, "seed/a.sql": { content: "insert into t values (1)" } };
  const saved = await change(made.id, { version: 1, project_tree: tree, message: "seed" });
  expect(saved).toMatchObject({ version: 2, files: 3, variables: { a: "1" } });
  expect(await problemOf(change(made.id, { version: 1, variables: {} }))).toMatchObject({
    status: 409,
    code: "version_conflict",
  });
  const renamed = await change(made.id, { version: 2, name: "renamed" });
  expect(renamed).toMatchObject({ version: 2, name: "renamed", files: 3 });
  const { items } = await editor.client.call(listProjectVersions, { params: { id: made.id } });
  expect(items).toMatchObject([
    { version: 2, message: "seed", files: 3 },
    { version: 1, message: "", files: 2 },
  ]);
  const first = await editor.client.call(readProject, {
    params: { id: made.id },
    query: { version: 1 },
  });
  expect(first).toMatchObject({ version: 1, files: 2, tree: made.tree });
  const manifest = { chain: ["init/*"], order: "linear" };
  expect(await change(made.id, { version: 2, manifest })).toMatchObject({ version: 3, manifest });
  expect(
    await problemOf(change(made.id, { version: 3, manifest: { x: "y".repeat(300_000) } })),
  ).toMatchObject({ status: 400, code: "invalid_request" });
});

test("who sees a project: its maker, the groups it is granted to, and admins", async () => {
  const { id } = await make({ group_ids: [await groupWith(viewer)] });
  expect(await read(viewer, id)).toMatchObject({ name: "outages" });
  expect(await read(admin, id)).toMatchObject({ name: "outages" });
  expect(await problemOf(read(other, id))).toMatchObject({ status: 404 });
  expect((await other.client.call(listProjects, {})).items).not.toContainEqual(
    expect.objectContaining({ id }),
  );
  const asViewer = viewer.client.call(changeProject, {
    params: { id },
    body: { version: 1, name: "x" },
  });
  expect(await problemOf(asViewer)).toMatchObject({ status: 403 });
  const granted = await change(id, { version: 1, group_ids: [await groupWith(other)] });
  expect(granted.groups).toHaveLength(1);
  expect(await problemOf(read(viewer, id))).toMatchObject({ status: 404 });
  const notTheirs = other.client.call(changeProject, {
    params: { id },
    body: { version: 1, group_ids: [] },
  });
  expect(await problemOf(notTheirs)).toMatchObject({ status: 403 });
  const hits = await other.client.call(search, { query: { q: "outag", type: "project" } });
  expect(hits.items).toContainEqual(expect.objectContaining({ type: "project", id }));
  const unseen = await viewer.client.call(search, { query: { q: "outag", type: "project" } });
  expect(unseen.items).not.toContainEqual(expect.objectContaining({ id }));
});

test("a project is deleted, restored and copied", async () => {
  const { id } = await make();
  const params = { id };
  const copy = await editor.client.call(duplicateProject, { params, body: { name: "copy" } });
  expect(copy).toMatchObject({ name: "copy", version: 1, files: 2 });
  await editor.client.call(deleteProject, { params });
  expect(await problemOf(read(editor, id))).toMatchObject({ status: 404 });
  expect(
    await problemOf(startJob(editor, { project_tree: undefined, project_id: id })),
  ).toMatchObject({ status: 404 });
  expect(await problemOf(other.client.call(restoreProject, { params }))).toMatchObject({
    status: 404,
  });
  expect(await editor.client.call(restoreProject, { params })).toMatchObject({ id, version: 1 });
});

test("the list says how the last job went, and the states say what jobs share", async () => {
  const { id } = await make({ name: "with jobs" });
  const start = (head_path: string) =>
    startJob(editor, { project_tree: undefined, project_id: id, head_path });
  const ids = [await start("test/x.sql"), await start("init/001.sql")];
  const step = {
    outcome: "built" as const,
    reason: "never_built",
    layer_id: null,
    kept: true,
    duration_ms: 1,
    statements: 1,
    bytes: null,
    volatile: [],
  };
  for (const [i, job] of (await claim(api)).entries()) {
    const at = (n: number, path: string, byte: number) => ({
      ...step,
      n,
      path,
      state_key: Buffer.alloc(32, byte),
    });
    await noteSteps(api.db, job, [at(0, "", 0), at(1, "init/001.sql", 1), at(2, "y.sql", 2 + i)]);
    await finishJob(api.db, job, { status: "completed", error: null });
  }
  const { items } = await editor.client.call(listProjects, { query: { status: "completed" } });
  expect(items).toMatchObject([
    { id, last_job: { id: ids[1], status: "completed", head_path: "init/001.sql" } },
  ]);
  const { states, heads } = await editor.client.call(readProjectStates, { params: { id } });
  expect(heads.map(({ job_id }) => job_id)).toEqual(ids.toReversed());
  const key = (byte: number) => Buffer.alloc(32, byte).toString("hex");
  expect(states).toMatchObject([
    { state_key: key(0), parent_key: null, jobs: 2, depth: 0 },
    { state_key: key(1), parent_key: key(0), jobs: 2 },
    { state_key: key(2), parent_key: key(1), jobs: 1 },
    { state_key: key(3), parent_key: key(1), jobs: 1 },
  ]);
});

test("a digest alone gives nobody what somebody else sent", async () => {
  const secret = Buffer.from(`secret ${crypto.randomUUID()}`);
  const digest = sha256(secret);
  const etag = `sha256:${digest}`;
  expect(await upload(api, editor, secret)).toMatchObject({ status: 200, size: secret.length });
  expect(await upload(api, editor, secret)).toMatchObject({ status: 200 });
  expect(await download(api, editor, digest)).toEqual({ status: 200, bytes: secret });
  expect(await download(api, admin, digest)).toMatchObject({ status: 200 });
  const named = { project_tree: { "test/x.sql": { etag } } };
  for (const person of [other, viewer])
    expect(await download(api, person, digest)).toMatchObject({ status: 404 });
  expect(await problemOf(startJob(other, named))).toMatchObject({
    code: "source_inputs_missing",
    missing: [etag],
  });
  expect(await other.client.call(findMissingBlobs, { body: { etags: [etag] } })).toEqual({
    missing: [etag],
  });
  // Whoever has the bytes may name them, and learns nothing by sending them.
  expect(await upload(api, other, secret)).toMatchObject({ status: 200 });
  expect(await other.client.call(findMissingBlobs, { body: { etags: [etag] } })).toEqual({
    missing: [],
  });
  expect(await startJob(other, named)).toBeTruthy();
  // Whoever sees a project reads its files.
  const { id } = await make({ ...named, group_ids: [await groupWith(viewer)] });
  expect(await download(api, viewer, digest)).toEqual({ status: 200, bytes: secret });
  await editor.client.call(deleteProject, { params: { id } });
  expect(await download(api, viewer, digest)).toMatchObject({ status: 404 });
});

test("files of any bytes and sizes come back as they were; wrong, large and broken ones leave nothing", async () => {
  const big = Buffer.alloc(3 * 1024 ** 2 + 17, "q");
  const raw = Buffer.from([0, 255, 254, 13, 10, 0xef, 0xbb, 0xbf]);
  for (const bytes of [Buffer.alloc(0), raw, big, Buffer.alloc(1024 ** 2, 7)]) {
    expect(await upload(api, editor, bytes)).toMatchObject({ status: 200, size: bytes.length });
    expect((await download(api, editor, sha256(bytes))).bytes.equals(bytes)).toBe(true);
  }
  expect(await upload(api, editor, raw, sha256("other"))).toMatchObject({
    status: 400,
    code: "digest_mismatch",
  });
  const { max_blob_bytes } = DEFAULT_SETTINGS.jobs;
  await admin.client.call(changeSettings, { body: { jobs: { max_blob_bytes: 2 * 1024 ** 2 } } });
  const fresh = Buffer.alloc(3 * 1024 ** 2, "z");
  expect(await upload(api, editor, fresh)).toMatchObject({ status: 413 });
  // Node asks for `duplex`, and the types of the browser do not know it.
  const init: RequestInit & { duplex: "half" } = {
    method: "PUT",
    headers: {
      authorization: `Bearer ${editor.token}`,
      "content-type": "application/octet-stream",
    },
    body: new Blob([new Uint8Array(fresh)]).stream(),
    duplex: "half",
  };
  const streamed = await fetch(`${api.address}/api/v1/blobs/sha256/${sha256(fresh)}`, init);
  expect(streamed.status).toBe(413);
  await admin.client.call(changeSettings, { body: { jobs: { max_blob_bytes } } });
  const { rows } = await sql<{ chunks: number; uploads: number }>`
    select (select count(*) from blob_chunks where content_id not in (select content_id from blobs)) as chunks,
      (select count(*) from blob_uploads) as uploads`.execute(api.db);
  expect(rows).toEqual([{ chunks: 0, uploads: 0 }]);
  const json = await fetch(`${api.address}/api/v1/blobs/sha256/${sha256("{}")}`, {
    method: "PUT",
    headers: { authorization: `Bearer ${editor.token}`, "content-type": "application/json" },
    body: "{}",
  });
  expect(json.status).toBe(415);
});

test("what nobody names any more is swept after a day; what is named stays", async () => {
  const [lone, kept] = ["lone", "kept"].map((word) =>
    Buffer.from(`${word} ${crypto.randomUUID()}`),
  );
  await upload(api, editor, lone!);
  await upload(api, editor, kept!);
  const etag = `sha256:${sha256(kept!)}`;
  const { id } = await make({ project_tree: { "a.sql": { etag } } });
  const gone = await startJob(editor, {
    project_tree: { "test/x.sql": { content: "a job that expires" } },
  });
  await sql`update jobs set status = 'canceled', finished_at = now(), expires_at = now() - interval '1 s' where id = ${gone}`.execute(
    api.db,
  );
  expect(await sweepProjects(api.db)).toMatchObject({ jobs: 1, trees: 0, blobs: 0 });
  await sql`update trees set named_at = now() - interval '2 days'`.execute(api.db);
  await sql`update blobs set named_at = now() - interval '2 days'`.execute(api.db);
  const swept = await sweepProjects(api.db);
  expect(swept.trees).toBeGreaterThan(0);
  expect(swept.blobs).toBeGreaterThan(1);
  expect(swept.duration_ms).toBeGreaterThan(0);
  expect(await download(api, editor, sha256(lone!))).toMatchObject({ status: 404 });
  expect((await download(api, editor, sha256(kept!))).bytes.equals(kept!)).toBe(true);
  expect(await read(editor, id)).toMatchObject({ files: 1 });
  const { rows } = await sql`
    select from blob_chunks where content_id not in (select content_id from blobs)`.execute(api.db);
  expect(rows).toEqual([]);
});
