import { appendToJob, createJob, runJob } from "@quern/contract/jobs";
import { sql } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import { problemOf, startTestApi, type TestApi } from "./testing.ts";
import { claim, jobOf, type Person, startJob, TREE } from "./testing-jobs.ts";

let api: TestApi;
let editor: Person;
let other: Person;
beforeAll(async () => {
  api = await startTestApi();
  [editor, other] = [await api.as("editor"), await api.as("editor")];
});
afterAll(() => api.stop());

const create = (person: Person, body: object) =>
  person.client.call(createJob, { body: body as never });
const refused = (person: Person, body: object) => problemOf(create(person, body));

test.each<[string, object, number, string, string | undefined]>([
  [
    "a path that leaves the project",
    { project_tree: { "../x": { content: "" } }, head_path: "../x" },
    400,
    "invalid_tree",
    "body.project_tree.../x",
  ],
  [
    "an absolute path",
    { project_tree: { "/x": { content: "" } }, head_path: "/x" },
    400,
    "invalid_tree",
    undefined,
  ],
  [
    "a file that is a folder",
    { project_tree: { a: { content: "" }, "a/b": { content: "" } }, head_path: "a" },
    400,
    "invalid_tree",
    undefined,
  ],
  [
    "half a surrogate pair",
    { project_tree: { a: { content: "\ud800" } }, head_path: "a" },
    400,
    "invalid_tree",
    undefined,
  ],
  ["a head that is not there", { head_path: "test/y.sql" }, 400, "missing_head", "body.head_path"],
  ["no head", { head_path: undefined }, 400, "invalid_request", "body.head_path"],
  ["two heads", { head_sql: "select 1" }, 400, "invalid_request", "body.head_sql"],
  [
    "two timeouts",
    { timeout_ms: 1, limits: { timeout_ms: 2 } },
    400,
    "invalid_request",
    "body.timeout_ms",
  ],
  [
    "a timeout above the maximum",
    { timeout_ms: 3_600_001 },
    400,
    "invalid_request",
    "body.timeout_ms",
  ],
  ["a job_ttl above the maximum", { job_ttl: 604_801 }, 400, "limit_above_maximum", "body.job_ttl"],
  [
    "a snapshot_ttl above the maximum",
    { snapshot_ttl: 2_592_001 },
    400,
    "limit_above_maximum",
    "body.snapshot_ttl",
  ],
  [
    "rows above the maximum",
    { limits: { max_rows: 50_000_001 } },
    400,
    "invalid_request",
    "body.limits.max_rows",
  ],
  ["two sources", { state_key: "a".repeat(64) }, 400, "invalid_request", undefined],
  [
    "an engine that is too old",
    { environment: { engine_version: 12 } },
    400,
    "invalid_request",
    undefined,
  ],
  [
    "somebody else as user",
    { user_id: "00000000-0000-4000-8000-000000000000" },
    403,
    "not_allowed",
    undefined,
  ],
  [
    "a project that is not there",
    { project_tree: undefined, project_id: "00000000-0000-4000-8000-000000000000" },
    404,
    "not_found",
    undefined,
  ],
  [
    "a diff without sides",
    { type: "diff", project_tree: undefined, head_path: undefined },
    400,
    "invalid_request",
    "body.left",
  ],
  ["an export without a state", { type: "export" }, 400, "invalid_request", "body.state_key"],
  ["an unknown key", { snapshot: true }, 400, "invalid_request", undefined],
  [
    "too much telemetry",
    { telemetry_context: Object.fromEntries(Array.from({ length: 21 }, (_, i) => [`k${i}`, ""])) },
    400,
    "invalid_request",
    undefined,
  ],
  [
    "an etag that nobody sent",
    { project_tree: { a: { etag: `sha256:${"b".repeat(64)}` } }, head_path: "a" },
    409,
    "source_inputs_missing",
    undefined,
  ],
])("%s is refused by name", async (_name, change, status, code, path) => {
  const problem = await refused(editor, {
    project_tree: TREE,
    head_path: "test/x.sql",
    ...change,
  });
  expect(problem).toMatchObject({ status, code });
  if (path !== undefined) expect(problem.errors?.map((each) => each.path)).toContain(path);
  if (code === "source_inputs_missing")
    expect(problem.missing).toEqual([`sha256:${"b".repeat(64)}`]);
});

test("parts come in order, once, and only until the job is run", async () => {
  const { job_id: id } = await create(editor, { assemble: true });
  const params = { id };
  const append = (seq: number, project_tree: object, last = false, person = editor) =>
    person.client.call(appendToJob, {
      params,
      body: { seq, project_tree: project_tree as never, last },
    });
  const file = (content: string) => ({ content });
  expect(await problemOf(append(2, { a: file("2") }))).toMatchObject({
    code: "part_out_of_order",
    errors: [{ path: "body.seq", message: "must be 1" }],
  });
  expect(await append(1, { "init/a.sql": file("1") })).toEqual({
    job_id: id,
    parts: 1,
    files: 1,
    bytes: 1,
  });
  expect(await append(1, { "init/a.sql": file("1") })).toMatchObject({ parts: 1 });
  expect(await problemOf(append(1, { "init/a.sql": file("other") }))).toMatchObject({
    code: "part_mismatch",
  });
  expect(await problemOf(append(2, { "init/a.sql": file("again") }))).toMatchObject({
    code: "invalid_tree",
  });
  expect(await problemOf(append(2, { "init/a.sql/b": file("") }))).toMatchObject({
    code: "invalid_tree",
  });
  expect(await problemOf(append(2, { x: file("") }, false, other))).toMatchObject({ status: 404 });
  expect(await append(2, { "test/x.sql": file("22") }, true)).toMatchObject({
    parts: 2,
    files: 2,
    bytes: 3,
  });
  expect(await problemOf(append(3, { b: file("") }))).toMatchObject({ code: "part_out_of_order" });
  expect(await claim(api)).not.toContainEqual(expect.objectContaining({ id }));

  const run = (body: object) => editor.client.call(runJob, { params, body });
  expect(await problemOf(run({}))).toMatchObject({ code: "missing_head" });
  expect(await problemOf(run({ head_path: "test/none.sql" }))).toMatchObject({
    code: "missing_head",
  });
  expect((await jobOf(editor, id)).assembled).toBe(false);
  expect(await run({ head_path: "test/x.sql", variables: { v: "1" } })).toEqual({
    job_id: id,
    status: "pending",
  });
  expect(await problemOf(run({ head_path: "test/x.sql" }))).toMatchObject({
    status: 409,
    code: "job_started",
  });
  expect(await problemOf(append(3, { b: file("") }))).toMatchObject({ code: "job_started" });
  const [job] = (await claim(api)).filter((each) => each.id === id);
  expect(Object.keys(job!.tree!)).toEqual(["init/a.sql", "test/x.sql"]);
  expect(job).toMatchObject({ head_path: "test/x.sql", variables: { v: "1" } });
});

test("a job is made again of the files that an earlier one has", async () => {
  const first = await startJob(editor, { head_path: "test/x.sql" });
  expect(await jobOf(editor, first)).toMatchObject({ has_files: true, trigger: "api" });
  const body = { project_tree: undefined, files_of: first, head_path: "test/x.sql" };
  const again = await editor.client.call(createJob, { body });
  const { rows } = await sql<{ trees: number }>`
    select count(distinct tree)::integer as trees from jobs where id in (${first}, ${again.job_id})`.execute(
    api.db,
  );
  expect(rows).toEqual([{ trees: 1 }]);
  expect(await refused(other, body)).toMatchObject({
    status: 404,
    code: "not_found",
    errors: [{ path: "body.files_of" }],
  });
  expect(await refused(editor, { ...body, project_tree: { a: { content: "" } } })).toMatchObject({
    code: "invalid_request",
    errors: [{ path: "body.files_of" }],
  });
  expect(await refused(editor, { ...body, head_path: "test/y.sql" })).toMatchObject({
    code: "missing_head",
  });
});
