/** What a firing looks like: one of few states, its words, how late and how long. */
import type { Firing, Schedule } from "@quern/contract/schedules";
import { t } from "../i18n/language.ts";
import { formatDuration } from "../words/duration.ts";
import { exactInstant } from "../words/instants.ts";
import { STATUS_WORDS } from "../words/runs.ts";
import { OUTCOME_WORDS } from "./words.ts";

type Seen = Pick<Firing, "outcome" | "status">;
export type FiringState = "succeeded" | "failed" | "going" | "waiting" | "canceled" | "skipped";

export function stateOf({ outcome, status }: Seen): FiringState {
  if (outcome === "failed" || status === "failed") return "failed";
  if (outcome === "waiting") return "waiting";
  if (outcome !== "enqueued") return "skipped";
  if (status === "queued" || status === "running") return "going";
  return status === "canceled" ? "canceled" : "succeeded";
}

export const STATE_LOOK: Record<FiringState, { icon: string; color: string; tick: string }> = {
  succeeded: { icon: "i-lucide-circle-check", color: "text-success", tick: "bg-success h-full" },
  failed: { icon: "i-lucide-circle-x", color: "text-error", tick: "bg-error h-full" },
  going: { icon: "i-lucide-loader-circle", color: "text-info", tick: "bg-info h-2/3" },
  waiting: { icon: "i-lucide-hourglass", color: "text-muted", tick: "bg-accented h-2/3" },
  canceled: { icon: "i-lucide-circle-slash", color: "text-warning", tick: "bg-warning h-2/3" },
  skipped: { icon: "i-lucide-skip-forward", color: "text-muted", tick: "bg-accented h-1/3" },
};

export function stateWords({ outcome, status }: Seen): string {
  return outcome === "enqueued" && status !== null ? STATUS_WORDS[status] : OUTCOME_WORDS[outcome];
}

/** Of a tick: when it was due, and what came of it. */
export function tickWords(firing: Schedule["recent"][number]): string {
  return t("{time}: {status}", { time: exactInstant(firing.fire_at), status: stateWords(firing) });
}

/** From when it was due until it was fired; empty for what was not run. */
export function latenessWords({
  fire_at,
  fired_at,
  outcome,
  trigger,
}: Firing | NonNullable<Schedule["last_firing"]>): string {
  if (outcome !== "enqueued" || trigger === "manual") return "";
  const ms = Date.parse(fired_at) - Date.parse(fire_at);
  return ms < 1_000 ? t("on time") : t("{time} late", { time: formatDuration(ms) });
}

/** From firing to the end of the last run, in milliseconds; null while it goes on, or when nothing ran. */
export function firingDuration({
  fired_at,
  finished_at,
}: Pick<Firing, "fired_at" | "finished_at">): number | null {
  return finished_at === null ? null : Math.max(0, Date.parse(finished_at) - Date.parse(fired_at));
}
