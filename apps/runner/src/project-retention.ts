import type { Log } from "@quern/runtime/log";
import type { Database } from "@quern/store/db";
import { sweepProjects } from "@quern/store/job-retention";
import type { Instruments } from "./instruments.ts";

const BATCH = 200;

type Shop = {
  db: Database;
  log: Log;
  instruments: Pick<Instruments, "projectRowsDeleted" | "projectSweepSeconds">;
};

/**
 * Deletes jobs, files and trees of projects whose time is up, in batches until none is full. Here and not in the sandbox: what was
 * uploaded goes away where nobody runs one, too.
 */
export async function deleteExpiredProjects({ db, log, instruments }: Shop): Promise<void> {
  for (;;) {
    const { duration_ms, ...counts } = await sweepProjects(db, BATCH);
    instruments.projectSweepSeconds.observe(duration_ms / 1000);
    for (const [what, rows] of Object.entries(counts))
      if (rows > 0) instruments.projectRowsDeleted.inc({ what }, rows);
    const all = Object.values(counts);
    if (all.some((rows) => rows > 0))
      log.info({ ...counts, ms: Math.round(duration_ms) }, "deleted what projects need no more");
    if (all.every((rows) => rows < BATCH)) return;
  }
}
