import { makeHistory } from "@quern/health/testing-history";
import { openLog } from "@quern/runtime/log";
import { openDatabase } from "@quern/store/db";
import { freshDatabase } from "@quern/store/testing";
import { makeActor } from "@quern/store/testing-fixtures";
import { sql } from "kysely";
import { Counter, Gauge } from "prom-client";
import { expect, test } from "vitest";
import { sumUpHealth, tidyHealth } from "./health-sweeps.ts";

const DAY_MS = 24 * 60 * 60 * 1000;

test("a runner sums up what is due, says how far behind it is, and makes tomorrow's partitions", async () => {
  await using database = await freshDatabase();
  const db = openDatabase(database.url);
  const counter = (name: string) =>
    new Counter({ name, help: name, labelNames: ["what"], registers: [] });
  const instruments = {
    healthSummed: counter("summed"),
    healthDeleted: counter("deleted"),
    healthLag: new Gauge({ name: "lag", help: "lag", registers: [] }),
  };
  const shop = { db, log: openLog("runner", "fatal"), instruments };
  try {
    const { org_id } = await makeActor(db, "admin");
    await makeHistory(db, org_id, { days: 1, raw_hours: 3, statements: 10 });
    const aborted = new AbortController();
    aborted.abort();
    await sumUpHealth(shop, aborted.signal);
    const before = (await instruments.healthLag.get()).values[0]!.value;
    expect(before).toBeGreaterThan(2.5 * 3600);
    await sumUpHealth(shop, new AbortController().signal);
    const { values } = await instruments.healthSummed.get();
    expect(values.find(({ labels }) => labels.what === "hours")!.value).toBeGreaterThan(1);
    expect((await instruments.healthLag.get()).values[0]!.value).toBeLessThan(3_600 + 300 + 60);
    // Before: at midnight it would be a day later afterwards.
    const tomorrow = new Date(Date.now() + DAY_MS).toISOString().slice(0, 10).replaceAll("-", "");
    await tidyHealth(shop);
    const { rows } = await sql<{ n: number }>`
      select count(*) as n from pg_class where relname like ${`health_%_${tomorrow}`} and relkind = 'r'`.execute(
      db,
    );
    expect(rows[0]!.n).toBe(6);
  } finally {
    await db.destroy();
  }
});
