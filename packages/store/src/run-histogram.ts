import type { RunBucket, RunHistogram } from "@quern/contract/run-history";
import { sql } from "kysely";
import type { Actor } from "./actor.ts";
import type { Database } from "./db.ts";
import { candidates, matching, queuedAt, type RunFilter } from "./run-filter.ts";

/** So many of the newest runs of the range are counted. */
const COUNTED = 100_000;

type Row = { bucket: number; status: Exclude<keyof RunBucket, "at">; count: number };

/**
 * How many of the runs that the actor may see were queued in each of `buckets` equal parts of `from` to `to`, by what
 * became of them. `from` is before `to`.
 */
export async function readRunHistogram(
  db: Database,
  actor: Actor,
  filter: RunFilter & { from: string; to: string; buckets: number },
  most = COUNTED,
): Promise<RunHistogram> {
  const from = Date.parse(filter.from);
  const to = Date.parse(filter.to);
  const { some, budget } = await candidates(db, actor, filter, null, most);
  const { rows } = await sql<Row & { oldest: string; candidates: number }>`
    with looked as materialized (
      select runs.id, runs.status, runs.queued_at, ${matching(actor, filter)} as matches from (${some}) as runs
    ),
    counted as (
      select
        least(greatest(width_bucket(extract(epoch from queued_at)::float8 * 1000,
          ${from}::float8, ${to}::float8, ${filter.buckets}::int), 1), ${filter.buckets}::int) as bucket,
        status, count(*) as count
      from looked where matches
      group by 1, 2
    )
    select counted.*, totals.oldest, totals.candidates
    from (
      select count(*) as candidates, (select id from looked order by id limit 1) as oldest from looked
    ) as totals
    left join counted on true`.execute(db);
  const bucket_ms = (to - from) / filter.buckets;
  const buckets = Array.from({ length: filter.buckets }, (_, n) => ({
    at: new Date(from + n * bucket_ms).toISOString(),
    queued: 0,
    running: 0,
    succeeded: 0,
    failed: 0,
    canceled: 0,
  }));
  for (const { bucket, status, count } of rows) {
    if (bucket !== null) buckets[bucket - 1]![status] = count;
  }
  const { oldest, candidates: looked } = rows[0]!;
  const cut = looked >= budget ? new Date(queuedAt(oldest)).toISOString() : null;
  return { from: filter.from, to: filter.to, bucket_ms, buckets, counted_from: cut };
}
