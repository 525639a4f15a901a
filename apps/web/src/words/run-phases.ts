import type { Run } from "@quern/contract/runs";
import { t } from "../i18n/language.ts";

export type PhaseKey = "queued" | "connecting" | "executing" | "streaming" | "storing";

export type Phase = {
  key: PhaseKey;
  name: string;
  from: string;
  /** null while it goes on. */
  to: string | null;
  ms: number;
};

type Times = Pick<Run, "queued_at" | "claimed_at" | "started_at" | "first_row_at" | "finished_at"> &
  Partial<Pick<Run, "status" | "statements">>;

export const PHASE_NAMES: Record<PhaseKey, string> = {
  queued: t("Queued"),
  connecting: t("Connecting"),
  executing: t("Executing"),
  streaming: t("Streaming rows"),
  storing: t("Storing"),
};

/** The phases that a run went through, in order, with what it spent in each. `now` (ms) ends the open one. */
export function runPhases(run: Times, now: number): Phase[] {
  const marks: [PhaseKey, string | null][] = [
    ["queued", run.queued_at],
    ["connecting", run.claimed_at],
    ["executing", run.started_at],
    ["streaming", run.first_row_at],
    ["storing", engineDone(run)],
  ];
  const reached = marks.filter((mark): mark is [PhaseKey, string] => mark[1] !== null);
  return reached.map(([key, from], index) => {
    const to = reached[index + 1]?.[1] ?? run.finished_at;
    const end = to === null ? now : Date.parse(to);
    return { key, name: PHASE_NAMES[key], from, to, ms: Math.max(0, end - Date.parse(from)) };
  });
}

/**
 * When the last statement had ended, as far as the run tells: its statements' own times after the first one began.
 * What is left until the end went to storing rows and to writing down that it ended.
 */
function engineDone(run: Times): string | null {
  const { started_at, first_row_at, finished_at, statements, status } = run;
  if (status !== "succeeded" || started_at === null || finished_at === null) return null;
  if (statements === undefined || statements.length === 0) return null;
  const took = statements.reduce((sum, each) => sum + each.duration_ms, 0);
  const earliest = Date.parse(first_row_at ?? started_at);
  const done = Math.max(earliest, Math.round(Date.parse(started_at) + took));
  return done < Date.parse(finished_at) ? new Date(done).toISOString() : null;
}
