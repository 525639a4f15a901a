import type { RunBucket, RunHistogram } from "@quern/contract/run-history";
import { t } from "../i18n/language.ts";
import { DAY } from "../words/duration.ts";
import { formatInstant } from "../words/instants.ts";

/** The spans that the histogram can show, in ms, by the words of their button. */
export const SPANS = [
  { key: "1h", label: "1 h", ms: 3_600_000 },
  { key: "24h", label: "24 h", ms: 86_400_000 },
  { key: "7d", label: `7 ${DAY}`, ms: 604_800_000 },
  { key: "30d", label: `30 ${DAY}`, ms: 2_592_000_000 },
] as const;
export type SpanKey = (typeof SPANS)[number]["key"];

/** The whole time that is shown: up to `now`, wide enough for a chosen range. Rounded, so that it is not read anew each ms. */
export function shownRange(
  span: SpanKey,
  chosen: { from?: string; to?: string },
  now: number,
): { from: string; to: string } {
  const ms = SPANS.find((each) => each.key === span)?.ms ?? SPANS[1].ms;
  const step = Math.max(10_000, ms / 60);
  const end = Math.ceil(now / step) * step;
  const first = Math.min(
    end - ms,
    chosen.from ? Date.parse(chosen.from) : Number.POSITIVE_INFINITY,
  );
  const last = Math.max(end, chosen.to ? Date.parse(chosen.to) : 0);
  return { from: new Date(first).toISOString(), to: new Date(last).toISOString() };
}

/** The bucket at `x` of `width` px, kept within the chart. */
export function bucketAt(x: number, width: number, buckets: number): number {
  return Math.max(0, Math.min(buckets - 1, Math.floor((x / Math.max(1, width)) * buckets)));
}

/** From the start of the earlier to the end of the later of two buckets. */
export function rangeOf(
  histogram: Pick<RunHistogram, "buckets" | "bucket_ms" | "to">,
  one: number,
  other: number,
): { from: string; to: string } {
  const [first, last] = [Math.min(one, other), Math.max(one, other)];
  const from = histogram.buckets[first]?.at ?? histogram.to;
  const start = Date.parse(histogram.buckets[last]?.at ?? histogram.to);
  return { from, to: new Date(Math.round(start + histogram.bucket_ms)).toISOString() };
}

/** Where a chosen range lies in the shown one, as parts of its width; null when none is chosen. */
export function brushOf(
  histogram: Pick<RunHistogram, "from" | "to">,
  chosen: { from?: string; to?: string },
): { left: number; width: number } | null {
  if (!chosen.from && !chosen.to) return null;
  const [start, end] = [Date.parse(histogram.from), Date.parse(histogram.to)];
  const part = (at: string | undefined, fallback: number) =>
    at === undefined
      ? fallback
      : Math.max(0, Math.min(1, (Date.parse(at) - start) / Math.max(1, end - start)));
  const [left, right] = [part(chosen.from, 0), part(chosen.to, 1)];
  return { left, width: Math.max(0, right - left) };
}

export const BUCKET_STATUSES = ["succeeded", "failed", "canceled", "running", "queued"] as const;

export function bucketTotal(bucket: RunBucket): number {
  return BUCKET_STATUSES.reduce((sum, status) => sum + bucket[status], 0);
}

/** `14:00 to 14:30: 12 runs, 2 failed`. */
export function bucketWords(bucket: RunBucket, bucketMs: number, now: number): string {
  const to = new Date(Date.parse(bucket.at) + bucketMs).toISOString();
  const parts = BUCKET_STATUSES.filter((status) => status !== "succeeded" && bucket[status] > 0);
  return [
    t("{at} to {to}: {n} run | {at} to {to}: {n} runs", {
      at: formatInstant(bucket.at, now),
      to: formatInstant(to, now),
      n: bucketTotal(bucket),
    }),
    ...parts.map((status) => `${bucket[status]} ${status}`),
  ].join(", ");
}
