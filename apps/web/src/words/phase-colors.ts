import type { PhaseKey } from "./run-phases.ts";

/** One colour a phase, wherever a timeline is drawn. */
export const PHASE_COLORS: Record<PhaseKey, string> = {
  queued: "bg-(--ui-border-accented)",
  connecting: "bg-info/40",
  executing: "bg-info",
  streaming: "bg-success",
  storing: "bg-primary",
};
