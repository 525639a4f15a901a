/** Columns of one statement, table or index over time. */
import type { Series, SeriesAnswer } from "@quern/contract/health/ranges";
import type { Database } from "@quern/store/db";
import { type RawBuilder, sql } from "kysely";
import { bucketOf, earlier, pointsIn, type Range, rangeAnswer, WEEK_MS } from "./read-range.ts";
import { readMarks, stepOf, timesOf } from "./read-series.ts";

/** How a line of a chart is made of a bucket's points: SQL over `points` and its aggregates. */
export type Line = { name: string; unit: string; value: RawBuilder<unknown> };
export type Thing = {
  family: "statement" | "table" | "index";
  ids: "statement_ids" | "relation_ids";
  database: { id: string; interval_s: number | null };
  id: number;
};

/**
 * Lines of one thing of an array family: `place` is where it is in the arrays. `compare` adds those of a week before as
 * `name:week`, at the times of now.
 */
export async function readThingSeries(
  db: Database,
  thing: Thing,
  range: Range,
  lines: readonly Line[],
  compare: boolean = false,
): Promise<SeriesAnswer> {
  const step_s = compare ? stepOf(thing.database.interval_s) : null;
  const now = await bucketsOf(db, thing, range, lines, step_s, 0);
  const before = compare
    ? await bucketsOf(db, thing, await earlier(db, range, WEEK_MS), lines, step_s, WEEK_MS)
    : [];
  const times = timesOf([...now, ...before]);
  const series = (rows: readonly Bucket[], suffix: string): Series[] => {
    const byTime = new Map(rows.map((row) => [row.at.getTime(), row.line_values]));
    return lines.map(({ name, unit }, place) => ({
      ...{ name: `${name}${suffix}`, unit },
      values: times.map(({ at }) => byTime.get(at.getTime())?.[place] ?? null),
    }));
  };
  return {
    ...{ range: rangeAnswer(range), at: times.map(({ at }) => at.toISOString()) },
    seconds: times.map(({ seconds }) => seconds),
    marks: await readMarks(db, thing.family, range, thing.database.id),
    series: [...series(now, ""), ...(compare ? series(before, ":week") : [])],
  };
}

type Bucket = { at: Date; seconds: number; line_values: (number | null)[] };

async function bucketsOf(
  db: Database,
  { family, ids, database, id }: Thing,
  range: Range,
  lines: readonly Line[],
  step_s: number | null,
  later_ms: number,
): Promise<Bucket[]> {
  const values = sql.join(lines.map(({ value }) => sql`(${value})::float8`));
  const { rows } = await sql<Bucket>`
    with points as (
      select *, ${bucketOf(range, step_s)} as bucket, array_position(${sql.ref(ids)}, ${id}::bigint) as place
      from ${pointsIn(family, range, database.id)} as points
    )
    select bucket + ${later_ms} * interval '1 millisecond' as at, sum(seconds) as seconds, array[${values}] as line_values
    from points group by bucket order by bucket`.execute(db);
  return rows;
}
