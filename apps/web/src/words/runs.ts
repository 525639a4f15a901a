import type { RunError } from "@quern/contract/run-error";
import type { RunStatus } from "@quern/contract/run-started";
import type { Run } from "@quern/contract/runs";
import { t } from "../i18n/language.ts";

export const STATUS_WORDS: Record<RunStatus, string> = {
  queued: t("Queued"),
  running: t("Running"),
  succeeded: t("Succeeded"),
  failed: t("Failed"),
  canceled: t("Canceled"),
};

export const KIND_WORDS: Record<Run["kind"], string> = {
  query: t("Query"),
  test: t("Connection test"),
  explain: t("Explain", { as: "noun" }),
  result_view: t("View"),
  result_statistics: t("Statistics"),
  result_comparison: t("Comparison"),
  introspect: t("Schema read"),
  head: t("Head of a project"),
};

/** How a run or a job came to be. */
export const TRIGGER_WORDS: Record<Run["trigger"], string> = {
  user: t("by hand"),
  schedule: t("by a schedule"),
  tile: t("by a dashboard tile"),
  api: t("over the API"),
  cli: t("from the terminal"),
  mcp: t("by an assistant"),
};

/** What triggers a run, for a choice of one. */
export const TRIGGER_NAMES: Record<Run["trigger"], string> = {
  user: t("By hand"),
  schedule: t("By a schedule"),
  tile: t("By a dashboard tile"),
  api: t("Over the API"),
  cli: t("From the terminal"),
  mcp: t("By an assistant"),
};

/** Who is behind a run: the person; Quern itself for what nobody asked for, such as the first read of a schema. */
export function whoRan(run: Pick<Run, "created_by" | "trigger">): string {
  if (run.created_by !== null) return run.created_by.name;
  return run.trigger === "user" ? t("Somebody who left") : "Quern";
}

/** How the run came to be, in words; empty when "who" says it all: Quern by itself. */
export function howTriggered(run: Pick<Run, "created_by" | "trigger">): string {
  return run.created_by === null && run.trigger === "api" ? "" : TRIGGER_WORDS[run.trigger];
}

type ErrorWords = { title: string; why: string; advice: string };

const ERROR_WORDS: Record<RunError["code"], ErrorWords> = {
  sql_error: { title: t("PostgreSQL refused the statement"), why: "", advice: "" },
  script_error: {
    title: t("The script cannot be run as it stands"),
    why: t("A psql command in it cannot be done, or a variable has no value."),
    advice: t("The message says where, and what to write instead."),
  },
  timeout: {
    title: t("The run took longer than its limit"),
    why: t(
      "Quern stopped it at the server when its timeout was over; connecting counts, waiting in the queue does not.",
    ),
    advice: t(
      "Narrow the query, look at its plan, or raise the timeout in Limits and run it again.",
    ),
  },
  runner_lost: {
    title: t("The runner went away in the middle of the run"),
    why: t(
      "Its process or machine stopped, or could not reach Quern’s database. The run is not repeated by itself, because its SQL may have had effects.",
    ),
    advice: t(
      "Whether the statements took effect is not known. Look before you run it again if they change data.",
    ),
  },
  executor_oom: {
    title: t("The run needed more memory than it may use"),
    why: t(
      "Single rows or cells were too large to pass through; the number of rows is never the reason.",
    ),
    advice: t("Return fewer or smaller columns, or cut large values with left()."),
  },
  executor_crashed: {
    title: t("The process that ran this ended unexpectedly"),
    why: t("Each run has a process of its own, so no other run was touched."),
    advice: t("Run it again. If it happens twice, send the details to whoever runs Quern."),
  },
  oversized_row: {
    title: t("A row is too large to be kept"),
    why: t("One cell may have 16 MiB."),
    advice: t("Leave the large column out, or cut it with left() or substring()."),
  },
  datasource_unreachable: {
    title: t("The datasource cannot be reached"),
    why: t("The server did not answer, or the connection broke during the run."),
    advice: t("Open the datasource and test its connection: the test says at which step it fails."),
  },
  auth_failed: {
    title: t("The datasource refused the sign-in"),
    why: t("The user or the password that Quern has is not, or no longer, right."),
    advice: t("An admin can set the datasource's user and password anew."),
  },
  permission_denied: {
    title: t("The datasource's role may not do this"),
    why: t("Quern signs in with the datasource's own role, whoever runs the query."),
    advice: t("Ask for a grant on the table or schema that the message names."),
  },
  result_store_unavailable: {
    title: t("The rows could not be kept"),
    why: t("The place where results are stored is full or did not answer."),
    advice: t("Run it again later; whoever runs Quern sees the result store on the System page."),
  },
  internal: {
    title: t("Quern failed"),
    why: t("This is a mistake of Quern, not of the SQL."),
    advice: t("Send the details to whoever runs Quern."),
  },
};

/** Where a head runs there is no datasource. */
const HEAD_WORDS: Partial<Record<RunError["code"], ErrorWords>> = {
  permission_denied: {
    title: t("The script's role may not do this"),
    why: t("Scripts run as a role that owns its database and is no superuser."),
    advice: t("Do it without, or name the extension that it needs in the project's environment."),
  },
  datasource_unreachable: {
    title: t("The job's database went away"),
    why: t("It was stopped, ran into a limit of memory or disk, or crashed."),
    advice: t("The log of the job says more. Run the job again."),
  },
};

/** What happened, why, and what to do, for a run's error code. */
export function describeRunError(error: RunError, kind: Run["kind"] = "query"): ErrorWords {
  return (kind === "head" ? HEAD_WORDS[error.code] : undefined) ?? ERROR_WORDS[error.code];
}

/** `seed/a.sql:12`, of an error in a script; null of any other. */
export function filePlace({ file, line }: RunError): string | null {
  if (!file) return null;
  return line ? `${file}:${line}` : file;
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
  if (error === null) return t("run {id}", { id: run.id });
  const lines = [
    error.message,
    filePlace(error),
    error.detail && t("Detail: {detail}", { detail: error.detail }),
    error.hint && t("Hint: {hint}", { hint: error.hint }),
    error.sqlstate && t("SQLSTATE: {sqlstate}", { sqlstate: error.sqlstate }),
    t("Code: {code}", { code: error.code }),
    t("Run: {id}", { id: run.id }),
  ];
  return lines.filter((line) => line).join("\n");
}
