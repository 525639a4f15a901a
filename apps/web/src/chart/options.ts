import type { ChartConfig } from "@quern/contract/visualizations";
import type { EChartsCoreOption } from "echarts/core";
import type { Ink } from "./palette.ts";
import type { ChartData, Point } from "./points.ts";
import { tooltipElement } from "./tooltip.ts";

const short = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 2 });
/** So few points are worth a mark each. */
const MARKED = 40;

/** What ECharts draws. Times are drawn in UTC: see `parseInstant`. */
export function chartOptions(
  config: ChartConfig,
  data: ChartData,
  ink: Ink,
  still: boolean,
): EChartsCoreOption {
  const lying = config.type === "bar" && config.horizontal;
  const place = placeAxis(data, ink, lying, config.x);
  const measure = measureAxis(config, ink);
  const legend = data.series.length > 1;
  return {
    useUTC: true,
    animation: !still,
    animationDuration: 150,
    color: ink.colors,
    textStyle: { fontFamily: '"Inter Variable", sans-serif', color: ink.text },
    grid: { left: 12, right: 24, top: legend ? 40 : 20, bottom: 12, containLabel: true },
    legend: legend
      ? {
          type: "scroll",
          top: 4,
          left: 8,
          right: 8,
          icon: "roundRect",
          itemWidth: 10,
          itemHeight: 10,
          textStyle: { color: ink.text, fontSize: 12 },
          pageTextStyle: { color: ink.faint },
          pageIconColor: ink.text,
        }
      : { show: false },
    tooltip: {
      trigger: "axis",
      axisPointer: {
        type: config.type === "bar" ? "shadow" : "line",
        lineStyle: { color: ink.faint },
        shadowStyle: { color: ink.line, opacity: 0.35 },
      },
      confine: true,
      padding: 0,
      borderWidth: 0,
      backgroundColor: "transparent",
      extraCssText: "box-shadow:none",
      formatter: (items: unknown) => tooltipElement(items, data.axis),
    },
    xAxis: lying ? measure : place,
    yAxis: lying ? place : measure,
    series: data.series.map((series) => ({
      name: series.name,
      type: config.type,
      ...(config.stacked ? { stack: "all" } : {}),
      ...(config.type === "line"
        ? {
            showSymbol: series.points.length <= MARKED,
            symbolSize: 5,
            lineStyle: { width: 2 },
            ...(config.stacked ? { areaStyle: { opacity: 0.25 } } : {}),
            sampling: "lttb",
          }
        : {
            barMaxWidth: 48,
            itemStyle: { borderRadius: config.stacked ? 0 : lying ? [0, 2, 2, 0] : [2, 2, 0, 0] },
          }),
      emphasis: { focus: data.series.length > 1 ? "series" : "none" },
      data: series.points.map((point) => item(point, lying)),
    })),
  };
}

function item(point: Point, lying: boolean) {
  return { value: lying ? [point.y, point.x] : [point.x, point.y], exact: point.exact };
}

function placeAxis(data: ChartData, ink: Ink, lying: boolean, name: string) {
  return {
    type: data.axis,
    ...(data.axis === "category" ? { data: data.categories, inverse: lying } : { scale: true }),
    ...(data.utc
      ? {
          name: `${name}, UTC`,
          nameLocation: "end",
          nameTextStyle: {
            color: ink.faint,
            align: "right",
            verticalAlign: "top",
            padding: [22, 0, 0, 0],
          },
        }
      : {}),
    axisLine: { lineStyle: { color: ink.line } },
    axisTick: { show: false },
    axisLabel: {
      color: ink.faint,
      hideOverlap: true,
      width: lying ? 160 : 110,
      overflow: "truncate",
    },
    splitLine: { show: false },
  };
}

function measureAxis(config: ChartConfig, ink: Ink) {
  return {
    type: "value",
    // A bar's length is its value, so bars begin at zero; a line may not.
    scale: config.type === "line" && !config.stacked,
    axisLabel: { color: ink.faint, formatter: (value: number) => short.format(value) },
    splitLine: { lineStyle: { color: ink.line } },
    axisLine: { show: false },
  };
}
