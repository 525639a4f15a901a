/** The time range that a page asks for: how fine it is answered, and from which tables. */
import type { RangeAnswer, Resolution } from "@quern/contract/health/ranges";
import type { Database } from "@quern/store/db";
import { type RawBuilder, sql } from "kysely";
import { type FamilyName, STEP_S, SUBJECT_OF, TABLE_SUFFIX } from "./point-families.ts";
import { type SummedUntil, summedUntil } from "./rollups.ts";

export type Piece = { resolution: Resolution; from: Date; to: Date };
/**
 * After `from` until `to`. `pieces` cover it without a gap and without anything twice. `step_s` is what their points are put
 * together by, null for each by itself.
 */
export type Range = {
  from: Date;
  to: Date;
  resolution: Resolution;
  step_s: number | null;
  pieces: Piece[];
};

/** A range cannot be answered; the message says why and what to send. */
export class BadRange extends Error {
  override name = "BadRange";
}

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
export const WEEK_MS = 7 * DAY_MS;
const RAW_UP_TO_MS = 6 * HOUR_MS;
/** A day, and the hour in which it begins. */
const FINE_UP_TO_MS = DAY_MS + HOUR_MS;
const FINE_STEP_S = 300;
const HOURS_UP_TO_MS = 14 * DAY_MS;
const LONGEST_MS = 732 * DAY_MS;
/** For so long nothing is dropped (partitions.ts keeps a day more than it says). */
const RAW_KEPT_MS = 8 * DAY_MS;
const HOURS_KEPT_MS = 90 * DAY_MS;

/**
 * The range of a request: the day before now when it names none. Throws `BadRange`. Raw points answer up to six hours,
 * hours up to fourteen days, days what is longer; where the finer ones are no longer kept, the next coarser.
 */
export async function readRange(
  db: Database,
  asked: { from?: string | undefined; to?: string | undefined },
  now: Date = new Date(),
): Promise<Range> {
  const to = asked.to === undefined ? now : new Date(Math.min(Date.parse(asked.to), now.getTime()));
  const from = asked.from === undefined ? new Date(to.getTime() - DAY_MS) : new Date(asked.from);
  if (from >= to) throw new BadRange("`from` has to be before `to`, and not in the future.");
  if (to.getTime() - from.getTime() > LONGEST_MS)
    throw new BadRange("Numbers are kept for two years: ask for a range of at most two years.");
  return rangeOf(from, to, await summedUntil(db), now);
}

/** The same length of time as `range`, `ms` earlier. */
export async function earlier(
  db: Database,
  range: Range,
  ms: number,
  now: Date = new Date(),
): Promise<Range> {
  const [from, to] = [new Date(range.from.getTime() - ms), new Date(range.to.getTime() - ms)];
  return rangeOf(from, to, await summedUntil(db), now);
}

export function rangeOf(from: Date, to: Date, until: SummedUntil, now: Date): Range {
  const long = to.getTime() - from.getTime();
  const age = now.getTime() - from.getTime();
  if (long <= RAW_UP_TO_MS && age < RAW_KEPT_MS)
    return { from, to, resolution: "raw", step_s: null, pieces: [{ resolution: "raw", from, to }] };
  const resolution = long <= HOURS_UP_TO_MS && age < HOURS_KEPT_MS ? "hour" : "day";
  const start = floorTo(from, STEP_S[resolution]);
  const days = resolution === "day" ? clamp(until.day, floorTo(to, STEP_S.day), start) : start;
  const hours = clamp(until.hour, floorTo(to, STEP_S.hour), days);
  const pieces: Piece[] = [
    { resolution: "day", from: start, to: days },
    { resolution: "hour", from: days, to: hours },
    { resolution: "raw", from: hours, to },
  ];
  return {
    ...{ from: start, to, resolution, step_s: STEP_S[resolution] },
    pieces: pieces.filter((piece) => piece.from < piece.to),
  };
}

/**
 * The range for single numbers of these subjects, of which raw points cost little: a day of them is answered in steps of five
 * minutes, from when on there are raw points. In an hour a spike of some minutes would drown.
 */
export async function finer(
  db: Database,
  family: "metric" | "load",
  range: Range,
  subjects: readonly string[],
  now: Date = new Date(),
): Promise<Range> {
  const { from, to, resolution } = range;
  const isDay = resolution === "hour" && to.getTime() - from.getTime() <= FINE_UP_TO_MS;
  if (!isDay || now.getTime() - from.getTime() >= RAW_KEPT_MS) return range;
  const { rows } = await sql<{ first: Date | null }>`
    select max(first) as first from unnest(${subjects}::uuid[]) as subject (id), lateral (
      select min(at) as first from ${sql.table(`health_${family}_points`)}
      where ${sql.ref(SUBJECT_OF[family])} = subject.id and at > ${from} and at <= ${to}) as each`.execute(
    db,
  );
  const first = rows[0]?.first ?? null;
  if (first === null) return range;
  const { hour } = await summedUntil(db);
  const hours = clamp(hour, floorTo(first, STEP_S.hour), from);
  const pieces: Piece[] = [
    { resolution: "hour", from, to: hours },
    { resolution: "raw", from: hours, to },
  ];
  return {
    ...{ from, to, resolution: "raw", step_s: FINE_STEP_S },
    pieces: pieces.filter((piece) => piece.from < piece.to),
  };
}

function floorTo(at: Date, step_s: number): Date {
  return new Date(Math.floor(at.getTime() / step_s / 1000) * step_s * 1000);
}

/** The earlier of `until` and `end`, but not before `start`. */
function clamp(until: Date | null, end: Date, start: Date): Date {
  if (until === null) return start;
  return new Date(Math.max(start.getTime(), Math.min(until.getTime(), end.getTime())));
}

export function rangeAnswer({ from, to, resolution }: Range): RangeAnswer {
  return { from: from.toISOString(), to: to.toISOString(), resolution };
}

/** A subquery of all points of a family in the range, of one subject or of several. */
export function pointsIn(
  family: FamilyName,
  range: Range,
  subjects: string | readonly string[],
): RawBuilder<unknown> {
  const whose = sql`${sql.ref(SUBJECT_OF[family])} = any(${[subjects].flat()}::uuid[])`;
  const each = range.pieces.map(
    ({ resolution, from, to }) => sql`
      select * from ${sql.table(`health_${family}_${TABLE_SUFFIX[resolution]}`)}
      where ${whose} and at > ${from} and at <= ${to}`,
  );
  return sql`(${sql.join(each, sql` union all `)})`;
}

/**
 * The end of the step that a point's `at` is in, or `at` itself for raw points: what is not summed yet is shown as one
 * point of the step, too. One that is still going on ends with the range. `step_s` for raw points that are to be put side
 * by side.
 */
export function bucketOf(range: Range, step_s: number | null = null): RawBuilder<unknown> {
  const step = Math.max(range.step_s ?? 0, step_s ?? 0);
  if (step === 0) return sql`at`;
  return sql`least(${range.to}::timestamptz,
    date_bin(${step} * interval '1 second', at - interval '1 microsecond', '2000-01-01T00:00:00Z'::timestamptz)
      + ${step} * interval '1 second')`;
}
