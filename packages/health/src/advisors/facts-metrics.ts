/** Single numbers of a server or a database over a window. */
import type { HealthMetricName } from "@quern/contract/health/metrics";
import { sql } from "kysely";
import type { Window } from "./facts-window.ts";
import type { Subject } from "./rule.ts";

/** One number over a window. What a counter grew by is `sum`, over `seconds`; a gauge was between `min` and `max`. */
export type MetricSum = {
  sum: number;
  min: number;
  max: number;
  seconds: number;
  points: number;
  first_at: Date;
  last_at: Date;
};
export type MetricSums = Partial<Record<HealthMetricName, MetricSum>>;

/** Numbers of the raw points of `window`; a name of which nothing came is absent. */
export async function metricSums(
  { db }: Subject,
  subject_id: string,
  names: readonly HealthMetricName[],
  { from, to }: Window,
): Promise<MetricSums> {
  const { rows } = await sql<MetricSum & { name: HealthMetricName }>`
    select key as name, sum(value::float8)::float8 as sum, min(value::float8) as min, max(value::float8) as max,
      sum(seconds)::float8 as seconds, count(*)::integer as points,
      min(at - make_interval(secs => seconds)) as first_at, max(at) as last_at
    from health_metric_points as points, jsonb_each_text(points.values)
    where subject_id = ${subject_id} and at > ${from} and at <= ${to} and key = any(${[...names]}::text[])
    group by key`.execute(db);
  return Object.fromEntries(rows.map(({ name, ...sum }) => [name, sum]));
}

export type MetricBucket = { at: Date; seconds: number; sums: Record<string, number> };

/** The same of counters, summed in buckets of `bucket_s` seconds, the oldest first. `at` is where a bucket begins. */
export async function metricBuckets(
  { db }: Subject,
  subject_id: string,
  names: readonly HealthMetricName[],
  { from, to }: Window,
  bucket_s: number,
): Promise<MetricBucket[]> {
  const { rows } = await sql<MetricBucket>`
    with sums as (
      select date_bin(make_interval(secs => ${bucket_s}), at, ${from}::timestamptz) as bucket, key,
        sum(value::float8) as sum, sum(seconds) as seconds
      from health_metric_points as points, jsonb_each_text(points.values)
      where subject_id = ${subject_id} and at > ${from} and at <= ${to} and key = any(${[...names]}::text[])
      group by bucket, key
    )
    select bucket as at, max(seconds)::float8 as seconds, jsonb_object_agg(key, sum) as sums
    from sums group by bucket order by bucket`.execute(db);
  return rows;
}
