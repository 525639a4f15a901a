import {
  addFavorite,
  changeFolder,
  createFolder,
  deleteFolder,
  listFavorites,
  listFolders,
  listRecent,
  noteRecent,
  placeInLibrary,
  readPulse,
  readTour,
  removeFavorite,
  search,
  writeTour,
} from "@quern/contract/library";
import { changeQuery, createQuery, listQueries, readQuery } from "@quern/contract/queries";
import { makeDatasource } from "@quern/store/testing-fixtures";
import { sql } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import { problemOf, startTestApi, type TestApi } from "./testing.ts";

let api: TestApi;
let admin: Awaited<ReturnType<TestApi["as"]>>;
let editor: Awaited<ReturnType<TestApi["as"]>>;
let viewer: Awaited<ReturnType<TestApi["as"]>>;
let datasource: string;

beforeAll(async () => {
  api = await startTestApi();
  admin = await api.as("admin");
  editor = await api.as("editor");
  viewer = await api.as("viewer");
  datasource = await makeDatasource(api.db, admin.actor, { everyone: true });
});
afterAll(() => api.stop());

const save = (name: string, on = datasource) =>
  admin.client.call(createQuery, { body: { name, datasource_id: on, sql: `select '${name}'` } });
const audited = async (action: string, id: string) =>
  (
    await sql<{ details: unknown }>`
      select details from audit_log where action = ${action} and resource_id = ${id}`.execute(
      api.db,
    )
  ).rows;

test("editors arrange, viewers look, and each change is audited", async () => {
  const { client } = editor;
  const folder = await client.call(createFolder, { body: { name: "  Ops  " } });
  expect(folder).toMatchObject({ name: "Ops", parent_id: null, queries: 0 });
  const query = await save("arranged");
  const { items } = await client.call(placeInLibrary, {
    body: { items: [{ type: "query", id: query.id }], folder_id: folder.id, add_tags: ["live"] },
  });
  expect(items).toMatchObject([
    { folder_id: folder.id, tags: ["live"], before: { folder_id: null } },
  ]);
  expect(await viewer.client.call(readQuery, { params: query })).toMatchObject({
    folder_id: folder.id,
    tags: ["live"],
    favorite: false,
    dashboards: 0,
    version: 1,
  });
  await client.call(changeFolder, { params: folder, body: { name: "Operations" } });
  expect((await viewer.client.call(listFolders, {})).items).toMatchObject([
    { name: "Operations", queries: 1 },
  ]);
  const refused = [
    viewer.client.call(createFolder, { body: { name: "x" } }),
    viewer.client.call(changeFolder, { params: folder, body: { name: "x" } }),
    viewer.client.call(deleteFolder, { params: folder }),
    viewer.client.call(placeInLibrary, { body: { items: [{ type: "query", id: query.id }] } }),
  ];
  for (const problem of await Promise.all(refused.map(problemOf)))
    expect(problem).toMatchObject({ status: 403, code: "not_allowed" });
  await client.call(deleteFolder, { params: folder });
  expect(await problemOf(client.call(deleteFolder, { params: folder }))).toMatchObject({
    status: 404,
  });
  expect((await client.call(readQuery, { params: query })).folder_id).toBeNull();
  expect(await audited("query.placed", query.id)).toMatchObject([{ details: { tags: ["live"] } }]);
  for (const action of ["folder.created", "folder.changed", "folder.deleted"])
    expect(await audited(action, folder.id), action).toHaveLength(1);
});

test("a move into a folder that is gone changes nothing and says so; what is unseen is left out", async () => {
  const folder = await editor.client.call(createFolder, { body: { name: "soon gone" } });
  const [shown, hidden] = [
    await save("shown"),
    await save("hidden", await makeDatasource(api.db, admin.actor)),
  ];
  const items = [shown, hidden].map(({ id }) => ({ type: "query" as const, id }));
  const { items: placed } = await editor.client.call(placeInLibrary, {
    body: { items, folder_id: folder.id },
  });
  expect(placed.map(({ id }) => id)).toEqual([shown.id]);
  await editor.client.call(deleteFolder, { params: folder });
  const moving = editor.client.call(placeInLibrary, {
    body: { items, folder_id: folder.id, add_tags: ["lost"] },
  });
  expect(await problemOf(moving)).toMatchObject({ status: 409, code: "conflict" });
  expect((await editor.client.call(readQuery, { params: shown })).tags).toEqual([]);
  const tooMany = { items: Array.from({ length: 501 }, () => items[0]!) };
  expect(await problemOf(editor.client.call(placeInLibrary, { body: tooMany }))).toMatchObject({
    code: "invalid_request",
  });
  for (const tag of ["", " x", "x".repeat(51)])
    expect(
      await problemOf(editor.client.call(placeInLibrary, { body: { items, add_tags: [tag] } })),
    ).toMatchObject({ status: 400 });
});

test("stars and recent things are one's own; nothing is told of what one may not see", async () => {
  const query = await save("starred");
  const item = { type: "query" as const, id: query.id };
  await viewer.client.call(addFavorite, { params: item });
  expect((await viewer.client.call(listFavorites, {})).items).toMatchObject([{ name: "starred" }]);
  expect((await editor.client.call(listFavorites, {})).items).toEqual([]);
  expect(
    (await viewer.client.call(listQueries, { query: { favorite: "true" } })).items,
  ).toMatchObject([{ id: query.id, favorite: true }]);
  await viewer.client.call(noteRecent, { params: item });
  expect((await viewer.client.call(listRecent, {})).items).toMatchObject([{ id: query.id }]);
  // Whoever changes something has it among their recent things.
  await editor.client.call(changeQuery, { params: query, body: { version: 1, sql: "select 2" } });
  expect((await editor.client.call(listRecent, { query: { limit: 1 } })).items).toMatchObject([
    { id: query.id },
  ]);
  await viewer.client.call(removeFavorite, { params: item });
  expect((await viewer.client.call(listFavorites, {})).items).toEqual([]);

  const hidden = await save("never seen", await makeDatasource(api.db, admin.actor));
  const unseen = { type: "query" as const, id: hidden.id };
  for (const call of [addFavorite, noteRecent])
    expect(await problemOf(viewer.client.call(call, { params: unseen }))).toMatchObject({
      status: 404,
    });
  expect((await viewer.client.call(search, { query: { q: "never seen" } })).items).toEqual([]);
  expect((await admin.client.call(search, { query: { q: "never seen" } })).items).toMatchObject([
    { type: "query", id: hidden.id, hit: { field: "name" } },
  ]);
  expect(
    await problemOf(viewer.client.call(search, { query: { q: "x".repeat(201) } })),
  ).toMatchObject({ code: "invalid_request" });
});

test("the tour is remembered for each person, and the pulse counts what waits", async () => {
  expect(await viewer.client.call(readTour, {})).toEqual({ step: 0, begun: false, ended: false });
  expect(await viewer.client.call(writeTour, { body: { step: 2, ended: false } })).toEqual({
    step: 2,
    begun: true,
    ended: false,
  });
  await viewer.client.call(writeTour, { body: { step: 2, ended: true } });
  expect((await viewer.client.call(readTour, {})).ended).toBe(true);
  expect((await editor.client.call(readTour, {})).begun).toBe(false);
  expect(await viewer.client.call(readPulse, {})).toEqual({
    queued: 0,
    running: 0,
    runners: 0,
    slots: 0,
  });
});
