import { z } from "zod";
import { route } from "./route.ts";
import { runFilters } from "./runs.ts";
import { instant, wholeNumber } from "./text.ts";

const count = z.number().int();

/** Runs that were queued from `at` on, for the `bucket_ms` of the histogram. */
export const RunBucket = z
  .strictObject({
    at: instant,
    queued: count,
    running: count,
    succeeded: count,
    failed: count,
    canceled: count,
  })
  .meta({ id: "RunBucket" });
export type RunBucket = z.infer<typeof RunBucket>;

export const RunHistogram = z
  .strictObject({
    from: instant,
    to: instant,
    bucket_ms: z.number().describe("Width of a bucket"),
    buckets: z.array(RunBucket).describe("All of them in order of time, the empty ones too"),
    counted_from: instant
      .nullable()
      .describe(
        "Not null: there are too many runs to count; those before this instant are left out",
      ),
  })
  .meta({ id: "RunHistogram" });
export type RunHistogram = z.infer<typeof RunHistogram>;

export const readRunHistogram = route({
  operation: "readRunHistogram",
  summary: "How many runs there were over time, by status; the newest 100,000 at most are counted",
  tag: "runs",
  method: "GET",
  path: "/api/v1/runs/histogram",
  query: z.strictObject({
    ...runFilters,
    from: instant,
    to: instant,
    buckets: wholeNumber({ min: 1, max: 500 }).optional().describe("60 when left out"),
  }),
  replies: { 200: RunHistogram },
});
