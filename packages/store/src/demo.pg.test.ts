import { afterAll, beforeAll, expect, test } from "vitest";
import { type Database, openDatabase } from "./db.ts";
import { demoProjectLoaded, makeDemoProject } from "./demo.ts";
import { deleteProject } from "./project-changes.ts";
import { listProjects } from "./projects.ts";
import { freshDatabase, type TestDatabase } from "./testing.ts";
import { makeActor } from "./testing-fixtures.ts";

let database: TestDatabase;
let db: Database;
beforeAll(async () => {
  database = await freshDatabase();
  db = openDatabase(database.url);
});
afterAll(async () => {
  await db.destroy();
  await database.drop();
});

test("the example project is made once, for everyone, and does not come back when it was deleted", async () => {
  const [admin, viewer] = await Promise.all([makeActor(db, "admin"), makeActor(db, "viewer")]);
  const project = { name: "Example", description: "", tree: { "a.sql": { content: "select 1" } } };
  expect(await demoProjectLoaded(db)).toBe(false);
  // As two machines on one database that start at once.
  const made = await Promise.all([1, 2, 3].map(() => makeDemoProject(db, admin, project)));
  const [id] = made.filter((each) => each !== undefined);
  expect(made.filter((each) => each !== undefined)).toHaveLength(1);
  expect((await listProjects(db, viewer, { limit: 10 })).items).toMatchObject([{ id, files: 1 }]);
  await deleteProject(db, admin, id!);
  expect(await demoProjectLoaded(db)).toBe(true);
  expect(await makeDemoProject(db, admin, project)).toBeUndefined();
});
