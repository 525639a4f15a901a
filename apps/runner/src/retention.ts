import { abortUploads, deleteParts, hasPart, listParts } from "@quern/results/part-writing";
import type { PartStore } from "@quern/results/parts";
import type { Log } from "@quern/runtime/log";
import type { Database } from "@quern/store/db";
import { expireResults, runsWithoutFiles, somePartsOutside } from "@quern/store/retention";
import { sweepTileRuns } from "@quern/store/tile-runs";

const RUN_ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
/** Parts are stored before the run's end is written: younger ones may be of a run that is about to end. */
const ORPHAN_AGE_MS = 60 * 60 * 1000;

/** Longer than any part may take to upload. */
const UPLOAD_AGE_MS = 24 * 60 * 60 * 1000;
const LOOKED_AT = 200;

type Shop = { db: Database; log: Log; partStore: PartStore };

/** Deletes results whose time is up, until there are none, and what dashboards noted of them. Any number of runners may do so at once. */
export async function deleteExpiredResults({ db, log, partStore }: Shop): Promise<void> {
  for (;;) {
    const { expired, with_files } = await expireResults(db);
    for (const run of with_files) await deleteParts(partStore, run);
    if (expired === 0) break;
    log.info({ results: expired }, "deleted results whose time was up");
  }
  await sweepTileRuns(db);
}

/** Deletes files of the result store that no result refers to: what a crash between two steps left. */
export async function deleteOrphanedParts(
  { db, log, partStore }: Shop,
  now = Date.now(),
): Promise<void> {
  const stored = await listParts(partStore);
  const old = stored.filter(
    ({ prefix, changed_at }) => RUN_ID.test(prefix) && now - changed_at.getTime() > ORPHAN_AGE_MS,
  );
  for (let start = 0; start < old.length; start += 1000) {
    const prefixes = old.slice(start, start + 1000).map(({ prefix }) => prefix);
    const orphans = await runsWithoutFiles(db, prefixes);
    for (const run of orphans) await deleteParts(partStore, run);
    if (orphans.length > 0) log.warn({ runs: orphans }, "deleted files that belonged to no result");
  }
  const uploads = await abortUploads(partStore, new Date(now - UPLOAD_AGE_MS));
  if (uploads > 0) log.warn({ uploads }, "ended uploads that were never finished");
}

/**
 * Looks whether some parts, others each time, are where they should be, and reports those that are not: nothing can
 * bring them back, and who asks for their rows is told that they are gone.
 */
export async function reportMissingParts({ db, log, partStore }: Shop): Promise<void> {
  const missing = new Set<string>();
  for (const { run_id, location } of await somePartsOutside(db, partStore.kind, LOOKED_AT)) {
    if (!(await hasPart(partStore, location))) missing.add(run_id);
  }
  if (missing.size > 0)
    log.error({ runs: [...missing] }, "the result store has lost parts of results");
}
