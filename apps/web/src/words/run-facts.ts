import type { Run } from "@quern/contract/runs";
import { formatByteLimit, formatBytes } from "./bytes.ts";
import { formatCount } from "./count.ts";
import { formatDuration } from "./duration.ts";
import { exactInstant, formatAge, formatInstant } from "./instants.ts";
import { howTriggered, KIND_WORDS, whoRan } from "./runs.ts";

export type Fact = { name: string; value: string; title?: string; mono?: boolean };

const PRIORITY_WORDS: Record<Run["priority"], string> = {
  interactive: "interactive, first",
  dashboard: "dashboard, after people",
  schedule: "schedule, last",
};

/** What is known of a run besides its SQL, rows and times, in the order of interest. */
export function runFacts(run: Run, now: number): Fact[] {
  const { limits } = run;
  const facts: (Fact | null)[] = [
    { name: "Kind", value: KIND_WORDS[run.kind] },
    {
      name: "Triggered",
      value: [whoRan(run), howTriggered(run)].filter((words) => words).join(", "),
    },
    run.callers.length < 2
      ? null
      : {
          name: "Shared by",
          value: run.callers.map((each) => each.name).join(", "),
          title: "A cancel ends the run when it was the last one’s who waits for it",
        },
    {
      name: "Queued",
      value: formatInstant(run.queued_at, now),
      title: exactInstant(run.queued_at),
    },
    { name: "Priority", value: PRIORITY_WORDS[run.priority] },
    {
      name: "Timeout",
      value: formatDuration(limits.timeout_ms),
      title: `${formatCount(limits.timeout_ms)} ms`,
    },
    { name: "Rows at most", value: formatCount(limits.max_rows) },
    {
      name: "Size at most",
      value: formatByteLimit(limits.max_bytes),
      title: `${formatCount(limits.max_bytes)} bytes`,
    },
    run.rows === 0 ? null : { name: "Rows", value: formatCount(run.rows) },
    run.bytes === 0
      ? null
      : {
          name: "Size",
          value: formatBytes(run.bytes),
          title: `${formatCount(run.bytes)} bytes, uncompressed`,
        },
    run.cpu_ms === null
      ? null
      : {
          name: "CPU",
          value: formatDuration(run.cpu_ms),
          title: "Of Quern’s executor, not of the database",
        },
    run.peak_rss === null
      ? null
      : {
          name: "Memory at most",
          value: formatBytes(run.peak_rss),
          title: `${formatCount(run.peak_rss)} bytes, of Quern’s executor`,
        },
    { name: "Attempt", value: String(run.attempt) },
    run.runner === null ? null : { name: "Runner", value: run.runner, mono: true },
    traceOf(run) === null ? null : { name: "Trace", value: traceOf(run) ?? "", mono: true },
    ...afterwards(run, now),
  ];
  return facts.filter((fact) => fact !== null);
}

function afterwards(run: Run, now: number): (Fact | null)[] {
  return [
    run.result_expires_at === null
      ? null
      : {
          name: run.result_expired ? "Rows went" : "Rows are kept",
          value: `${run.result_expired ? "" : "until "}${formatInstant(run.result_expires_at, now)}`,
          title: exactInstant(run.result_expires_at),
        },
    run.cancel === null
      ? null
      : {
          name: "Cancel",
          value: `by ${run.cancel.by?.name ?? "the system"} ${formatAge(run.cancel.requested_at, Math.max(now, Date.parse(run.cancel.requested_at)))}, ${run.cancel.confirmed === true ? "confirmed" : run.cancel.confirmed === false ? "not confirmed" : "not answered yet"}`,
          title: exactInstant(run.cancel.requested_at),
        },
  ];
}

/** The trace's id out of W3C `traceparent`: `00-<trace>-<span>-01`. */
export function traceOf(run: Pick<Run, "traceparent">): string | null {
  return run.traceparent?.split("-")[1] ?? null;
}
