import { linkDatabase } from "@quern/contract/health/databases";
import { readRunCosts } from "@quern/contract/health/statements";
import { createQuery } from "@quern/contract/queries";
import { createRun } from "@quern/contract/runs";
import { makeHistory } from "@quern/health/testing-history";
import { makeDatasource } from "@quern/store/testing-fixtures";
import { sql } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import { problemOf, startTestApi, type TestApi } from "./testing.ts";

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.stop());

test("a query says what the statements of its runs cost the database that its datasource is", async () => {
  const admin = await api.as("admin");
  const { client, actor } = admin;
  const options = { databases: 1, days: 1, raw_hours: 2, statements: 20 };
  const history = await makeHistory(api.db, actor.org_id, options);
  const database_id = history.database_ids[0]!;
  const datasource_id = await makeDatasource(api.db, actor, { everyone: true });
  const hidden = await makeDatasource(api.db, actor);
  const query = await client.call(createQuery, {
    body: { name: "orders", datasource_id, sql: "select 1" },
  });
  const of_query = await client.call(createRun, { body: { query_id: query.id } });
  const loose = await client.call(createRun, { body: { datasource_id, sql: "select 2" } });

  const asked = { query: { query_id: query.id } };
  expect((await client.call(readRunCosts, asked)).items).toEqual([]);
  await client.call(linkDatabase, { params: { id: database_id }, body: { datasource_id } });
  const [none] = (await client.call(readRunCosts, asked)).items;
  expect(none).toMatchObject({
    ...{ database: { id: database_id, name: "shop" }, share: 0, calls: 0, mean_time_ms: null },
    statements: [],
  });

  const { rows } = await sql<{ id: string }>`
    select id::text from health_statements where database_id = ${database_id} order by id limit 3`.execute(
    api.db,
  );
  const comes = (place: number, run: { id: string }) =>
    sql`update health_statements set run_id = ${run.id} where id = ${rows[place]!.id}`.execute(
      api.db,
    );
  await comes(0, of_query);
  await comes(1, of_query);
  await comes(2, loose);

  const [cost] = (await client.call(readRunCosts, asked)).items;
  expect(cost!.statements.map(({ id }) => id).sort()).toEqual([rows[0]!.id, rows[1]!.id].sort());
  expect(cost!.share).toBeGreaterThan(0);
  expect(cost!.share).toBeCloseTo(
    cost!.statements.reduce((sum, { share }) => sum + share, 0),
    9,
  );
  expect(cost!.mean_time_ms).toBeCloseTo(cost!.total_time_ms / cost!.calls, 6);
  const [all] = (await client.call(readRunCosts, { query: { datasource_id } })).items;
  expect(all!.statements).toHaveLength(3);
  expect(all!.share!).toBeGreaterThan(cost!.share!);

  const [editor, viewer] = [await api.as("editor"), await api.as("viewer")];
  expect((await editor.client.call(readRunCosts, asked)).items).toHaveLength(1);
  const stranger = editor.client.call(readRunCosts, { query: { datasource_id: hidden } });
  expect(await problemOf(stranger)).toMatchObject({ status: 404, code: "not_found" });
  expect(await problemOf(viewer.client.call(readRunCosts, asked))).toMatchObject({ status: 403 });
  for (const both of [{}, { query_id: query.id, datasource_id }])
    expect(await problemOf(client.call(readRunCosts, { query: both }))).toMatchObject({
      ...{ status: 400, code: "invalid_request" },
    });
});
