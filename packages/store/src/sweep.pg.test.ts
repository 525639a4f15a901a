import { sql } from "kysely";
import { expect, test } from "vitest";
import { openDatabase } from "./db.ts";
import { claimRuns, sweepLapsedLeases } from "./queue.ts";
import { freshDatabase } from "./testing.ts";
import { makeActor, makeDatasource, makeRun } from "./testing-fixtures.ts";

test("any number of sweepers at once end each lapsed run once", async () => {
  await using database = await freshDatabase();
  const db = openDatabase(database.url, { max: 8 });
  const actor = await makeActor(db, "editor");
  const datasource = await makeDatasource(db, actor, { max_concurrency: 100 });
  await Promise.all(Array.from({ length: 40 }, () => makeRun(db, actor, datasource)));
  const live = await claimRuns(db, "alive", 5, 60_000);
  const dead = await claimRuns(db, "dead", 35, 0);
  expect([live.length, dead.length]).toEqual([5, 35]);

  const sweeper = async () => {
    const swept: string[] = [];
    for (let some = ["first"]; some.length > 0; swept.push(...some))
      some = await sweepLapsedLeases(db, 3);
    return swept;
  };
  const all = (await Promise.all([sweeper(), sweeper(), sweeper(), sweeper()])).flat();
  const rest = await sweeper();
  expect([...all, ...rest].sort()).toEqual(dead.map(({ id }) => id).sort());
  const { rows } = await sql<{ status: string; count: number }>`
    select status, count(*) from runs group by status order by status`.execute(db);
  expect(rows).toEqual([
    { status: "failed", count: 35 },
    { status: "running", count: 5 },
  ]);
  await db.destroy();
});
