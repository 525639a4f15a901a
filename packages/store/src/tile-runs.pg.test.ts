import { randomUUID } from "node:crypto";
import type { Role } from "@quern/contract/members";
import fc from "fast-check";
import { sql } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Actor } from "./actor.ts";
import { createDashboard } from "./dashboard-changes.ts";
import { DEFAULT_DASHBOARD_SETTINGS } from "./dashboard-tiles.ts";
import { listDashboards, readDashboard } from "./dashboards.ts";
import { type Database, inTransaction, openDatabase } from "./db.ts";
import { withShownTiles } from "./display-links.ts";
import { setGrants } from "./grants.ts";
import { changeGroup, createGroup } from "./groups.ts";
import { changeMember, findActor } from "./members.ts";
import { createQuery } from "./queries.ts";
import { claimRuns, finishRun } from "./queue.ts";
import { readRun } from "./run-history.ts";
import { enqueueRun } from "./runs.ts";
import { lockWork } from "./shared-runs.ts";
import { freshDatabase, type TestDatabase } from "./testing.ts";
import { makeActor, makeDatasource, SUCCEEDED } from "./testing-fixtures.ts";
import { noteTileRun, prepareTileRuns } from "./tile-runs.ts";
import { startTileRuns } from "./tile-starts.ts";
import { createVisualization } from "./visualizations.ts";

let database: TestDatabase;
let db: Database;
let admin: Actor;
let person: Actor;
beforeAll(async () => {
  database = await freshDatabase();
  db = openDatabase(database.url, { max: 20 });
  [admin, person] = [await makeActor(db, "admin"), await makeActor(db, "viewer")];
});
afterAll(async () => {
  await db.destroy();
  await database.drop();
});

const REQUEST = { request_id: "test", traceparent: null };
const STALE = { refresh: "stale" as const, max_age_s: 300 };

async function makeTiles(datasources: readonly string[], texts: readonly string[]) {
  const tiles = [];
  for (const [n, text] of texts.entries()) {
    const query_id = await createQuery(db, admin, {
      name: `query ${n}`,
      description: "",
      datasource_id: datasources[n % datasources.length]!,
      sql: text,
      params: [],
      limits: {},
      result_ttl_s: null,
    });
    const config = {
      type: "bar" as const,
      x: null,
      y: [],
      series: null,
      stacked: false,
      horizontal: false,
    };
    const visualization_id = await createVisualization(db, admin, {
      query_id,
      name: "chart",
      config,
    });
    const place = { x: 0, y: n * 4, width: 4, height: 4 };
    tiles.push({
      ...{ id: randomUUID(), type: "visualization" as const, title: null, place, visualization_id },
      ...{ bindings: {}, click: null },
    });
  }
  return tiles;
}

function save(tiles: Awaited<ReturnType<typeof makeTiles>>, group_ids: string[] = []) {
  const content = {
    name: "d",
    description: "",
    params: [],
    settings: DEFAULT_DASHBOARD_SETTINGS,
    tiles,
  };
  return createDashboard(db, admin, content, { group_ids });
}

async function show(actor: Actor, id: string) {
  const tiles = await prepareTileRuns(db, actor, id);
  return tiles && (await startTileRuns(db, actor, tiles, STALE, REQUEST)).items;
}

test("whatever the role, the groups and the grants: nobody sees a dashboard, or a tile's rows, that they may not", async () => {
  const datasources = [await makeDatasource(db, admin), await makeDatasource(db, admin)];
  const dashboard = await save(await makeTiles(datasources, ["select 'one'", "select 'two'"]));
  const groups = await Promise.all(
    [1, 2].map((n) => createGroup(db, admin.org_id, { name: `group ${n}`, member_ids: [] })),
  );
  const [first, second] = (await show(admin, dashboard))!.map(({ run }) => run!.id);
  for (const claim of await claimRuns(db, "r", 10, 60_000)) await finishRun(db, claim, SUCCEEDED);
  const some = fc.subarray(groups);
  const roles = fc.constantFrom<Role>("viewer", "editor", "admin");
  await fc.assert(
    fc.asyncProperty(
      roles,
      some,
      some,
      some,
      some,
      async (role, member, seeing, using, alsoUsing) => {
        await changeMember(db, admin.org_id, person.user_id, { role });
        const actor: Actor = { ...(await findActor(db, person.user_id))!, token_id: null };
        for (const id of groups) {
          const member_ids = member.includes(id) ? [person.user_id] : [];
          await changeGroup(db, admin.org_id, id, { member_ids });
        }
        await setGrants(db, admin, { type: "dashboard", id: dashboard }, seeing);
        await setGrants(db, admin, { type: "datasource", id: datasources[0]! }, using);
        await setGrants(db, admin, { type: "datasource", id: datasources[1]! }, alsoUsing);
        const may = (granted: string[]) =>
          role === "admin" || granted.some((id) => member.includes(id));

        const seen = await readDashboard(db, actor, dashboard);
        expect(seen !== undefined).toBe(may(seeing));
        const { items: listed } = await listDashboards(db, actor, { limit: 100 });
        expect(listed.some(({ id }) => id === dashboard)).toBe(may(seeing));
        const items = await show(actor, dashboard);
        expect(items !== undefined).toBe(may(seeing));
        const expected = [may(using), may(alsoUsing)];
        if (items) {
          expect(items.map(({ last_good }) => last_good !== null)).toEqual(expected);
          expect(items.map(({ problem }) => problem === null)).toEqual(expected);
        }
        const runs = [await readRun(db, actor, first!), await readRun(db, actor, second!)];
        expect(runs.map((run) => run !== undefined)).toEqual(expected);

        // A screen of theirs sees no more than they do, and nothing without its dashboard.
        const items_ = [{ dashboard_id: dashboard, params: {} }];
        const screen = await withShownTiles(
          db,
          { ...actor, display: { link_id: randomUUID(), items: items_ } },
          [first!, second!],
        );
        const shown = [await readRun(db, screen, first!), await readRun(db, screen, second!)];
        expect(shown.map((run) => run !== undefined)).toEqual(
          expected.map((each) => each && may(seeing)),
        );
        const elsewhere = { ...actor, display: { link_id: randomUUID(), items: [] } };
        expect(await readDashboard(db, elsewhere, dashboard)).toBeUndefined();
        expect(await readRun(db, elsewhere, first!)).toBeUndefined();
      },
    ),
    { numRuns: 40 },
  );
});

test("dashboards with the same work in other orders, and schedules that enqueue it one by one, never lock each other out", async () => {
  const datasource = await makeDatasource(db, admin, { everyone: true });
  const texts = Array.from({ length: 12 }, (_, n) => `select 'lock ${n}'`);
  const forward = await save(await makeTiles([datasource], texts));
  const backward = await save(await makeTiles([datasource], [...texts].reverse()));
  const schedule = async (id: string) =>
    inTransaction(db, async (trx) => {
      const tiles = (await prepareTileRuns(trx, admin, id))!.filter((tile) => "run" in tile);
      await lockWork(
        trx,
        admin.org_id,
        tiles.map(({ run }) => run),
      );
      for (const tile of tiles) {
        const asked = { priority: "schedule", trigger: "schedule", max_age_s: 1 } as const;
        const { id: run } = await enqueueRun(trx, admin, { ...tile.run, ...asked, ...REQUEST });
        await noteTileRun(trx, tile.tile_id, run, tile.values);
      }
    });
  const outcomes = await Promise.allSettled([
    ...Array.from({ length: 6 }, (_, n) => show(admin, n % 2 ? forward : backward)),
    schedule(forward),
  ]);
  expect(outcomes.filter(({ status }) => status === "rejected")).toEqual([]);
  const { rows } = await sql<{ sql: string; priority: string }>`
    select sql, priority from runs where datasource_id = ${datasource}`.execute(db);
  expect(rows.map((row) => row.sql).sort()).toEqual([...texts].sort());
  expect(rows.every(({ priority }) => priority === "dashboard")).toBe(true);
});

test("a tile that is deleted while its run is noted is passed over", async () => {
  const datasource = await makeDatasource(db, admin);
  const tiles = await makeTiles([datasource], ["select 'deleted meanwhile'"]);
  const id = await save(tiles);
  const [shown] = (await show(admin, id))!;
  const values = { key: Buffer.alloc(32), is_default: true };
  let noted: Promise<void> | undefined;
  await inTransaction(db, async (trx) => {
    await sql`delete from tiles where id = ${tiles[0]!.id}`.execute(trx);
    noted = noteTileRun(db, tiles[0]!.id, shown!.run!.id, values);
    // Its failure is looked at below.
    noted.catch(() => {});
    const waits = () =>
      sql`
      select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`.execute(
        db,
      );
    await expect.poll(async () => (await waits()).rows.length).toBe(1);
  });
  await noted;
  expect((await readDashboard(db, admin, id))?.tiles).toEqual([]);
});

test("people take turns with tiles, too: a dashboard's runs stand behind each other", async () => {
  const datasource = await makeDatasource(db, admin, { everyone: true });
  const id = await save(
    await makeTiles([datasource], ["select 'turn 1'", "select 'turn 2'", "select 'turn 3'"]),
  );
  await show(admin, id);
  const { rows } = await sql<{ turn: number }>`
    select turn from runs where datasource_id = ${datasource} order by turn`.execute(db);
  expect(rows.map(({ turn }) => turn)).toEqual([0, 1, 2]);
});
