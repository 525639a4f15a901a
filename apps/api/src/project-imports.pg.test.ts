import { createClient } from "@quern/contract/client";
import { createProject, importProject } from "@quern/contract/projects";
import Fastify from "fastify";
import { serializerCompiler, validatorCompiler } from "fastify-type-provider-zod";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Api } from "./api.ts";
import { type GitServer, startGitServer } from "./git/testing-git.ts";
import { sendProblem } from "./problems.ts";
import { addProjectImportRoutes } from "./routes/project-imports.ts";
import { problemOf, startTestApi, type TestApi } from "./testing.ts";
import { download, type Person, sha256 } from "./testing-jobs.ts";

let server: GitServer;
let api: TestApi;
let editor: Person;
/** Imports by the client of the tests, which trusts their server's certificate; the rest is the real API. */
const importing = Fastify();
let address: string;
beforeAll(async () => {
  [server, api] = await Promise.all([startGitServer(), startTestApi()]);
  editor = await api.as("editor");
  importing.setValidatorCompiler(validatorCompiler);
  importing.setSerializerCompiler(serializerCompiler);
  importing.setErrorHandler(sendProblem);
  addProjectImportRoutes(importing, { db: api.db, outbound: server.outbound } as Api);
  address = await importing.listen({ port: 0, host: "127.0.0.1" });
});
afterAll(async () => {
  await importing.close();
  await api.stop();
  server.stop();
});

const importFrom = (id: string, body: object, { token }: Person = editor) =>
  createClient(address, token).call(importProject, {
    params: { id },
    body: { version: 1, url: `${server.address}/work/.git`, ...body },
  });

test("a folder of a repository becomes the project's files, as a new version", async () => {
  const { id } = await editor.client.call(createProject, { body: { name: "imported" } });
  const { project, commit, skipped } = await importFrom(id, { ref: "v1", folder: "db" });
  expect(project).toMatchObject({ id, version: 2, files: 6 });
  expect(Object.keys(project.tree)).toContain("test/café.sql");
  const content = "create table t (i int);\r\n";
  expect(project.tree["init/001.sql"]).toEqual({ etag: `sha256:${sha256(content)}`, size: 25 });
  expect((await download(api, editor, sha256(content))).bytes.toString()).toBe(content);
  expect(commit).toBe(server.git("rev-parse", "v1^{commit}").trim());
  expect(skipped).toHaveLength(2);
  expect(await problemOf(importFrom(id, {}))).toMatchObject({ code: "version_conflict" });
});

test("what cannot be imported is refused in words, and only those who may change the project import", async () => {
  const { id } = await editor.client.call(createProject, { body: { name: "not imported" } });
  expect(await problemOf(importFrom(id, { ref: "nope" }))).toMatchObject({
    status: 422,
    code: "import_failed",
    detail: expect.stringContaining("no branch or tag"),
  });
  expect(await problemOf(importFrom(id, { ref: "--upload-pack=x" }))).toMatchObject({
    status: 400,
  });
  expect(await problemOf(importFrom(id, {}, await api.as("editor")))).toMatchObject({
    status: 404,
  });
  expect(await problemOf(importFrom(id, {}, await api.as("viewer")))).toMatchObject({
    status: 404,
  });
});
