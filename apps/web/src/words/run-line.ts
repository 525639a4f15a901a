import type { RunSummary } from "@quern/contract/runs";
import { t } from "../i18n/language.ts";
import { formatDuration } from "./duration.ts";
import { formatSecond } from "./instants.ts";
import { isTerminal, runDuration, STATUS_WORDS, whoRan } from "./runs.ts";

/** A run in one line, for a menu: `14:03, Ada, 1.24 s, 205 rows`. */
export function runLine(run: RunSummary): string {
  const took = isTerminal(run.status) ? runDuration(run) : null;
  return [
    formatSecond(run.queued_at),
    whoRan(run),
    run.query === null ? null : `v${run.query.version}`,
    run.query?.saved_on && run.datasource ? t("on {name}", { name: run.datasource.name }) : null,
    run.status === "succeeded"
      ? t("{n} row | {n} rows", { n: run.rows })
      : STATUS_WORDS[run.status].toLowerCase(),
    took === null ? null : formatDuration(took),
  ]
    .filter((words) => words !== null)
    .join(", ");
}
