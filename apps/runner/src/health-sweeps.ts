import { ensurePartitions } from "@quern/health/partitions";
import { forgetOldHealth } from "@quern/health/retention";
import { summedUntil, sumUp } from "@quern/health/rollups";
import type { Log } from "@quern/runtime/log";
import type { Database } from "@quern/store/db";
import type { Instruments } from "./instruments.ts";

type Shop = {
  db: Database;
  log: Log;
  instruments: Pick<Instruments, "healthSummed" | "healthLag" | "healthDeleted">;
};

const DAY_MS = 24 * 60 * 60 * 1000;

/** Sums points of monitored databases into hours and days, as far as they are due and no other runner is at it. */
export async function sumUpHealth(
  { db, log, instruments }: Shop,
  signal: AbortSignal,
): Promise<void> {
  const began = performance.now();
  const counts = await sumUp(db, new Date(), signal);
  for (const [what, count] of Object.entries(counts)) instruments.healthSummed.inc({ what }, count);
  const { hour } = await summedUntil(db);
  instruments.healthLag.set(hour === null ? 0 : (Date.now() - hour.getTime()) / 1000);
  if (Object.values(counts).some((count) => count > 0))
    log.info({ ...counts, ms: Math.round(performance.now() - began) }, "summed up database health");
}

/** Deletes what of monitored databases is no longer kept, and makes tomorrow's partitions while nobody waits for them. */
export async function tidyHealth({ db, log, instruments }: Shop): Promise<void> {
  const counts = await forgetOldHealth(db);
  for (const [what, count] of Object.entries(counts))
    instruments.healthDeleted.inc({ what }, count);
  if (Object.values(counts).some((count) => count > 0))
    log.info(counts, "deleted what is no longer kept of database health");
  await ensurePartitions(db, new Date(Date.now() + DAY_MS));
}
