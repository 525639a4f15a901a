import { runParameterOptions } from "@quern/contract/parameter-options";
import type { Parameter } from "@quern/contract/parameters";
import { changeQuery, createQuery, deleteQuery, readQuery } from "@quern/contract/queries";
import { createRun, type RunInput, readRun } from "@quern/contract/runs";
import { makeDatasource } from "@quern/store/testing-fixtures";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { problemOf, startTestApi, type TestApi } from "./testing.ts";

let api: TestApi;
let editor: Awaited<ReturnType<TestApi["as"]>>;
let viewer: Awaited<ReturnType<TestApi["as"]>>;
let datasource: string;
beforeAll(async () => {
  api = await startTestApi();
  [editor, viewer] = await Promise.all([api.as("editor"), api.as("viewer")]);
  datasource = await makeDatasource(api.db, (await api.as("admin")).actor, { everyone: true });
});
afterAll(() => api.stop());

function save(sql: string, params: Parameter[] = [], name = "q") {
  const body = { name, datasource_id: datasource, sql, params };
  return editor.client.call(createQuery, { body });
}

async function run(body: RunInput, person = editor) {
  const { id } = await person.client.call(createRun, { body });
  return person.client.call(readRun, { params: { id }, query: {} });
}

const refused = async (body: RunInput) => (await problemOf(run(body))).errors;

const AIRPORT: Parameter = { name: "airport", type: "text" };

describe("saving", () => {
  test("definitions are kept as they are, also those that the text does not use", async () => {
    const params: Parameter[] = [
      { ...AIRPORT, label: "From", pattern: "[A-Z]{3}", default: "JFK" },
      {
        name: "days",
        type: "date_range",
        default: { relative: "last", count: 7, unit: "day" },
        time_zone: "Europe/Berlin",
      },
    ];
    const { id } = await save("select {{airport}}", params);
    expect(await viewer.client.call(readQuery, { params: { id } })).toMatchObject({ params });
  });

  test("what does not fit is refused with its path, and a change of one half is held against the other", async () => {
    expect(
      (await problemOf(save("select {{airport}}, {{ gone }}", [AIRPORT]))).errors,
    ).toMatchObject([
      { path: "body.sql", message: expect.stringContaining("{{ gone }} is not declared") },
    ]);
    expect((await problemOf(save("select {{airport", []))).errors).toMatchObject([
      { path: "body.sql" },
    ]);
    expect(
      (await problemOf(save("select {{n}}", [{ name: "n", type: "int8", default: "x" }]))).errors,
    ).toMatchObject([{ path: "body.params.0.default" }]);
    const { id, version } = await save("select {{airport}}", [AIRPORT]);
    const change = (body: object) =>
      editor.client.call(changeQuery, { params: { id }, body: { version, ...body } });
    expect(await problemOf(change({ params: [] }))).toMatchObject({
      status: 400,
      code: "invalid_request",
    });
    expect(await problemOf(change({ sql: "select {{ other }}" }))).toMatchObject({ status: 400 });
    expect(await change({ name: "renamed" })).toMatchObject({ params: [AIRPORT] });
  });
});

describe("running", () => {
  test("a viewer runs a saved query with values; what was given, bound and sent is kept", async () => {
    const query = await save("select {{airport}} [[where n > {{n}}]] -- {{airport}}", [
      AIRPORT,
      { name: "n", type: "int8" },
    ]);
    const done = await run({ query_id: query.id, params: { airport: "O'Hare; --" } }, viewer);
    expect(done).toMatchObject({
      sql: query.sql,
      sent_sql: "select $1   -- {{airport}}",
      params: [
        {
          name: "airport",
          type: "text",
          given: "O'Hare; --",
          bound: [{ name: "airport", sql_type: "text", value: "O'Hare; --" }],
        },
      ],
    });
    expect(await run({ query_id: query.id, params: { airport: "x", n: null } })).toMatchObject({
      sent_sql: "select $1  where n > $2  -- {{airport}}",
      params: [{ name: "airport" }, { name: "n", given: null, bound: [{ value: null }] }],
    });
    expect(await run({ datasource_id: datasource, sql: "select 1" })).toMatchObject({
      sent_sql: null,
      params: [],
    });
  });

  test("SQL brings its own definitions; a saved query does not take others", async () => {
    const sql = "select {{n}}";
    const parameters: Parameter[] = [{ name: "n", type: "numeric" }];
    expect(
      await run({ datasource_id: datasource, sql, parameters, params: { n: "1e2" } }),
    ).toMatchObject({
      params: [{ bound: [{ sql_type: "numeric", value: "100" }] }],
    });
    expect(await refused({ datasource_id: datasource, sql })).toMatchObject([{ path: "body.sql" }]);
    expect(
      await refused({
        datasource_id: datasource,
        sql,
        parameters: [{ name: "n", type: "text", multiple: true }],
      }),
    ).toMatchObject([{ path: "body.parameters.0.multiple" }]);
    const query = await save("select {{airport}}", [AIRPORT]);
    expect(
      await refused({ query_id: query.id, parameters, params: { airport: "x" } }),
    ).toMatchObject([{ path: "body.parameters" }]);
  });

  test("every value that does not fit is named", async () => {
    const query = await save("select {{airport}}, {{n}}", [AIRPORT, { name: "n", type: "int8" }]);
    expect(await refused({ query_id: query.id, params: { n: "1_000", qux: 1 } })).toEqual([
      {
        path: "body.params.qux",
        message: "There is no parameter called “qux”: this has airport, n.",
      },
      { path: "body.params.airport", message: "“airport” needs a value." },
      { path: "body.params.n", message: "“n” must be a whole number, such as 42 or -7." },
    ]);
    expect(await refused({ query_id: query.id, params: { airport: "a\u0000" } })).toMatchObject([
      { path: expect.stringContaining("body.params") },
    ]);
  });

  test("a relative range is resolved once, when the run is made", async () => {
    const query = await save("select {{d.start}}, {{d.end}}", [{ name: "d", type: "date_range" }]);
    const range = { relative: "last", count: 7, unit: "day" } as const;
    const { params } = await run({ query_id: query.id, params: { d: range } });
    const [start, end] = params[0]!.bound.map(({ value }) => Date.parse(String(value)));
    expect(params[0]).toMatchObject({
      given: range,
      bound: [{ name: "d.start", sql_type: "date" }, { name: "d.end" }],
    });
    expect(end! - start!).toBe(7 * 86_400_000);
  });

  test("a repeat with the same key and other values is another request", async () => {
    const query = await save("select {{airport}}", [AIRPORT]);
    const create = (airport: string) =>
      editor.client.call(createRun, {
        body: { query_id: query.id, params: { airport } },
        idempotencyKey: query.id,
      });
    const first = await create("JFK");
    expect((await create("JFK")).id).toBe(first.id);
    expect(await problemOf(create("LAX"))).toMatchObject({ code: "idempotency_mismatch" });
  });
});

describe("dropdowns out of a query", () => {
  const dropdown = (query_id: string, depends_on: string[] = [], name = "city"): Parameter => ({
    name,
    type: "enum",
    options_query: { query_id, depends_on },
  });
  const options = (
    id: string,
    body: { params?: Record<string, string>; search?: string; max_age_s?: number },
    name = "city",
  ) => viewer.client.call(runParameterOptions, { params: { id, name }, body });

  test("the options are a run of that query, with the parents' values and what was typed", async () => {
    const cities = await save(
      "select city from c where state = {{state}} [[and city ilike {{search}} || '%']]",
      [
        { name: "state", type: "text" },
        { name: "search", type: "text" },
      ],
    );
    const query = await save("select {{state}}, {{city}}", [
      { name: "state", type: "text" },
      dropdown(cities.id, ["state"]),
    ]);
    const read = async (body: { params?: Record<string, string>; search?: string }) => {
      const { id } = await options(query.id, { ...body, max_age_s: 0 });
      return viewer.client.call(readRun, { params: { id }, query: {} });
    };
    expect(await read({ params: { state: "TX" }, search: "Hou" })).toMatchObject({
      query: { id: cities.id },
      created_by: { id: viewer.actor.user_id },
      params: [
        { name: "state", given: "TX" },
        { name: "search", given: "Hou" },
      ],
    });
    expect((await read({ params: { state: "TX" } })).params).toHaveLength(1);
    expect((await problemOf(read({}))).errors).toMatchObject([{ path: "body.params.state" }]);
    expect((await problemOf(read({ params: { city: "x" } }))).errors).toMatchObject([
      { path: "body.params.city" },
    ]);
    // A value is bound, not looked up in the list.
    expect(
      await run({ query_id: query.id, params: { state: "TX", city: "Atlantis" } }),
    ).toMatchObject({
      params: [{}, { bound: [{ value: "Atlantis" }] }],
    });
    const one = await options(query.id, { params: { state: "NY" } });
    expect(await options(query.id, { params: { state: "NY" } })).toMatchObject({
      id: one.id,
      reused: true,
    });
  });

  test("a query that is gone says so", async () => {
    const cities = await save("select 'x'");
    const query = await save("select {{city}}", [dropdown(cities.id)]);
    await editor.client.call(deleteQuery, { params: { id: cities.id } });
    const problem = await problemOf(options(query.id, {}));
    expect(problem).toMatchObject({
      status: 404,
      detail: expect.stringContaining("behind the dropdown “city” is deleted"),
    });
    expect(await problemOf(options(query.id, {}, "nope"))).toMatchObject({ status: 404 });
    expect((await problemOf(save("select {{city}}", [dropdown(cities.id)]))).errors).toMatchObject([
      { path: "body.params.0.options_query.query_id" },
    ]);
  });

  test("whoever may not run the options query gets none", async () => {
    const admin = await api.as("admin");
    const closed = await makeDatasource(api.db, admin.actor);
    const body = { name: "secret", datasource_id: closed, sql: "select 1" };
    const secret = await admin.client.call(createQuery, { body });
    const open = {
      name: "open",
      datasource_id: datasource,
      sql: "select {{city}}",
      params: [dropdown(secret.id)],
    };
    const query = await admin.client.call(createQuery, { body: open });
    expect(await problemOf(options(query.id, {}))).toMatchObject({
      status: 404,
      code: "not_found",
    });
  });

  test("circles and dependencies that lead nowhere are refused", async () => {
    const first = await save("select 1");
    const second = await save("select {{city}}", [dropdown(first.id)]);
    const change = (params: Parameter[]) =>
      editor.client.call(changeQuery, {
        params: { id: first.id },
        body: { version: 1, sql: "select {{city}}", params },
      });
    for (const query_id of [second.id, first.id]) {
      expect((await problemOf(change([dropdown(query_id)]))).errors).toMatchObject([
        {
          path: "body.params.0.options_query.query_id",
          message: expect.stringContaining("takes its own options from this query"),
        },
      ]);
    }
    const needy = await save("select {{state}}", [{ name: "state", type: "text" }]);
    expect((await problemOf(save("select {{city}}", [dropdown(needy.id)]))).errors).toMatchObject([
      { message: expect.stringContaining("needs a value for “state”") },
    ]);
    const free = await save("select 1");
    const both: Parameter[] = [{ name: "state", type: "text" }, dropdown(free.id, ["state"])];
    expect((await problemOf(save("select {{city}}, {{state}}", both))).errors).toMatchObject([
      { path: "body.params.1.options_query.depends_on" },
    ]);
  });
});
