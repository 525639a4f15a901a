import type { Run } from "@quern/contract/runs";
import { t } from "../i18n/language.ts";
import { formatByteLimit, formatBytes } from "./bytes.ts";
import { formatCount } from "./count.ts";
import { formatDuration } from "./duration.ts";
import { exactInstant, formatAge, formatInstant } from "./instants.ts";
import { howTriggered, KIND_WORDS, whoRan } from "./runs.ts";

/** `mono` is how the name is written, `look` classes of the value. */
export type Fact = {
  name: string;
  value: string;
  title?: string | undefined;
  mono?: boolean;
  look?: string;
};

const PRIORITY_WORDS: Record<Run["priority"], string> = {
  interactive: t("interactive, first"),
  dashboard: t("dashboard, after people"),
  schedule: t("schedule, last"),
};

/** What is known of a run besides its SQL, rows and times, in the order of interest. */
export function runFacts(run: Run, now: number): Fact[] {
  const { limits } = run;
  const facts: (Fact | null)[] = [
    { name: t("Kind"), value: KIND_WORDS[run.kind] },
    {
      name: t("Triggered"),
      value: [whoRan(run), howTriggered(run)].filter((words) => words).join(", "),
    },
    run.callers.length < 2
      ? null
      : {
          name: t("Shared by"),
          value: run.callers.map((each) => each.name).join(", "),
          title: t("A cancel ends the run when it was the last one’s who waits for it"),
        },
    {
      name: t("Queued", { as: "time" }),
      value: formatInstant(run.queued_at, now),
      title: exactInstant(run.queued_at),
    },
    { name: t("Priority"), value: PRIORITY_WORDS[run.priority] },
    {
      name: t("Timeout"),
      value: formatDuration(limits.timeout_ms),
      title: `${limits.timeout_ms} ms`,
    },
    { name: t("Rows at most"), value: formatCount(limits.max_rows) },
    {
      name: t("Size at most"),
      value: formatByteLimit(limits.max_bytes),
      title: t("{max_bytes} bytes", { max_bytes: limits.max_bytes }),
    },
    run.rows === 0 ? null : { name: t("Rows"), value: formatCount(run.rows) },
    run.bytes === 0
      ? null
      : {
          name: t("Size"),
          value: formatBytes(run.bytes),
          title: t("{bytes} bytes, uncompressed", { bytes: run.bytes }),
        },
    run.cpu_ms === null
      ? null
      : {
          name: "CPU",
          value: formatDuration(run.cpu_ms),
          title: t("Of Quern’s executor, not of the database"),
        },
    run.peak_rss === null
      ? null
      : {
          name: t("Memory at most"),
          value: formatBytes(run.peak_rss),
          title: t("{peak_rss} bytes, of Quern’s executor", { peak_rss: run.peak_rss }),
        },
    { name: t("Attempt"), value: String(run.attempt) },
    run.runner === null ? null : { name: t("Runner"), value: run.runner, mono: true },
    traceOf(run) === null ? null : { name: t("Trace"), value: traceOf(run) ?? "", mono: true },
    ...afterwards(run, now),
  ];
  return facts.filter((fact) => fact !== null);
}

function cancelWords(
  { by, requested_at, confirmed }: NonNullable<Run["cancel"]>,
  now: number,
): string {
  const words = {
    name: by?.name ?? t("the system"),
    age: formatAge(requested_at, Math.max(now, Date.parse(requested_at))),
  };
  if (confirmed === null) return t("by {name} {age}, not answered yet", words);
  return confirmed
    ? t("by {name} {age}, confirmed", words)
    : t("by {name} {age}, not confirmed", words);
}

function afterwards(run: Run, now: number): (Fact | null)[] {
  return [
    run.result_expires_at === null
      ? null
      : {
          name: run.result_expired ? t("Rows went") : t("Rows are kept"),
          value: run.result_expired
            ? formatInstant(run.result_expires_at, now)
            : t("until {time}", { time: formatInstant(run.result_expires_at, now) }),
          title: exactInstant(run.result_expires_at),
        },
    run.cancel === null
      ? null
      : {
          name: t("Cancel", { as: "noun" }),
          value: cancelWords(run.cancel, now),
          title: exactInstant(run.cancel.requested_at),
        },
  ];
}

/** The trace's id out of W3C `traceparent`: `00-<trace>-<span>-01`. */
export function traceOf(run: Pick<Run, "traceparent">): string | null {
  return run.traceparent?.split("-")[1] ?? null;
}
