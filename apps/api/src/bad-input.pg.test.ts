import { makeDatasource } from "@quern/store/testing-fixtures";
import { createToken } from "@quern/store/tokens";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startTestApi, type TestApi } from "./testing.ts";

let api: TestApi;
let token: string;
let datasource: string;
beforeAll(async () => {
  api = await startTestApi();
  const { actor } = await api.as("admin");
  token = (await createToken(api.db, actor, "test", 1)).token;
  datasource = await makeDatasource(api.db, actor, { everyone: true });
});
afterAll(() => api.stop());

async function send(
  method: string,
  path: string,
  body?: string,
  headers: Record<string, string> = {},
) {
  const response = await fetch(api.address + path, {
    method,
    headers: {
      authorization: `Bearer ${token}`,
      ...(body === undefined ? {} : { "content-type": "application/json" }),
      ...headers,
    },
    ...(body === undefined ? {} : { body }),
  });
  const problem = (await response.json()) as {
    code: string;
    detail: string;
    errors?: { path: string }[];
    request_id: string;
  };
  return { status: response.status, media: response.headers.get("content-type"), ...problem };
}

test.each([
  ["a NUL in the SQL", { datasource_id: "", sql: "select '\u0000'" }],
  ["half a surrogate pair", { datasource_id: "", sql: "select '\ud800'" }],
  ["an unknown field", { datasource_id: "", sql: "select 1", limit: 5 }],
  ["a number as SQL", { datasource_id: "", sql: 1 }],
  ["an object as SQL", { datasource_id: "", sql: { select: 1 } }],
  ["null as SQL", { datasource_id: "", sql: null }],
  [
    "a limit beyond the maximum",
    { datasource_id: "", sql: "select 1", limits: { max_rows: 2 ** 53 } },
  ],
  ["a fractional limit", { datasource_id: "", sql: "select 1", limits: { timeout_ms: 1.5 } }],
  ["a limit as text", { datasource_id: "", sql: "select 1", limits: { timeout_ms: "1" } }],
  [
    "both a query and SQL",
    { datasource_id: "", sql: "select 1", query_id: "00000000-0000-4000-8000-000000000000" },
  ],
  ["neither", {}],
  ["an array", []],
  ["a wildcard as id", { datasource_id: "*", sql: "select 1" }],
])("%s is a 400 that names the field", async (_name, body) => {
  const filled =
    Array.isArray(body) || !("datasource_id" in body) || body.datasource_id !== ""
      ? body
      : { ...body, datasource_id: datasource };
  const answer = await send("POST", "/api/v1/runs", JSON.stringify(filled));
  expect(answer).toMatchObject({
    status: 400,
    code: "invalid_request",
    media: expect.stringContaining("application/problem+json"),
  });
  expect(answer.errors?.length).toBeGreaterThan(0);
  expect(answer.request_id).toMatch(/^[0-9a-f-]{36}$/);
});

test("bodies that are no JSON, too large, of another type or hostile are refused", async () => {
  expect(await send("POST", "/api/v1/runs", "{")).toMatchObject({
    status: 400,
    code: "invalid_json",
  });
  expect(await send("POST", "/api/v1/runs", "")).toMatchObject({ status: 400 });
  expect(await send("POST", "/api/v1/runs", `{"sql":"${"x".repeat(1_100_000)}"}`)).toMatchObject({
    status: 413,
    code: "payload_too_large",
  });
  for (const type of [
    "text/plain",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "application/json\t;x",
  ]) {
    const { status } = await send("POST", "/api/v1/runs", "{}", { "content-type": type });
    expect([400, 415]).toContain(status);
  }
  expect(
    await send("POST", "/api/v1/tokens", '{"name":"x","__proto__":{"admin":true}}'),
  ).toMatchObject({ status: 400 });
  expect(
    await send("POST", "/api/v1/tokens", `{"name":${"[".repeat(100_000)}${"]".repeat(100_000)}}`),
  ).toMatchObject({ status: 400 });
});

test("query strings are as strict as bodies", async () => {
  for (const query of [
    "limit=0",
    "limit=1e2",
    "limit=abc",
    "status=done",
    "unknown=1",
    "datasource_id=*",
    "limit=1&limit=2",
  ]) {
    expect(await send("GET", `/api/v1/runs?${query}`), query).toMatchObject({
      status: 400,
      code: "invalid_request",
    });
  }
  expect(await send("GET", "/api/v1/runs?cursor=garbage")).toMatchObject({ status: 200 });
  expect(await send("GET", "/api/v1/runs/not-an-id")).toMatchObject({ status: 400 });
});

test("paths that are not ours are 404 as problems", async () => {
  for (const path of [
    "/api/v1/nothing",
    "/api",
    "/api/v2/runs",
    "/assets/x.js",
    "/api/v1/%2e%2e/runs",
    "/api/v1/runs;x",
  ]) {
    expect(await send("GET", path), path).toMatchObject({ status: 404, code: "not_found" });
  }
});
