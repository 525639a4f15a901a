import { sql } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Actor } from "./actor.ts";
import { type Database, openDatabase } from "./db.ts";
import { claimRuns, finishRun, type Outcome } from "./queue.ts";
import { readQueuePlace } from "./queue-place.ts";
import { listParts } from "./result-parts.ts";
import { expireResults, runsWithoutFiles } from "./retention.ts";
import { readRun } from "./run-history.ts";
import { freshDatabase, type TestDatabase } from "./testing.ts";
import { makeActor, makeDatasource, makeRun, SUCCEEDED } from "./testing-fixtures.ts";
import { sweepTileRuns } from "./tile-runs.ts";

let database: TestDatabase;
let db: Database;
let editor: Actor;
let datasource: string;
beforeAll(async () => {
  database = await freshDatabase();
  db = openDatabase(database.url);
  editor = await makeActor(db, "editor");
  datasource = await makeDatasource(db, editor, { everyone: true, max_concurrency: 2 });
});
afterAll(async () => {
  await db.destroy();
  await database.drop();
});

async function makeResult(parts: Outcome["parts"] = SUCCEEDED.parts): Promise<string> {
  const id = await makeRun(db, editor, datasource);
  const [claim] = await claimRuns(db, "runner", 1, 60_000);
  await finishRun(db, claim!, { ...SUCCEEDED, parts });
  return id;
}

const inFile = (): Outcome["parts"] => [
  {
    statement: 0,
    part: 0,
    first_row: 0,
    rows: 1,
    size: 3,
    escapes: [],
    store: "file",
    location: "x",
  },
];

const FAILED: Outcome = {
  ...SUCCEEDED,
  status: "failed",
  error: {
    code: "sql_error",
    message: "no",
    sqlstate: null,
    position: null,
    detail: null,
    hint: null,
  },
  statements: [],
  parts: [],
};

test("results whose time is up go, their history stays, and tiles keep what they show", async () => {
  const [old, large, earlier, shown, filtered, young] = [
    await makeResult(),
    await makeResult(inFile()),
    await makeResult(),
    await makeResult(),
    await makeResult(),
    await makeResult(),
  ];
  const failed = await makeRun(db, editor, datasource);
  const [claim] = await claimRuns(db, "runner", 1, 60_000);
  await finishRun(db, claim!, FAILED);
  const due = [old, large, earlier, shown, filtered];
  await sql`update runs set result_expires_at = now() - interval '1 second' where id = any (${due}::uuid[])`.execute(
    db,
  );
  await sql`
    with dashboard as (insert into dashboards (org_id, name) values (${editor.org_id}, 'd') returning id),
      tile as (
        insert into tiles (dashboard_id, type, x, y, width, height)
        select id, 'visualization', 0, 0, 1, 1 from dashboard returning id)
    insert into tile_runs (tile_id, values_key, run_id, is_default)
    select tile.id, sha256(noted.key::bytea), noted.run_id, noted.key = 'usual'
    from tile cross join unnest(${["usual", "usual", "usual", "other"]}::text[], ${[earlier, shown, failed, filtered]}::uuid[])
      as noted (key, run_id)`.execute(db);
  // Of the values that the dashboard opens with, the newest that is good; of other values nothing.
  expect(await expireResults(db)).toEqual({ expired: 4, with_files: [large] });
  expect(await expireResults(db)).toEqual({ expired: 0, with_files: [] });
  expect(await readRun(db, editor, old)).toMatchObject({
    status: "succeeded",
    rows: 1,
    result_expired: true,
  });
  expect(await listParts(db, old, 0)).toEqual([]);
  expect(await listParts(db, shown, 0)).toHaveLength(1);
  expect(await readRun(db, editor, young)).toMatchObject({ result_expired: false });

  await sql`update runs set finished_at = finished_at - interval '2 days' where id = any (${[failed, shown]}::uuid[])`.execute(
    db,
  );
  expect(await sweepTileRuns(db)).toBe(1);
  const { rows: left } = await sql<{ run_id: string }>`
    select run_id from tile_runs order by run_id`.execute(db);
  expect(left.map(({ run_id }) => run_id)).toEqual([earlier, shown, filtered]);
  await sql`update dashboards set deleted_at = now()`.execute(db);
  expect(await expireResults(db)).toEqual({ expired: 1, with_files: [] });
});

test("files belong to nobody when no result and no run at work refers to them", async () => {
  const kept = await makeResult(inFile());
  const inline = await makeResult();
  const working = await makeRun(db, editor, datasource);
  const [claim] = await claimRuns(db, "runner", 1, 60_000);
  const unknown = "00000000-0000-4000-8000-000000000000";
  expect((await runsWithoutFiles(db, [kept, inline, working, unknown])).sort()).toEqual(
    [inline, unknown].sort(),
  );
  await finishRun(db, claim!, SUCCEEDED);
});

test("a queued run says its place and what holds it back", async () => {
  const ids = [];
  for (let n = 0; n < 4; n++) ids.push(await makeRun(db, editor, datasource));
  expect(await readQueuePlace(db, ids[0]!)).toMatchObject({
    position: 1,
    blocked_by: "no_runner",
    runners: 0,
  });
  await sql`insert into runners (id, hostname, slots) values ('r', 'h', 8)`.execute(db);
  expect(await readQueuePlace(db, ids[1]!)).toMatchObject({ position: 2, blocked_by: null });
  expect(await readQueuePlace(db, ids[3]!)).toMatchObject({
    position: 4,
    blocked_by: "datasource_concurrency",
  });
  await claimRuns(db, "r", 2, 60_000);
  expect(await readQueuePlace(db, ids[2]!)).toEqual({
    status: "queued",
    position: 1,
    position_is_exact: true,
    blocked_by: "datasource_concurrency",
    runners: 1,
    slots: 8,
    running: 2,
    datasource_running: 2,
    datasource_max_concurrency: 2,
  });
  await sql`update runners set slots = 2`.execute(db);
  const other = await makeRun(db, editor, await makeDatasource(db, editor));
  expect(await readQueuePlace(db, other)).toMatchObject({ blocked_by: "runner_slots" });
  expect(await readQueuePlace(db, ids[0]!)).toMatchObject({
    status: "running",
    position: null,
    blocked_by: null,
  });
  await sql`update runners set seen_at = now() - interval '1 minute'`.execute(db);
  expect(await readQueuePlace(db, other)).toMatchObject({ blocked_by: "no_runner" });
});
