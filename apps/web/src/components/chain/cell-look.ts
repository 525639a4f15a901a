import type { CellState } from "../../words/job-steps.ts";

/** How a cell of each state looks: an icon always says the same as the colour. Borders are opaque: browsers draw see-through ones in other colours at round corners. */
export const CELL_LOOK: Record<CellState, { box: string; icon: string }> = {
  hit: {
    box: "border-[color-mix(in_srgb,var(--ui-success)_45%,var(--ui-bg))] bg-success/10 hover:bg-success/20",
    icon: "text-success",
  },
  built: {
    box: "border-[color-mix(in_srgb,var(--ui-info)_45%,var(--ui-bg))] bg-info/10 hover:bg-info/20",
    icon: "text-info",
  },
  building: { box: "border-info bg-info/20", icon: "text-info" },
  evicted: {
    box: "border-[color-mix(in_srgb,var(--ui-warning)_55%,var(--ui-bg))] bg-warning/10 hover:bg-warning/20 border-dashed",
    icon: "text-warning",
  },
  changed: {
    box: "border-[color-mix(in_srgb,var(--ui-primary)_50%,var(--ui-bg))] bg-primary/10 hover:bg-primary/20 border-dashed",
    icon: "text-primary",
  },
  pending: { box: "border-default bg-default hover:bg-elevated border-dashed", icon: "text-muted" },
  failed: { box: "border-error bg-error/15 hover:bg-error/25", icon: "text-error" },
  skipped: { box: "border-default bg-muted hover:bg-elevated", icon: "text-dimmed" },
};
