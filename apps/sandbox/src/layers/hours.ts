/** Counts for the hit rate that people see, written now and then. */
import type { Log } from "@quern/runtime/log";
import type { Database } from "@quern/store/db";
import { addToHour, type HourCounts } from "@quern/store/layer-stores";

export type Hours = {
  add(counts: Partial<HourCounts>): void;
  flush(): Promise<void>;
};

const ZERO: HourCounts = {
  full_hits: 0,
  prefix_hits: 0,
  misses: 0,
  builds: 0,
  build_ms: 0,
  evictions: 0,
  evicted_bytes: 0,
};

export function openHours(db: Database, log: Log, store_id: string): Hours {
  let counts = { ...ZERO };
  const add = (more: Partial<HourCounts>) => {
    for (const name of Object.keys(ZERO) as (keyof HourCounts)[]) counts[name] += more[name] ?? 0;
  };
  return {
    add,
    async flush() {
      const now = counts;
      counts = { ...ZERO };
      if (Object.values(now).every((count) => count === 0)) return;
      await addToHour(db, store_id, now).catch((error: unknown) => {
        add(now);
        log.warn({ err: error }, "could not write what the layer cache did; trying again later");
      });
    },
  };
}
