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

/** What triggers a run, for a choice of one. */
export const TRIGGER_NAMES: Record<Run["trigger"], string> = {
  user: "By hand",
  schedule: "By a schedule",
  tile: "By a dashboard tile",
  api: "Over the API",
  cli: "From the terminal",
  mcp: "By an assistant",
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

type ErrorWords = { title: string; why: string; advice: string };

const ERROR_WORDS: Record<RunError["code"], ErrorWords> = {
  sql_error: { title: "PostgreSQL refused the statement", why: "", advice: "" },
  timeout: {
    title: "The run took longer than its limit",
    why: "Quern stopped it at the server when its timeout was over; connecting counts, waiting in the queue does not.",
    advice: "Narrow the query, look at its plan, or raise the timeout in Limits and run it again.",
  },
  runner_lost: {
    title: "The runner went away in the middle of the run",
    why: "Its process or machine stopped, or could not reach Quern’s database. The run is not repeated by itself, because its SQL may have had effects.",
    advice:
      "Whether the statements took effect is not known. Look before you run it again if they change data.",
  },
  executor_oom: {
    title: "The run needed more memory than it may use",
    why: "Single rows or cells were too large to pass through; the number of rows is never the reason.",
    advice: "Return fewer or smaller columns, or cut large values with left().",
  },
  executor_crashed: {
    title: "The process that ran this ended unexpectedly",
    why: "Each run has a process of its own, so no other run was touched.",
    advice: "Run it again. If it happens twice, send the details to whoever runs Quern.",
  },
  oversized_row: {
    title: "A row is too large to be kept",
    why: "One cell may have 16 MiB.",
    advice: "Leave the large column out, or cut it with left() or substring().",
  },
  datasource_unreachable: {
    title: "The datasource cannot be reached",
    why: "The server did not answer, or the connection broke during the run.",
    advice: "Open the datasource and test its connection: the test says at which step it fails.",
  },
  auth_failed: {
    title: "The datasource refused the sign-in",
    why: "The user or the password that Quern has is not, or no longer, right.",
    advice: "An admin can set the datasource's user and password anew.",
  },
  permission_denied: {
    title: "The datasource's role may not do this",
    why: "Quern signs in with the datasource's own role, whoever runs the query.",
    advice: "Ask for a grant on the table or schema that the message names.",
  },
  result_store_unavailable: {
    title: "The rows could not be kept",
    why: "The place where results are stored is full or did not answer.",
    advice: "Run it again later; whoever runs Quern sees the result store on the System page.",
  },
  internal: {
    title: "Quern failed",
    why: "This is a mistake of Quern, not of the SQL.",
    advice: "Send the details to whoever runs Quern.",
  },
};

/** What happened, why, and what to do, for a run's error code. */
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
