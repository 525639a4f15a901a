import type { Plot } from "./plot.ts";
import type { SeriesLook } from "./series-look.ts";

/** The series of a plot, or its parts: what has a colour and a name of its own. */
export function seriesOf(plot: Plot | null): SeriesLook[] {
  if (plot === null) return [];
  switch (plot.kind) {
    case "xy":
    case "scatter":
    case "histogram":
    case "boxes":
    case "spots":
      return plot.series;
    case "parts":
      return plot.parts;
    default:
      return [];
  }
}
