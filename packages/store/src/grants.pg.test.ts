import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Actor } from "./actor.ts";
import { deleteDatasource, listDatasources } from "./datasources.ts";
import { type Database, openDatabase } from "./db.ts";
import { isVisible, setGrants } from "./grants.ts";
import { changeGroup, createGroup, deleteGroup, listGroups } from "./groups.ts";
import {
  changeQuery,
  createQuery,
  deleteQuery,
  listQueryVersions,
  readQuery,
  restoreQuery,
} from "./queries.ts";
import { listQueries } from "./query-list.ts";
import { listRuns, readRun } from "./run-history.ts";
import { freshDatabase, type TestDatabase } from "./testing.ts";
import { makeActor, makeDatasource, makeRun } from "./testing-fixtures.ts";

let database: TestDatabase;
let db: Database;
let admin: Actor;
let editor: Actor;
let viewer: Actor;

beforeAll(async () => {
  database = await freshDatabase();
  db = openDatabase(database.url);
  [admin, editor, viewer] = await Promise.all([
    makeActor(db, "admin"),
    makeActor(db, "editor"),
    makeActor(db, "viewer"),
  ]);
});
afterAll(async () => {
  await db.destroy();
  await database.drop();
});

const content = (datasource_id: string) => ({
  name: "q",
  description: "",
  datasource_id,
  sql: "select 1",
  params: [],
  limits: {},
  result_ttl_s: null,
});

test("a person sees a datasource exactly when they are in a group that holds its grant, and admins see all", async () => {
  const datasource = await makeDatasource(db, admin);
  const groups = await Promise.all(
    [1, 2, 3].map((n) => createGroup(db, admin.org_id, { name: `group ${n}`, member_ids: [] })),
  );
  const memberIn = fc.subarray(groups);
  await fc.assert(
    fc.asyncProperty(memberIn, memberIn, async (member, grantedTo) => {
      for (const id of groups) {
        await changeGroup(db, admin.org_id, id, {
          member_ids: member.includes(id) ? [viewer.user_id] : [],
        });
      }
      await setGrants(db, admin, { type: "datasource", id: datasource }, grantedTo);
      const expected = member.some((id) => grantedTo.includes(id));
      const resource = { type: "datasource", id: datasource } as const;
      expect(await isVisible(db, viewer, resource)).toBe(expected);
      expect((await listDatasources(db, viewer)).some(({ id }) => id === datasource)).toBe(
        expected,
      );
      expect(await isVisible(db, admin, resource)).toBe(true);
      expect(await isVisible(db, editor, resource)).toBe(false);
    }),
    { numRuns: 40 },
  );
  const everyone = (await listGroups(db, admin.org_id)).find(
    ({ system }) => system === "everyone",
  )!;
  await setGrants(db, admin, { type: "datasource", id: datasource }, [everyone.id]);
  expect(await isVisible(db, viewer, { type: "datasource", id: datasource })).toBe(true);
  await expect(deleteGroup(db, admin.org_id, everyone.id)).rejects.toMatchObject({
    code: "conflict",
  });
});

test("queries and runs follow the grant of their datasource", async () => {
  const closed = await makeDatasource(db, admin);
  const open = await makeDatasource(db, admin, { everyone: true });
  const hidden = await createQuery(db, admin, content(closed));
  const shown = await createQuery(db, admin, content(open));
  expect((await listQueries(db, viewer, { limit: 50 })).items.map(({ id }) => id)).toEqual([shown]);
  expect(await readQuery(db, viewer, hidden)).toBeUndefined();
  expect(await isVisible(db, editor, { type: "query", id: hidden })).toBe(false);

  const adHoc = await makeRun(db, admin, open);
  const saved = await makeRun(db, admin, open, { query: { id: shown, version: 1 } });
  const secret = await makeRun(db, admin, closed);
  const ids = async (actor: Actor) =>
    (await listRuns(db, actor, { limit: 50 })).items.map(({ id }) => id);
  expect(await ids(viewer)).toEqual([saved]);
  expect(await ids(editor)).toEqual([saved, adHoc]);
  expect(await ids(admin)).toEqual([secret, saved, adHoc]);
  expect(await readRun(db, viewer, adHoc)).toBeUndefined();
});

test("a deleted query comes back, but not without its datasource", async () => {
  const datasource = await makeDatasource(db, admin, { everyone: true });
  const id = await createQuery(db, editor, content(datasource));
  expect(await deleteQuery(db, editor, id)).toBe(true);
  expect(await readQuery(db, editor, id)).toBeUndefined();
  expect(await restoreQuery(db, editor, id)).toBe(true);
  expect(await readQuery(db, editor, id)).toMatchObject({ id, version: 1 });
  await deleteDatasource(db, datasource);
  expect(await readQuery(db, admin, id)).toBeUndefined();
  expect(await restoreQuery(db, admin, id)).toBe(false);
});

test("every save is a version, and one made on an older version is refused", async () => {
  const datasource = await makeDatasource(db, admin, { everyone: true });
  const id = await createQuery(db, editor, content(datasource));
  await changeQuery(db, editor, id, 1, { sql: "select 2" });
  await expect(changeQuery(db, admin, id, 1, { sql: "select 3" })).rejects.toMatchObject({
    code: "version_conflict",
  });
  const versions = await listQueryVersions(db, editor, id, { limit: 1 });
  expect(versions.items).toMatchObject([
    { version: 2, sql: "select 2", created_by: { id: editor.user_id } },
  ]);
  const older = await listQueryVersions(db, editor, id, {
    limit: 1,
    cursor: versions.next_cursor!,
  });
  expect(older).toMatchObject({ items: [{ version: 1, sql: "select 1" }], next_cursor: null });
});

test("a version stays hidden with its datasource when the query moves to an open one", async () => {
  const closed = await makeDatasource(db, admin);
  const open = await makeDatasource(db, admin, { everyone: true });
  const id = await createQuery(db, admin, { ...content(closed), sql: "select 'TOPSECRET'" });
  await makeRun(db, admin, closed, { query: { id, version: 1 } });
  await changeQuery(db, admin, id, 1, { datasource_id: open, sql: "select 2" });
  const seen = await listQueryVersions(db, viewer, id, { limit: 50 });
  expect(seen.items.map(({ version }) => version)).toEqual([2]);
  expect((await readQuery(db, viewer, id))?.last_run).toBeNull();
  expect((await listQueryVersions(db, admin, id, { limit: 50 })).items).toHaveLength(2);
});

test("pages of queries neither lose nor repeat one", async () => {
  const datasource = await makeDatasource(db, admin, { everyone: true });
  const ids = await Promise.all(
    Array.from({ length: 7 }, () => createQuery(db, admin, content(datasource))),
  );
  const seen: string[] = [];
  let cursor: string | undefined;
  do {
    const page = await listQueries(db, viewer, { limit: 3, cursor, datasource_id: datasource });
    seen.push(...page.items.map(({ id }) => id));
    cursor = page.next_cursor ?? undefined;
  } while (cursor);
  expect(seen.sort()).toEqual(ids.sort());
});

test("search takes wildcards as text", async () => {
  const datasource = await makeDatasource(db, admin, { everyone: true });
  const id = await createQuery(db, admin, { ...content(datasource), name: "100% of_all\\x" });
  const find = async (search: string) =>
    (await listQueries(db, admin, { limit: 50, search, datasource_id: datasource })).items.map(
      (query) => query.id,
    );
  expect(await find("0% of_all\\")).toEqual([id]);
  expect(await find("0_ of%all")).toEqual([]);
});
