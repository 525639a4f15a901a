import type { EChartsCoreOption } from "echarts/core";
import type { Ink } from "./palette.ts";
import { type Tip, tooltipElement } from "./tooltip.ts";

/** How much room a drawing has, and for whom it is. */
export type Look = {
  ink: Ink;
  /** Pixels. */
  width: number;
  height: number;
  /** In a tile: smaller letters, less around. */
  compact: boolean;
  /** No motion. */
  still: boolean;
  /** On paper or in a file: nothing answers to the mouse. */
  printed: boolean;
  /** False while the mouse is over another chart that shares the hover line. */
  isHovered: () => boolean;
  /** Is told which marks the hover box speaks of. */
  seen?: (found: Found[]) => void;
};

/** In single quotes: the library writes them into attributes of SVG as they are. */
export const FONT = "'Inter Variable', Inter, ui-sans-serif, system-ui, sans-serif";

/** What all drawings have in common. */
export function baseOptions({ ink, still, printed }: Look): EChartsCoreOption {
  return {
    animation: !still && !printed,
    animationDuration: 150,
    animationDurationUpdate: 150,
    color: ink.colors,
    backgroundColor: "transparent",
    textStyle: { fontFamily: FONT, color: ink.text, fontSize: 12 },
  };
}

/** Marks are drawn at once: the library goes on with what it drew in parts when the chart is gone already, and breaks. */
export const WHOLE = 0;

export const fontSize = (look: Look): number => (look.compact ? 11 : 12);

/** The hover box: what `tip` says of what ECharts found, nothing where it is null. */
export function tooltip(look: Look, trigger: "axis" | "item", tip: (found: unknown) => Tip | null) {
  if (look.printed) return { show: false };
  return {
    trigger,
    confine: true,
    padding: 0,
    borderWidth: 0,
    transitionDuration: look.still ? 0 : 0.1,
    backgroundColor: "transparent",
    extraCssText: "box-shadow:none",
    formatter: (found: unknown) => {
      if (look.isHovered()) look.seen?.(foundIn(found));
      const said = look.isHovered() ? tip(found) : null;
      return said === null ? "" : tooltipElement(said);
    },
  };
}

/** What ECharts says of a mark: which series, and which of its points. */
export type Found = { seriesIndex: number; dataIndex: number };

export function foundIn(params: unknown): Found[] {
  return (Array.isArray(params) ? params : [params]).flatMap((each: unknown) =>
    typeof each === "object" &&
    each !== null &&
    "seriesIndex" in each &&
    "dataIndex" in each &&
    typeof each.seriesIndex === "number" &&
    typeof each.dataIndex === "number"
      ? [{ seriesIndex: each.seriesIndex, dataIndex: each.dataIndex }]
      : [],
  );
}
