import { randomUUID } from "node:crypto";
import fc from "fast-check";
import { sql } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Actor } from "./actor.ts";
import { type Database, openDatabase } from "./db.ts";
import { addFavorite, listFavorites, listRecent, noteRecent } from "./favorites.ts";
import { changeFolder, createFolder, deleteFolder, listFolders } from "./folders.ts";
import { listTags, placeItems } from "./placement.ts";
import { createQuery, deleteQuery } from "./queries.ts";
import { listQueries } from "./query-list.ts";
import { freshDatabase, type TestDatabase } from "./testing.ts";
import { makeActor, makeDatasource, makeRun } from "./testing-fixtures.ts";

let database: TestDatabase;
let db: Database;
let admin: Actor;
let editor: Actor;
let viewer: Actor;
let datasource: string;

beforeAll(async () => {
  database = await freshDatabase();
  db = openDatabase(database.url);
  [admin, editor, viewer] = await Promise.all([
    makeActor(db, "admin"),
    makeActor(db, "editor"),
    makeActor(db, "viewer"),
  ]);
  datasource = await makeDatasource(db, admin, { everyone: true });
});
afterAll(async () => {
  await db.destroy();
  await database.drop();
});

function save(
  name: string,
  change: Partial<{ sql: string; description: string; on: string }> = {},
) {
  return createQuery(db, editor, {
    name,
    description: change.description ?? "",
    datasource_id: change.on ?? datasource,
    sql: change.sql ?? "select 1",
    params: [],
    limits: {},
    result_ttl_s: null,
  });
}
const folder = (name: string, parent_id: string | null = null) =>
  createFolder(db, editor, { name, parent_id });

test("a folder is never in itself, not by any order of moves, and the tree is at most ten deep", async () => {
  const made = await Promise.all(Array.from({ length: 12 }, (_, n) => folder(`tree ${n}`)));
  const anyFolder = fc.constantFrom(...made);
  const move = fc.record({ what: anyFolder, where: fc.option(anyFolder) });
  await fc.assert(
    fc.asyncProperty(fc.array(move, { minLength: 2, maxLength: 12 }), async (moves) => {
      // At the same time, as by several people: what would make a circle or go too deep is refused.
      const results = await Promise.allSettled(
        moves.map(({ what, where }) => changeFolder(db, editor, what, { parent_id: where })),
      );
      for (const result of results)
        if (result.status === "rejected") expect(result.reason).toMatchObject({ code: "conflict" });
      const parents = new Map(
        (await listFolders(db, editor)).map(({ id, parent_id }) => [id, parent_id]),
      );
      for (const id of made) {
        let depth = 0;
        for (let at: string | null | undefined = id; at && depth < 50; at = parents.get(at))
          depth += 1;
        expect(depth).toBeLessThanOrEqual(10);
      }
    }),
    { numRuns: 15 },
  );
});

test("a chain goes ten deep and no deeper, and two in one place cannot have one name", async () => {
  let parent: string | null = null;
  for (let n = 1; n <= 10; n += 1) parent = await folder("deep", parent);
  await expect(folder("deep", parent)).rejects.toMatchObject({ code: "conflict" });
  await expect(folder("DEEP")).rejects.toMatchObject({ code: "name_taken" });
  const pair = await folder("pair");
  await folder("inner", pair);
  const ninth = (await listFolders(db, editor)).find(({ id }) => id === parent)!.parent_id;
  await expect(changeFolder(db, editor, pair, { parent_id: ninth })).rejects.toThrow(/10 deep/);
});

test("deleting a folder moves what is in it to the one around it, and a name that is taken there gets a number", async () => {
  const outer = await folder("outer");
  const gone = await folder("gone", outer);
  const inner = await folder("Twin", gone);
  await folder("twin", outer);
  const query = await save("kept");
  await placeItems(db, editor, [{ type: "query", id: query }], { folder_id: gone });
  expect(await deleteFolder(db, editor, gone)).toMatchObject({ name: "gone", moved: 2 });
  expect(await deleteFolder(db, editor, gone)).toBeUndefined();
  const after = await listFolders(db, editor);
  expect(after.find(({ id }) => id === inner)).toMatchObject({
    parent_id: outer,
    name: "Twin (2)",
  });
  expect(after.find(({ id }) => id === outer)).toMatchObject({ queries: 1 });
  await expect(
    placeItems(db, editor, [{ type: "query", id: query }], { folder_id: gone }),
  ).rejects.toMatchObject({ code: "conflict" });
});

test("moving and tagging many says where they were, leaves versions alone and what is unseen out", async () => {
  const hidden = await save("unseen", { on: await makeDatasource(db, admin) });
  const [a, b] = [await save("place a"), await save("place b")];
  const home = await folder("home");
  const items = [a, b, hidden, randomUUID()].map((id) => ({ type: "query" as const, id }));
  await placeItems(db, editor, items, { add_tags: ["Ops", "ops", "money"] });
  const placed = await placeItems(db, editor, items, {
    folder_id: home,
    add_tags: ["OPS"],
    remove_tags: ["MONEY"],
  });
  expect(placed.map(({ id }) => id).sort()).toEqual([a, b].sort());
  expect(placed[0]).toMatchObject({
    folder_id: home,
    tags: ["Ops"],
    before: { folder_id: null, tags: ["Ops", "money"] },
  });
  const { items: listed } = await listQueries(db, viewer, {
    limit: 9,
    folder_id: home,
    tag: "oPs",
  });
  expect(listed).toMatchObject([{ version: 1 }, { version: 1 }]);
  expect((await listTags(db, viewer)).find(({ tag }) => tag === "Ops")).toMatchObject({
    queries: 2,
  });
  const many = Array.from({ length: 20 }, (_, n) => `tag ${n}`);
  await expect(placeItems(db, editor, items, { add_tags: many })).rejects.toThrow(
    /20 are the most/,
  );
});

test("lists filter by folder with what is below, by star and maker, and page by each order", async () => {
  const top = await folder("top");
  const below = await folder("below", top);
  const ids = [];
  for (const name of ["delta", "Alpha", "charlie", "bravo", "alpha"]) ids.push(await save(name));
  await placeItems(
    db,
    editor,
    ids.map((id) => ({ type: "query", id })),
    { folder_id: below },
  );
  for (const id of [ids[3]!, ids[0]!])
    await makeRun(db, editor, datasource, { query: { id, version: 1 } });
  const walk = async (sort: "name" | "last_run" | "updated") => {
    const seen: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await listQueries(db, viewer, { limit: 2, folder_id: top, sort, cursor });
      seen.push(...page.items.map(({ name }) => name));
      cursor = page.next_cursor ?? undefined;
    } while (cursor);
    return seen;
  };
  expect((await walk("name")).map((name) => name.toLowerCase())).toEqual([
    "alpha",
    "alpha",
    "bravo",
    "charlie",
    "delta",
  ]);
  expect(await walk("last_run")).toEqual(["delta", "bravo", "alpha", "charlie", "Alpha"]);
  expect(await walk("updated")).toEqual(["alpha", "bravo", "charlie", "Alpha", "delta"]);
  await addFavorite(db, viewer, { type: "query", id: ids[2]! });
  const starred = await listQueries(db, viewer, { limit: 9, favorite: "true" });
  expect(starred.items).toMatchObject([{ name: "charlie", favorite: true }]);
  expect((await listQueries(db, editor, { limit: 9, favorite: "true" })).items).toEqual([]);
  expect((await listQueries(db, viewer, { limit: 9, created_by: viewer.user_id })).items).toEqual(
    [],
  );
});

test("favourites and recent things are a person's own, and go with the thing", async () => {
  const id = await save("shelved");
  const item = { type: "query" as const, id };
  await addFavorite(db, viewer, item);
  await addFavorite(db, viewer, item);
  for (let n = 0; n < 60; n += 1) await noteRecent(db, viewer, { type: "query", id: randomUUID() });
  await noteRecent(db, viewer, item);
  expect((await listFavorites(db, viewer))[0]).toMatchObject({ id, name: "shelved" });
  expect(await listRecent(db, viewer, 9)).toMatchObject([{ id }]);
  const { rows } = await sql`select from recent_views where user_id = ${viewer.user_id}`.execute(
    db,
  );
  expect(rows).toHaveLength(50);
  expect(await listRecent(db, editor, 9)).toEqual([]);
  await deleteQuery(db, editor, id);
  expect((await listFavorites(db, viewer)).some((each) => each.id === id)).toBe(false);
  expect(await listRecent(db, viewer, 9)).toEqual([]);
});
