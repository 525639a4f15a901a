/** From a configuration and rows to what is drawn, and from what is drawn back to its rows. */
import type { ChartConfig } from "@quern/contract/chart-config";
import type { ColumnType } from "@quern/contract/results";
import type { EChartsCoreOption } from "echarts/core";
import { t } from "../i18n/language.ts";
import { type Boxes, readBoxes } from "./boxes.ts";
import { type Heat, readHeat } from "./heat.ts";
import { heatOptions } from "./heat-options.ts";
import { type Histogram, readHistogram } from "./histogram.ts";
import type { Look } from "./look.ts";
import { regionOptions, spotOptions } from "./map-options.ts";
import { type Parts, readParts } from "./parts.ts";
import { partsOptions } from "./parts-options.ts";
import { type Regions, readRegions } from "./regions.ts";
import { fieldTrouble, type Trouble } from "./roles.ts";
import { readScatter, type Scatter } from "./scatter.ts";
import { scatterOptions } from "./scatter-options.ts";
import { columnZone, indexOf, type Scene } from "./scene.ts";
import { readSpots, type Spots } from "./spots.ts";
import { boxOptions, histogramOptions, outliersOf } from "./spread-options.ts";
import { readStat, type Stat } from "./stat.ts";
import { readXy, type Xy } from "./xy.ts";
import { xyOptions } from "./xy-options.ts";

/** What a chart shows; of a table there is nothing to compute. */
export type Plot = Xy | Scatter | Parts | Heat | Histogram | Boxes | Stat | Regions | Spots;

const READERS: Record<Exclude<ChartConfig["type"], "table">, (scene: Scene) => Plot> = {
  line: readXy,
  area: readXy,
  bar: readXy,
  scatter: readScatter,
  pie: readParts,
  funnel: readParts,
  heatmap: readHeat,
  histogram: readHistogram,
  box: readBoxes,
  stat: readStat,
  region_map: readRegions,
  point_map: readSpots,
};

/** The plot of a chart, or why there is none and what to do. Not for tables. */
export function plotOf(
  scene: Scene,
): { plot: Plot; trouble: null } | { plot: null; trouble: Trouble } {
  const { config, columns, rows } = scene;
  const trouble = fieldTrouble(config, columns);
  if (trouble !== null) return { plot: null, trouble };
  if (config.type === "table") throw new Error("a table has no plot");
  if (rows.length === 0)
    return {
      plot: null,
      trouble: {
        title: t("The result has no rows"),
        words: t("There is nothing to draw. Other values of the parameters may have some."),
      },
    };
  const plot = READERS[config.type](scene);
  return isEmpty(plot) ? { plot: null, trouble: emptyTrouble(scene) } : { plot, trouble: null };
}

function isEmpty(plot: Plot): boolean {
  switch (plot.kind) {
    case "parts":
      return plot.parts.length === 0;
    case "heat":
      return plot.cells.length === 0;
    case "histogram":
      return plot.edges.length === 0;
    case "regions":
      return plot.regions.length === 0;
    case "stat":
      return false;
    default:
      return plot.series.length === 0;
  }
}

function emptyTrouble({ config }: Scene): Trouble {
  const title = t("There is nothing to draw");
  if (config.type === "region_map")
    return {
      title,
      words: t(
        "No value of “{column}” is a province or a state: a code such as CA-ON or ON, or a name. Choose another column or another map.",
        { column: config.x ?? "" },
      ),
    };
  if (config.type === "pie" || config.type === "funnel")
    return { title, words: t("No name has a value above zero. Choose other fields.") };
  return { title, words: t("No row has both a place and a number. Choose other fields.") };
}

/** What ECharts draws; null for a single number, which needs no chart. */
export function plotOptions(scene: Scene, plot: Plot, look: Look): EChartsCoreOption | null {
  const { config } = scene;
  const x = typeOf(scene, config.x);
  const zone = columnZone(scene, indexOf(scene.columns, config.x));
  switch (plot.kind) {
    case "xy":
      return xyOptions(config, plot, look, x);
    case "scatter":
      return scatterOptions(config, plot, look);
    case "parts":
      return partsOptions(config, plot, look);
    case "heat":
      return heatOptions(config, plot, look, {
        x,
        series: typeOf(scene, config.series),
        zone: scene.zone,
      });
    case "histogram":
      return histogramOptions(config, plot, look);
    case "boxes":
      return boxOptions(config, plot, look, x, zone);
    case "regions":
      return regionOptions(config, plot, look);
    case "spots":
      return spotOptions(config, plot, look);
    case "stat":
      return null;
  }
}

export function typeOf({ columns }: Scene, name: string | null): ColumnType {
  return columns[indexOf(columns, name)]?.type ?? "text";
}

/** The first row behind a mark; null when it has none. */
export function rowAt(plot: Plot, seriesIndex: number, dataIndex: number): number | null {
  switch (plot.kind) {
    case "xy":
      return plot.series[seriesIndex]?.points[dataIndex]?.row ?? null;
    case "scatter":
      return plot.series[seriesIndex]?.dots[dataIndex]?.row ?? null;
    case "parts":
      return plot.parts[dataIndex]?.row ?? null;
    case "heat":
      return plot.cells[dataIndex]?.row ?? null;
    case "histogram":
      return plot.series[seriesIndex]?.rows[dataIndex] ?? null;
    case "boxes": {
      const series = plot.series[seriesIndex % plot.series.length];
      if (series === undefined) return null;
      return seriesIndex >= plot.series.length
        ? (outliersOf(series)[dataIndex]?.row ?? null)
        : (series.boxes[dataIndex]?.row ?? null);
    }
    case "regions":
      return plot.regions[dataIndex]?.row ?? null;
    case "spots":
      return plot.series[seriesIndex]?.spots[dataIndex]?.row ?? null;
    case "stat":
      return plot.row;
  }
}
