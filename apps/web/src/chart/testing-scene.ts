import type { ChartConfig } from "@quern/contract/chart-config";
import type { Cell, Column, ColumnType } from "@quern/contract/results";
import type { Look } from "./look.ts";
import { inkOf } from "./palette.ts";
import type { Scene } from "./scene.ts";

export const column = (name: string, type: ColumnType): Column => ({
  name,
  type,
  source_type: type,
});

/** A configuration with all that has to be said. */
export const chart = (config: Partial<ChartConfig> & Pick<ChartConfig, "type">): ChartConfig => ({
  x: null,
  y: [],
  series: null,
  stacked: false,
  horizontal: false,
  ...config,
});

/** A scene out of columns as `name type`. */
export function scene(config: ChartConfig, columns: string[], rows: Cell[][], zone = "UTC"): Scene {
  return {
    config,
    rows,
    zone,
    columns: columns.map((text) => {
      const [name = "", type = "text"] = text.split(" ");
      return column(name, type as ColumnType);
    }),
  };
}

export const look = (changes: Partial<Look> = {}): Look => ({
  ink: inkOf(false),
  width: 600,
  height: 400,
  compact: false,
  still: true,
  printed: false,
  isHovered: () => true,
  ...changes,
});
