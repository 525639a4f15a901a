import type { Run } from "@quern/contract/runs";
import { t } from "../i18n/language.ts";
import { isTerminal } from "./runs.ts";

export type CancelWords = { tone: "busy" | "warning" | "plain"; title: string; detail: string };

/** A runner that gave no sign for this long has lost its lease, and its runs end (docs/runs.md). */
const LOST_AFTER_MS = 20_000;

/**
 * How a cancel that was asked for stands: under way, done, not confirmed by the server, or too late. Null when nobody
 * asked, or when there is nothing to say beyond the status. `now` is the server's clock, ms.
 */
export function cancelWords(
  run: Pick<Run, "status" | "cancel" | "error" | "started_at" | "finished_at" | "runner">,
  now: number,
): CancelWords | null {
  const { cancel, status } = run;
  if (cancel === null) return null;
  if (!isTerminal(status)) {
    const late = now - Date.parse(cancel.requested_at) > LOST_AFTER_MS;
    return {
      tone: "busy",
      title: t("Canceling"),
      detail: late
        ? t(
            "The runner has not answered. If it is gone, the run ends by itself 20 s after its last sign of life; nothing else is needed.",
          )
        : t(
            "The runner asks the server to stop the statement, ends the session if that does not help, and then looks whether it is gone.",
          ),
    };
  }
  if (status === "succeeded")
    return {
      tone: "plain",
      title: t("The cancel came too late"),
      detail: t("The run had already done its work, so it ended as usual."),
    };
  if (run.error?.code === "runner_lost")
    return {
      tone: "warning",
      title: t("The server did not confirm the cancel"),
      detail: t("The runner went away before it could look whether the statement had stopped."),
    };
  if (cancel.confirmed === true || run.started_at === null) return null;
  return {
    tone: "warning",
    title: t("The server did not confirm the cancel"),
    detail: t("The run has ended here, but its statement may still go on at the datasource."),
  };
}

/** SQL that finds, at the datasource, the session of a run that may not have stopped: statements carry their run's id. */
export function sessionSql(runId: string): string {
  return `select pid, state, query_start, wait_event_type, wait_event, query\nfrom pg_stat_activity\nwhere query like '%${runId}%' and pid <> pg_backend_pid();`;
}
