/** What a trial with a sample of rows says of times, in words. */
import type { Trial, TrialPlan, TrialStatement } from "@quern/contract/health/trials";
import { t } from "../../i18n/language.ts";
import { formatCount, formatDecimal, formatEstimate } from "../../words/count.ts";
import { formatDuration } from "../../words/duration.ts";
import type { Tone } from "../../words/tone.ts";

/** Times that differ by less may be the same. */
const SAME = 1.25;
const SAME_MS = 0.05;

/** What a statement took on one side; of one that was ended, what it took at least. Undefined: it was not timed. */
function tookOf(side: TrialPlan | null): { ms: number; atLeast: boolean } | undefined {
  if (side?.timing) return { ms: side.timing.ms, atLeast: false };
  if (side?.untimed !== "too_long") return undefined;
  return { ms: Number(side.untimed_detail) * 1_000, atLeast: true };
}

/** What the fix does to the time of a statement; null where one side was not timed, or both were ended. */
export function timeChangeOf({
  before,
  after,
}: Pick<TrialStatement, "before" | "after">): Tone | null {
  const [was, is] = [tookOf(before), tookOf(after)];
  if (was === undefined || is === undefined || (was.atLeast && is.atLeast)) return null;
  const [from, to] = [was.ms, is.ms];
  const factor = (one: number, other: number) => Math.max(one, 0.001) / Math.max(other, 0.001);
  const words = (times: number) =>
    times < 10 ? formatDecimal(times, 1) : formatEstimate(Math.round(times));
  const [saved, more] = [factor(from, to), factor(to, from)];
  const apart = Math.abs(from - to) >= SAME_MS;
  const bound = was.atLeast || is.atLeast;
  if (apart && saved >= SAME)
    return {
      words: bound
        ? t("over {times}× faster", { times: words(saved) })
        : t("{times}× faster", { times: words(saved) }),
      icon: "i-lucide-trending-down",
      color: "success",
    };
  if (apart && more >= SAME)
    return {
      words: bound
        ? t("over {times}× slower", { times: words(more) })
        : t("{times}× slower", { times: words(more) }),
      icon: "i-lucide-trending-up",
      color: "error",
    };
  return { words: t("about the same"), icon: "i-lucide-equal", color: "neutral" };
}

/** A time on the sample: `0.4 ms` says too little of what takes `412 µs`. */
export function formatTiming(ms: number): string {
  return ms < 1 ? `${formatCount(Math.max(1, Math.round(ms * 1000)))} µs` : formatDuration(ms);
}

/** What a statement took on one side, or more than what; null where it was not timed. */
export function timingOf(side: TrialPlan | null): string | null {
  const took = tookOf(side);
  if (took === undefined) return null;
  return took.atLeast ? `> ${formatTiming(took.ms)}` : formatTiming(took.ms);
}

/** What was timed, in a sentence. */
export function timingSummaryOf({ statements, fix }: Trial): string {
  const all = statements.length;
  const timed = statements.filter((each) => each.before?.timing != null || timeChangeOf(each));
  const changes = timed.map((statement) => timeChangeOf(statement)?.color);
  const faster = changes.filter((color) => color === "success").length;
  const slower = changes.filter((color) => color === "error").length;
  const counts = { n: timed.length, all, faster, slower };
  if (timed.length === 0) return t("None of these statements could be timed on the sample.");
  if (fix.sql === null)
    return t(
      "{n} of {all} statements was timed on the sample. | {n} of {all} statements were timed on the sample.",
      counts,
    );
  return t(
    "{n} of {all} statements was timed on the sample: with the fix {faster} are faster, {slower} slower. | {n} of {all} statements were timed on the sample: with the fix {faster} are faster, {slower} slower.",
    counts,
  );
}

/** Of how many rows a table’s sample is. */
export function rowsWords(rows: number, of: number | null): string {
  const count = formatCount(rows);
  return of === null
    ? t("{count} row | {count} rows", { n: rows, count })
    : t("{count} row of about {of} | {count} rows of about {of}", {
        ...{ n: rows, count },
        of: formatEstimate(Math.max(rows, of)),
      });
}

/** Which rows a statement was timed on. */
export function sampleOf(
  sample: NonNullable<Trial["sample"]>,
  { reads }: Pick<TrialStatement, "reads">,
): string | null {
  const tables = sample.tables.filter(({ table, rows }) => reads.includes(table) && rows !== null);
  if (tables.length === 0) return null;
  const rows = tables.reduce((sum, each) => sum + (each.rows ?? 0), 0);
  const known = tables.every(({ of }) => of !== null);
  const of = known
    ? tables.reduce((sum, each) => sum + Math.max(each.of ?? 0, each.rows ?? 0), 0)
    : null;
  return t("Timed on a sample of {rows}: not the database’s timing.", {
    rows: rowsWords(rows, of),
  });
}

/** Why a statement has a plan and no time. */
export function untimedWords({ untimed, untimed_detail }: TrialPlan): string | null {
  const detail = untimed_detail ?? "";
  switch (untimed) {
    case "parameters":
      return detail === ""
        ? t("Not timed: without its literals this text is no statement.")
        : t(
            "Not timed: parameter {detail} is compared with no column, so no value for it is known.",
            {
              detail,
            },
          );
    case "no_rows":
      return t("Not timed: no row of {detail} was copied.", { detail });
    case "no_values":
      return t("Not timed: no sampled row has a value for each of its parameters.");
    case "failed":
      return t("Not timed: PostgreSQL ended it on the sampled rows (SQLSTATE {detail}).", {
        detail,
      });
    case "too_long":
      return t("Not timed: its first run on the sample was ended after {n} s.", {
        n: formatCount(Number(detail)),
      });
    case "no_time":
      return t("Not timed: the statements before it took all the time there is.");
    default:
      return null;
  }
}
