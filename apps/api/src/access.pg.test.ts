import {
  createDatasource,
  readDatasource,
  readDatasourceSchema,
  testDatasourceForm,
} from "@quern/contract/datasources";
import { listMembers } from "@quern/contract/members";
import { changeQuery, createQuery, listQueries, readQuery } from "@quern/contract/queries";
import { createRun, listRuns, readRun } from "@quern/contract/runs";
import { readMe } from "@quern/contract/session";
import { createVisualization } from "@quern/contract/visualizations";
import { makeDatasource } from "@quern/store/testing-fixtures";
import Fastify from "fastify";
import { afterAll, beforeAll, expect, test } from "vitest";
import { refuseUndeclared } from "./serve.ts";
import { problemOf, startTestApi, type TestApi } from "./testing.ts";

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.stop());

/** All that anybody may call without signing in. A new entry here is a decision. */
const PUBLIC = [
  "GET /api/v1/openapi.json",
  "GET /api/v1/setup",
  "GET /healthz",
  "GET /readyz",
  "DELETE /api/v1/session",
  "POST /api/v1/links/accept",
  "POST /api/v1/links/read",
  "POST /api/v1/session",
  "POST /api/v1/setup",
  // Agents bear keys of their own, which open nothing else.
  "GET /api/v1/health",
  "GET /v1/health",
  "POST /api/v1/heartbeat",
  "POST /v1/heartbeat",
  "POST /api/v1/ingest",
  "POST /v1/ingest",
];

/** What agents call, which bear keys of their own: people's open nothing there, and theirs nothing else. */
const OF_AGENTS = ["", "/api"].flatMap((at) => [
  `GET ${at}/v1/health`,
  `POST ${at}/v1/heartbeat`,
  `POST ${at}/v1/ingest`,
]);

type Operation = { security?: unknown[]; summary?: string; operationId?: string };
async function operations(): Promise<
  { name: string; path: string; method: string; operation: Operation }[]
> {
  const document = (await (await fetch(`${api.address}/api/v1/openapi.json`)).json()) as {
    openapi: string;
    paths: Record<string, Record<string, Operation>>;
  };
  expect(document.openapi).toBe("3.1.0");
  return Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      name: `${method.toUpperCase()} ${path}`,
      path,
      method: method.toUpperCase(),
      operation,
    })),
  );
}

test("every operation but the public ones answers 401 to a stranger, and before it looks at anything", async () => {
  const all = await operations();
  expect(all.length).toBeGreaterThan(40);
  for (const { name, path, method, operation } of all) {
    expect(operation.operationId, name).toBeTruthy();
    const open = PUBLIC.includes(name) || OF_AGENTS.includes(name);
    expect(operation.security?.length === 0, name).toBe(open);
    if (OF_AGENTS.includes(name)) {
      const response = await fetch(`${api.address}${path}`, { method });
      expect([name, response.status]).toEqual([name, 401]);
    }
    if (open) continue;
    const url =
      api.address +
      path.replace(/\{format\}/, "csv").replace(/\{\w+\}/g, "00000000-0000-4000-8000-000000000000");
    const response = await fetch(
      `${url}${path.endsWith("visualizations") ? "?query_id=00000000-0000-4000-8000-000000000000" : ""}`,
      { method, headers: { authorization: "Bearer qrn_wrong" } },
    );
    expect([400, 401], `${name} ${response.status}`).toContain(response.status);
    const body = (await response.json()) as { code: string };
    expect(
      ["not_signed_in", "invalid_request", "invalid_json", "unsupported_media_type"],
      name,
    ).toContain(body.code);
  }
});

test("a route that declares no permission stops the start", async () => {
  const app = Fastify();
  refuseUndeclared(app, ["/docs"]);
  app.get("/docs/page", async () => "fine");
  expect(() => app.get("/secret", async () => "x")).toThrow(/declares no permission/);
});

test("a viewer looks and runs what is granted; writing, own SQL and people are for others", async () => {
  const [admin, editor, viewer] = [
    await api.as("admin"),
    await api.as("editor"),
    await api.as("viewer"),
  ];
  const granted = await makeDatasource(api.db, admin.actor, { everyone: true });
  const hidden = await makeDatasource(api.db, admin.actor);
  const query = await editor.client.call(createQuery, {
    body: { name: "q", datasource_id: granted, sql: "select 1" },
  });

  expect((await viewer.client.call(readMe, {})).actions).not.toContain("runs.create_sql");
  expect(await viewer.client.call(readQuery, { params: { id: query.id } })).toMatchObject({
    sql: "select 1",
  });
  const run = await viewer.client.call(createRun, { body: { query_id: query.id } });
  expect(await viewer.client.call(readRun, { params: run })).toMatchObject({
    status: "queued",
    sql: "select 1",
    trigger: "api",
  });

  const refused = [
    viewer.client.call(createRun, { body: { datasource_id: granted, sql: "select 2" } }),
    viewer.client.call(createQuery, {
      body: { name: "mine", datasource_id: granted, sql: "select 2" },
    }),
    viewer.client.call(changeQuery, {
      params: { id: query.id },
      body: { version: 1, sql: "select 2" },
    }),
    viewer.client.call(createVisualization, {
      body: {
        query_id: query.id,
        name: "c",
        config: { type: "bar", x: "a", y: ["b"], series: null, stacked: false, horizontal: false },
      },
    }),
    viewer.client.call(listMembers, {}),
    editor.client.call(createDatasource, { body: { name: "d", type: "postgres", config: CONFIG } }),
    editor.client.call(testDatasourceForm, { body: { type: "postgres", config: CONFIG } }),
  ];
  for (const problem of await Promise.all(refused.map(problemOf)))
    expect(problem).toMatchObject({ status: 403, code: "not_allowed" });

  for (const { client } of [viewer, editor]) {
    const unseen = [
      client.call(readDatasource, { params: { id: hidden } }),
      client.call(readDatasourceSchema, { params: { id: hidden } }),
      client.call(createRun, { body: { datasource_id: hidden, sql: "select 1" } }),
    ];
    for (const problem of await Promise.all(unseen.map(problemOf)))
      expect(problem).toMatchObject({ status: 404, code: "not_found" });
  }
  expect(
    await problemOf(
      editor.client.call(changeQuery, {
        params: { id: query.id },
        body: { version: 1, datasource_id: hidden },
      }),
    ),
  ).toMatchObject({ status: 404 });
  expect((await viewer.client.call(listQueries, {})).items.map(({ id }) => id)).toEqual([query.id]);
  expect((await viewer.client.call(listRuns, {})).items).toHaveLength(1);
});

const CONFIG = {
  host: "db.example.test",
  port: 5432,
  database: "shop",
  user: "reader",
  sslmode: "prefer",
  read_only: true,
} as const;
