import { randomUUID } from "node:crypto";
import type { ChartConfig } from "@quern/contract/chart-config";
import {
  type DraftContent,
  deleteDraft,
  listDrafts,
  openDraft,
  orderDrafts,
  readDraft,
  writeDraft,
} from "@quern/contract/drafts";
import { createQuery, deleteQuery } from "@quern/contract/queries";
import { forkQuery } from "@quern/contract/query-forks";
import {
  changeSnippet,
  createSnippet,
  deleteSnippet,
  listSnippets,
} from "@quern/contract/snippets";
import { createVisualization, listVisualizations } from "@quern/contract/visualizations";
import { deleteOldDrafts } from "@quern/store/drafts";
import { makeDatasource } from "@quern/store/testing-fixtures";
import { sql } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import { problemOf, startTestApi, type TestApi } from "./testing.ts";

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.stop());

const written = (text: string): DraftContent => ({
  sql: text,
  datasource_id: null,
  limits: {},
  params: [],
  base_version: null,
});
const draft = (text: string, revision = 0, device = "Firefox on Linux") => ({
  query_id: null,
  content: written(text),
  revision,
  device,
});

async function someQuery() {
  const [admin, editor] = [await api.as("admin"), await api.as("editor")];
  const datasource_id = await makeDatasource(api.db, admin.actor, { everyone: true });
  const query = await editor.client.call(createQuery, {
    body: { name: "Delays", datasource_id, sql: "select 1" },
  });
  return { admin, editor, query, datasource_id };
}

test("a draft is its person's: written, read, listed and discarded by nobody else", async () => {
  const [mine, other, viewer] = [
    await api.as("editor"),
    await api.as("admin"),
    await api.as("viewer"),
  ];
  const id = randomUUID();
  const params = { id };
  const head = await mine.client.call(writeDraft, { params, body: draft("select 'é😀'") });
  expect(head).toMatchObject({ id, revision: 1, open: true, changed: true, query: null });
  expect((await mine.client.call(readDraft, { params })).content?.sql).toBe("select 'é😀'");

  expect((await other.client.call(listDrafts, {})).items).toEqual([]);
  const refused = [
    other.client.call(readDraft, { params }),
    other.client.call(openDraft, { params, body: { open: false } }),
    other.client.call(deleteDraft, { params }),
  ];
  for (const problem of await Promise.all(refused.map(problemOf)))
    expect(problem).toMatchObject({ status: 404 });
  expect(await problemOf(viewer.client.call(listDrafts, {}))).toMatchObject({ status: 403 });
  // The same id is another draft in somebody else's hands.
  await other.client.call(writeDraft, { params, body: draft("select 2") });
  expect((await mine.client.call(readDraft, { params })).content?.sql).toBe("select 'é😀'");

  await mine.client.call(deleteDraft, { params });
  expect(await problemOf(mine.client.call(readDraft, { params }))).toMatchObject({ status: 404 });
});

test("of two devices that changed a draft at once one is told, and nothing is written over", async () => {
  const { client } = await api.as("editor");
  const params = { id: randomUUID() };
  await client.call(writeDraft, { params, body: draft("one") });
  const both = await Promise.allSettled(
    ["phone", "desk"].map((device) =>
      client.call(writeDraft, { params, body: draft(`by ${device}`, 1, device) }),
    ),
  );
  expect(both.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
  const kept = await client.call(readDraft, { params });
  expect(kept).toMatchObject({ revision: 2, content: { sql: `by ${kept.device}` } });
  expect(
    await problemOf(client.call(writeDraft, { params, body: draft("late", 1) })),
  ).toMatchObject({ code: "version_conflict" });
  // A first write of a draft that the server knows already is one that did not see it.
  expect(await problemOf(client.call(writeDraft, { params, body: draft("anew") }))).toMatchObject({
    code: "version_conflict",
  });
});

test("what a page sends as it closes overtakes what it sent before, and is not written over by it", async () => {
  const { client } = await api.as("editor");
  const params = { id: randomUUID() };
  const body = (sql: string, n: number) => ({
    ...draft(sql),
    writer: { id: "page-one-of-two", n },
  });
  await client.call(writeDraft, { params, body: body("sel", 1) });
  await client.call(writeDraft, { params, body: body("select 12", 3) });
  expect(await client.call(writeDraft, { params, body: body("select 1", 2) })).toMatchObject({
    head: "select 12",
  });
  const elsewhere = { ...body("other", 9), writer: { id: "page-two-of-two", n: 9 } };
  expect(await problemOf(client.call(writeDraft, { params, body: elsewhere }))).toMatchObject({
    code: "version_conflict",
  });
});

test("two first writes of the same draft do not cross", async () => {
  const { client } = await api.as("editor");
  const params = { id: randomUUID() };
  const all = await Promise.allSettled(
    [1, 2, 3, 4].map((n) => client.call(writeDraft, { params, body: draft(`text ${n}`) })),
  );
  expect(all.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
});

test("a query has one draft of each person, and its text stays when the query is deleted", async () => {
  const { editor, query } = await someQuery();
  const params = { id: query.id };
  const body = { ...draft("select 2"), query_id: query.id };
  expect(await editor.client.call(writeDraft, { params, body })).toMatchObject({
    query: { id: query.id, name: "Delays" },
  });
  expect(
    await problemOf(editor.client.call(writeDraft, { params: { id: randomUUID() }, body })),
  ).toMatchObject({ code: "version_conflict" });
  await editor.client.call(deleteQuery, { params });
  expect(await editor.client.call(readDraft, { params })).toMatchObject({
    query: null,
    content: { sql: "select 2" },
  });
  expect(
    await problemOf(editor.client.call(writeDraft, { params, body: { ...body, revision: 1 } })),
  ).toMatchObject({ status: 404 });
  const loose = { ...body, query_id: null, revision: 1 };
  expect(await editor.client.call(writeDraft, { params, body: loose })).toMatchObject({
    revision: 2,
  });
});

test("a draft of a query that one may not see is refused", async () => {
  const { admin } = await someQuery();
  const stranger = await api.as("editor");
  const hidden = await makeDatasource(api.db, admin.actor);
  const query = await admin.client.call(createQuery, {
    body: { name: "secret", datasource_id: hidden, sql: "select 1" },
  });
  const body = { ...draft("x"), query_id: query.id };
  expect(
    await problemOf(stranger.client.call(writeDraft, { params: { id: query.id }, body })),
  ).toMatchObject({ status: 404 });
  expect(
    await problemOf(stranger.client.call(forkQuery, { params: { id: query.id }, body: {} })),
  ).toMatchObject({ status: 404 });
});

test("tabs keep their order; one that was opened elsewhere meanwhile stays, behind", async () => {
  const { client } = await api.as("editor");
  const ids = ["a", "b", "c", "d"].map((letter) => letter.repeat(8));
  for (const id of ids) await client.call(writeDraft, { params: { id }, body: draft(id) });
  const open = async () =>
    (await client.call(listDrafts, {})).items
      .filter((each) => each.open)
      .map(({ id }) => id[0])
      .join("");
  await client.call(orderDrafts, { body: { ids: [ids[2]!, ids[0]!, ids[1]!, randomUUID()] } });
  expect(await open()).toBe("cabd");
  await client.call(openDraft, { params: { id: ids[2]! }, body: { open: false } });
  expect(await open()).toBe("abd");
  await client.call(openDraft, { params: { id: ids[2]! }, body: { open: true } });
  expect(await open()).toBe("abdc");
});

test("drafts that were closed 90 days ago are swept, open and younger ones are not", async () => {
  const { client, actor } = await api.as("editor");
  const ids = ["old-closed", "new-closed", "old-open"];
  for (const id of ids) await client.call(writeDraft, { params: { id }, body: draft(id) });
  for (const id of ids.slice(0, 2))
    await client.call(openDraft, { params: { id }, body: { open: false } });
  await sql`update drafts set updated_at = now() - interval '200 days' where user_id = ${actor.user_id}`.execute(
    api.db,
  );
  await sql`update drafts set closed_at = now() - interval '91 days' where user_id = ${actor.user_id} and id = 'old-closed'`.execute(
    api.db,
  );
  expect(await deleteOldDrafts(api.db)).toBe(1);
  const left = (await client.call(listDrafts, {})).items.map(({ id }) => id);
  expect(left.sort()).toEqual(["new-closed", "old-open"]);
});

test("too much is refused in words: characters, bytes, drafts", async () => {
  const { client, actor } = await api.as("editor");
  const params = { id: randomUUID() };
  const full = draft("x".repeat(262_144));
  expect(await client.call(writeDraft, { params, body: full })).toMatchObject({ revision: 1 });
  expect(
    await problemOf(client.call(writeDraft, { params, body: draft("x".repeat(262_145), 1) })),
  ).toMatchObject({ code: "invalid_request" });
  expect(
    await problemOf(client.call(writeDraft, { params, body: draft("\u0001".repeat(250_000), 1) })),
  ).toMatchObject({ status: 413, detail: expect.stringContaining("1 MiB") });
  await sql`
    insert into drafts (user_id, org_id, id, position)
    select ${actor.user_id}, ${actor.org_id}, 'many-' || lpad(n::text, 5, '0'), n from generate_series(1, 499) as n`.execute(
    api.db,
  );
  expect(
    await problemOf(client.call(writeDraft, { params: { id: randomUUID() }, body: draft("y") })),
  ).toMatchObject({ code: "conflict", detail: expect.stringContaining("500 drafts") });
});

test("snippets are everybody's who writes SQL; a word belongs to one of them", async () => {
  const [editor, other, viewer] = [
    await api.as("editor"),
    await api.as("editor"),
    await api.as("viewer"),
  ];
  // biome-ignore lint/suspicious/noTemplateCurlyInString: places to fill in
  const body = { name: "Last rows", trigger: "lastrows", sql: "select * from ${1:table} limit $0" };
  const made = await editor.client.call(createSnippet, { body });
  expect((await other.client.call(listSnippets, {})).items).toEqual([made]);
  expect(
    await problemOf(other.client.call(createSnippet, { body: { ...body, trigger: "LASTROWS" } })),
  ).toMatchObject({ code: "name_taken" });
  const params = { id: made.id };
  const changed = await other.client.call(changeSnippet, { params, body: { description: "d" } });
  expect(changed).toMatchObject({ ...body, description: "d", updated_by: { name: "A editor" } });
  expect(
    await problemOf(other.client.call(createSnippet, { body: { ...body, trigger: "a b" } })),
  ).toMatchObject({ code: "invalid_request" });
  const refused = [
    viewer.client.call(listSnippets, {}),
    viewer.client.call(createSnippet, { body }),
    viewer.client.call(deleteSnippet, { params }),
  ];
  for (const problem of await Promise.all(refused.map(problemOf)))
    expect(problem).toMatchObject({ code: "not_allowed" });
  await other.client.call(deleteSnippet, { params });
  expect(await problemOf(editor.client.call(deleteSnippet, { params }))).toMatchObject({
    status: 404,
  });
});

test("a fork is a query of one's own with the charts of the first, which stays as it is", async () => {
  const { editor, query } = await someQuery();
  const other = await api.as("editor");
  const config: ChartConfig = {
    type: "bar",
    x: "a",
    y: ["b"],
    series: null,
    stacked: false,
    horizontal: false,
  };
  await editor.client.call(createVisualization, {
    body: { query_id: query.id, name: "Bars", config },
  });
  const fork = await other.client.call(forkQuery, { params: { id: query.id }, body: {} });
  expect(fork).toMatchObject({
    name: "Copy of Delays",
    sql: "select 1",
    version: 1,
    created_by: { id: other.actor.user_id },
  });
  expect(fork.id).not.toBe(query.id);
  const charts = (await other.client.call(listVisualizations, { query: { query_id: fork.id } }))
    .items;
  expect(charts).toMatchObject([{ name: "Bars", query_id: fork.id }]);
  const viewer = await api.as("viewer");
  expect(
    await problemOf(viewer.client.call(forkQuery, { params: { id: query.id }, body: {} })),
  ).toMatchObject({ code: "not_allowed" });
});
