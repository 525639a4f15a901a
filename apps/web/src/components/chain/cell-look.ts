import type { CellState } from "../../words/job-steps.ts";

/** How a cell of each state looks: an icon always says the same as the colour. */
export const CELL_LOOK: Record<CellState, { box: string; icon: string }> = {
  hit: { box: "border-success/40 bg-success/10 hover:bg-success/20", icon: "text-success" },
  built: { box: "border-info/40 bg-info/10 hover:bg-info/20", icon: "text-info" },
  building: { box: "border-info bg-info/20", icon: "text-info" },
  evicted: {
    box: "border-warning/50 bg-warning/10 hover:bg-warning/20 border-dashed",
    icon: "text-warning",
  },
  changed: {
    box: "border-primary/50 bg-primary/10 hover:bg-primary/20 border-dashed",
    icon: "text-primary",
  },
  pending: { box: "border-default bg-default hover:bg-elevated border-dashed", icon: "text-muted" },
  failed: { box: "border-error bg-error/15 hover:bg-error/25", icon: "text-error" },
  skipped: { box: "border-default bg-muted hover:bg-elevated", icon: "text-dimmed" },
};
