import type { JobStep } from "@quern/contract/jobs";
import { t } from "../i18n/language.ts";
import type { Phase } from "../projects/phases.ts";

export const PHASE_WORDS: Record<Phase, { name: string; why: string }> = {
  init: { name: t("state"), why: t("Makes the schema: runs first") },
  seed: { name: t("state"), why: t("Fills it with rows: runs after init") },
  test: { name: t("heads"), why: t("Heads: each runs on the state after init and seed") },
  bench: { name: t("heads"), why: t("Heads: each runs on the state after init and seed") },
};

/** What a cell of the chain says: as the step's outcome, and `evicted` for what was in the cache once and is replayed now. */
export type CellState =
  | "hit"
  | "built"
  | "building"
  | "evicted"
  | "changed"
  | "pending"
  | "failed"
  | "skipped";

export const CELL_WORDS: Record<CellState, string> = {
  hit: t("Hit"),
  built: t("Built"),
  building: t("Building"),
  evicted: t("Evicted, to be rebuilt"),
  changed: t("New or changed"),
  pending: t("To be done"),
  failed: t("Failed"),
  skipped: t("Not run"),
};

export const CELL_ICONS: Record<CellState, string> = {
  hit: "i-lucide-zap",
  built: "i-lucide-hammer",
  building: "i-lucide-loader-circle",
  evicted: "i-lucide-archive-x",
  changed: "i-lucide-pencil",
  pending: "i-lucide-clock",
  failed: "i-lucide-circle-x",
  skipped: "i-lucide-circle-minus",
};

/** How a step stands. What is still to be done says why it is not in the cache. */
export function cellState(step: Pick<JobStep, "outcome" | "reason">): CellState {
  if (step.outcome !== "pending") return step.outcome;
  if (step.reason === "evicted" || step.reason === "expired") return "evicted";
  return step.reason === "never_built" ? "changed" : "pending";
}

const REASONS: Record<string, string> = {
  ready: t("Its state was in the cache."),
  never_built: t("No state was made of exactly these files before."),
  evicted: t("Its state was in the cache once, and was evicted."),
  expired: t("Its state was in the cache once, and its time was over."),
  exported: t("Its state was fetched from the shared store."),
  imported: t("Its state was fetched from the shared store."),
  shared: t("Another job made its state at the same time; this one waited for it."),
  no_cache: t("The job asked for no cache."),
  not_kept: t("It is a part of a later state that is in the cache; none of its own was kept."),
  volatile: t("It calls something whose outcome may differ, so the policy makes it anew."),
};

/** Why a step had to be replayed, or had not. */
export function reasonWords(reason: string): string {
  return REASONS[reason] ?? reason.replaceAll("_", " ");
}

/** How many steps are in each state, in the order in which a legend lists them. */
export function countStates(
  steps: readonly Pick<JobStep, "outcome" | "reason">[],
): [CellState, number][] {
  const counts = new Map<CellState, number>();
  for (const step of steps) {
    const state = cellState(step);
    counts.set(state, (counts.get(state) ?? 0) + 1);
  }
  return (Object.keys(CELL_WORDS) as CellState[]).flatMap((state) => {
    const count = counts.get(state);
    return count === undefined ? [] : [[state, count] as [CellState, number]];
  });
}
