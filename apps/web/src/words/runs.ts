import type { RunStatus } from "@quern/contract/run-started";
import type { Run, RunError } from "@quern/contract/runs";

export const STATUS_WORDS: Record<RunStatus, string> = {
  queued: "Queued",
  running: "Running",
  succeeded: "Succeeded",
  failed: "Failed",
  canceled: "Canceled",
};

export const KIND_WORDS: Record<Run["kind"], string> = {
  query: "Query",
  test: "Connection test",
  explain: "Explain",
  result_view: "View",
  result_statistics: "Statistics",
  result_comparison: "Comparison",
  introspect: "Schema read",
};

const TRIGGER_WORDS: Record<Run["trigger"], string> = {
  user: "by hand",
  schedule: "by a schedule",
  tile: "by a dashboard tile",
  api: "over the API",
  cli: "from the terminal",
  mcp: "by an assistant",
};

/** Who is behind a run: the person; Quern itself for what nobody asked for, such as the first read of a schema. */
export function whoRan(run: Pick<Run, "created_by" | "trigger">): string {
  if (run.created_by !== null) return run.created_by.name;
  return run.trigger === "user" ? "Somebody who left" : "Quern";
}

/** How the run came to be, in words; empty when "who" says it all: Quern by itself. */
export function howTriggered(run: Pick<Run, "created_by" | "trigger">): string {
  return run.created_by === null && run.trigger === "api" ? "" : TRIGGER_WORDS[run.trigger];
}

type ErrorWords = { title: string; advice: string };

const ERROR_WORDS: Record<RunError["code"], ErrorWords> = {
  sql_error: { title: "PostgreSQL refused the statement", advice: "" },
  timeout: {
    title: "The run took longer than its limit",
    advice: "Narrow the query, or raise the timeout in Limits and run it again.",
  },
  runner_lost: {
    title: "The runner went away in the middle of the run",
    advice:
      "Whether the statements took effect is not known. Look before you run it again if they change data.",
  },
  executor_oom: {
    title: "The run needed more memory than it may use",
    advice: "Return fewer or smaller columns, or cut large values with left().",
  },
  executor_crashed: {
    title: "The process that ran this ended unexpectedly",
    advice: "Run it again. If it happens twice, send the details to whoever runs Quern.",
  },
  oversized_row: {
    title: "A row is too large to be kept",
    advice: "Leave the large column out, or cut it with left() or substring().",
  },
  datasource_unreachable: {
    title: "The datasource cannot be reached",
    advice: "Open the datasource and test its connection: the test says at which step it fails.",
  },
  auth_failed: {
    title: "The datasource refused the sign-in",
    advice: "An admin can set the datasource's user and password anew.",
  },
  permission_denied: {
    title: "The datasource's role may not do this",
    advice: "Ask for a grant on the table or schema that the message names.",
  },
  result_store_unavailable: {
    title: "The rows could not be kept",
    advice: "The place where results are stored did not answer. Run it again later.",
  },
  internal: {
    title: "Quern failed",
    advice: "Send the details to whoever runs Quern.",
  },
};

/** What happened and what to do, for a run's error code. */
export function describeRunError(error: RunError): ErrorWords {
  return ERROR_WORDS[error.code];
}

export function isTerminal(status: RunStatus): boolean {
  return status !== "queued" && status !== "running";
}

/** Milliseconds that a run took from the engine's first statement (or its claim) until it ended, or until `now`. */
export function runDuration(
  run: Pick<Run, "claimed_at" | "started_at" | "finished_at">,
  now: number = Date.now(),
): number | null {
  const start = run.started_at ?? run.claimed_at;
  if (start === null) return null;
  const end = run.finished_at === null ? now : Date.parse(run.finished_at);
  return Math.max(0, end - Date.parse(start));
}

/** The whole error as text, to paste into a ticket. */
export function runErrorText(run: Pick<Run, "id" | "error">): string {
  const { error } = run;
  if (error === null) return `run ${run.id}`;
  const lines = [
    error.message,
    error.detail && `Detail: ${error.detail}`,
    error.hint && `Hint: ${error.hint}`,
    error.sqlstate && `SQLSTATE: ${error.sqlstate}`,
    `Code: ${error.code}`,
    `Run: ${run.id}`,
  ];
  return lines.filter((line) => line).join("\n");
}
