/** Columns of one statement, table or index over time. */
import type { Series, SeriesAnswer } from "@quern/contract/health/ranges";
import type { Database } from "@quern/store/db";
import { type RawBuilder, sql } from "kysely";
import { bucketOf, earlier, pointsIn, type Range, rangeAnswer, WEEK_MS } from "./read-range.ts";
import { readMarks, stepOf, timesOf } from "./read-series.ts";

/**
 * How a line of a chart is made of the points of a bucket: SQL over what `column` has for the thing, and its aggregates.
 * `counted` is the column of a counter: nothing is drawn where the server does not keep it, and 0 where the thing rested.
 */
export type Line = {
  name: string;
  unit: string;
  value: RawBuilder<unknown>;
  column: string;
  counted: string | null;
};
export type Thing = {
  family: "statement" | "table" | "index";
  ids: "statement_ids" | "relation_ids";
  database: { id: string; interval_s: number | null };
  id: number;
};

/** A thing without a place in a point rested; one that has a place and no value there is not counted. */
const isKnown = (column: string) => sql`(place is null or ${sql.ref(column)} is not null)`;

/** A counter's sum over the time of those points that carry it. */
export function perSecond(name: string, unit: string, column: string = name): Line {
  const seconds = sql`nullif(sum(seconds) filter (where ${isKnown(column)}), 0)`;
  return {
    ...{ name, unit, column, counted: column },
    value: sql`coalesce(sum(${sql.ref(column)}), 0) / ${seconds}`,
  };
}

/** A counter's sum. */
export function summed(name: string, unit: string): Line {
  return {
    ...{ name, unit, column: name, counted: name },
    value: sql`case when bool_or(${isKnown(name)}) then coalesce(sum(${sql.ref(name)}), 0) end`,
  };
}

/** A counter's sum by the calls of those points that carry it; null without a call. */
export function perCall(name: string, unit: string, column: string): Line {
  const calls = sql`nullif(sum(calls) filter (where ${sql.ref(column)} is not null), 0)`;
  return {
    ...{ name, unit, column, counted: null },
    value: sql`sum(${sql.ref(column)}) / ${calls}`,
  };
}

/** A gauge as it was last. */
export function latest(name: string, unit: string): Line {
  const known = sql`filter (where ${sql.ref(name)} is not null)`;
  return {
    ...{ name, unit, column: name, counted: null },
    value: sql`(array_agg(${sql.ref(name)} order by at desc) ${known})[1]`,
  };
}

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
  thing: Thing,
  range: Range,
  lines: readonly Line[],
  step_s: number | null,
  later_ms: number,
): Promise<Bucket[]> {
  const { family, ids, database, id } = thing;
  const counters = lines.flatMap(({ counted }) => counted ?? []);
  const columns = [...new Set(lines.map(({ column }) => column))];
  const cells = columns.map((name) => sql`${sql.ref(name)}[place] as ${sql.ref(name)}`);
  const values = sql.join(lines.map(({ value }) => sql`(${value})::float8`));
  const carried = sql.join(counters.map((column) => sql`count(${sql.ref(column)})::integer`));
  // Each array is unpacked once: that is what this costs.
  const { rows } = await sql<Bucket & { places: number; carried: number[] }>`
    with points as materialized (
      select at, seconds, ${bucketOf(range, step_s)} as bucket, place, ${sql.join(cells)}
      from ${pointsIn(family, range, database.id)} as points
        cross join lateral (select array_position(${sql.ref(ids)}, ${id}::bigint) as place offset 0) as found
    )
    select bucket + ${later_ms} * interval '1 millisecond' as at, sum(seconds) as seconds, array[${values}] as line_values,
      count(place)::integer as places, array[${carried}]::integer[] as carried
    from points group by bucket order by bucket`.execute(db);
  const kept = rows.some(({ places }) => places > 0)
    ? new Set(counters.filter((_, place) => rows.some((row) => row.carried[place]! > 0)))
    : await keptBySome(db, thing, range, counters);
  return rows.map(({ at, seconds, line_values }) => ({
    ...{ at, seconds },
    line_values: lines.map(({ counted }, place) =>
      counted === null || kept.has(counted) ? line_values[place]! : null,
    ),
  }));
}

/** Those of `counters` that anything had in the newest point of the range; all of them when nothing moved in it. */
async function keptBySome(
  db: Database,
  { family, ids, database }: Thing,
  range: Range,
  counters: readonly string[],
): Promise<ReadonlySet<string>> {
  const kept = counters.map((column) => sql`array_remove(${sql.ref(column)}, null) <> '{}'`);
  const { rows } = await sql<{ kept: boolean[] }>`
    select array[${sql.join(kept)}]::boolean[] as kept from ${pointsIn(family, range, database.id)} as points
    where ${sql.ref(ids)} <> '{}' order by at desc limit 1`.execute(db);
  return new Set(counters.filter((_, place) => rows[0]?.kept[place] ?? true));
}
