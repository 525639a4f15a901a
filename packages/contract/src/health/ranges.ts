/** The time range that all pages of a database share, and the points that charts are drawn from. */
import { z } from "zod";
import { instant } from "../text.ts";

/**
 * What makes the differences of a point doubtful. reset: statistics were reset, counted from there. crash: counters began
 * anew with the server. evicted: entries were thrown out of pg_stat_statements, so sums are lower bounds. gap: nothing
 * came for more than twice the usual interval. clock_step: a clock was set. first: there is nothing to compare with.
 * failover: another timeline. unknown: it cannot be told whether counters were lost, or another server answers.
 */
export const HealthMark = z
  .enum(["reset", "crash", "evicted", "gap", "clock_step", "first", "failover", "unknown"])
  .meta({ id: "HealthMark" });
export type HealthMark = z.infer<typeof HealthMark>;

/** `from` is a day before `to` when left out, `to` is now. At most two years. */
export const range = {
  from: instant.optional(),
  to: instant.optional(),
};

/** Adds the series of a week before to an answer, as `name:week`, at the times of now. */
export const compare = z.enum(["week"]).optional();

export const Resolution = z.enum(["raw", "hour", "day"]);
export type Resolution = z.infer<typeof Resolution>;

/** What was answered: the range as it was taken, and how fine. */
export const RangeAnswer = z.strictObject({ from: instant, to: instant, resolution: Resolution });
export type RangeAnswer = z.infer<typeof RangeAnswer>;

/** One line of a chart: values at `at` of the series beside it, null where nothing is known. */
export const Series = z.strictObject({
  name: z.string(),
  unit: z
    .string()
    .describe("count, bytes, ms, ratio, xids, per_second, bytes_per_second, ms_per_second"),
  values: z.array(z.number().nullable()),
});
export type Series = z.infer<typeof Series>;

export const SeriesAnswer = z
  .strictObject({
    range: RangeAnswer,
    at: z.array(instant),
    seconds: z.array(z.number()).describe("How long the interval is that ends there"),
    marks: z.array(z.strictObject({ at: instant, mark: HealthMark })),
    series: z.array(Series),
  })
  .meta({ id: "SeriesAnswer" });
export type SeriesAnswer = z.infer<typeof SeriesAnswer>;

/** Why there is nothing to show, and what to do: a designed state of each page. */
export const SectionState = z
  .strictObject({
    state: z.enum(["ok", "no_data", "no_permission", "not_supported", "error", "stale"]),
    code: z.string().nullable(),
    hint: z.string().nullable().describe("What to do; the statement to run, where there is one"),
    at: instant.nullable().describe("When the agent last read it"),
  })
  .meta({ id: "SectionState" });
export type SectionState = z.infer<typeof SectionState>;
