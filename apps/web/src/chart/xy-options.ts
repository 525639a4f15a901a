import type { ChartConfig } from "@quern/contract/chart-config";
import type { ColumnType } from "@quern/contract/results";
import type { EChartsCoreOption } from "echarts/core";
import { t } from "../i18n/language.ts";
import {
  grid,
  measureAxis,
  nameAxis,
  nameFormatter,
  numberAxis,
  timeAxis,
} from "./axis-options.ts";
import { legend } from "./legend-options.ts";
import { baseOptions, foundIn, type Look, tooltip, WHOLE } from "./look.ts";
import { marks } from "./marks.ts";
import { fullWords, shareWords, tickNumber, valueFormat, valueWords } from "./number-words.ts";
import { colorOf, drawnAs } from "./series-look.ts";
import { instantWords } from "./time-words.ts";
import type { Tip, TipRow } from "./tooltip.ts";
import type { Series, Xy } from "./xy.ts";
import type { Place } from "./xy-groups.ts";

/** So few points are worth a mark each. */
const MARKED = 40;

/** The series under the mouse stands out, and the others can still be read. */
const FOCUS = {
  emphasis: { focus: "series" },
  blur: { itemStyle: { opacity: 0.45 }, lineStyle: { opacity: 0.4 }, areaStyle: { opacity: 0.12 } },
};

/** Line, area and bar charts. */
export function xyOptions(
  config: ChartConfig,
  data: Xy,
  look: Look,
  type: ColumnType,
): EChartsCoreOption {
  const lying = config.type === "bar" && config.horizontal;
  const percent = config.stacked && config.percent === true;
  const bars = data.series.some((series) => drawnAs(config, series) === "bar");
  const right = !lying && data.series.some((series) => series.axis === "right");
  const zero =
    bars || config.stacked || data.series.some((series) => drawnAs(config, series) === "area");
  const key = legend(
    config,
    look,
    data.series.map((series) => series.name),
  );
  const place = placeAxis(config, data, look, { bars, lying, type });
  const measure = measureAxis(config, look, { side: "left", zero, percent });
  return {
    ...baseOptions(look),
    legend: key.legend,
    grid: grid(look, { ...key.room, top: key.room.top + (hasWords(config, lying) ? 12 : 0) }),
    tooltip: {
      ...tooltip(look, "axis", (found) => xyTip(config, data, look, type, found)),
      axisPointer: {
        type: bars && data.axis === "category" ? "shadow" : "line",
        snap: true,
        lineStyle: { color: look.ink.faint, width: 1 },
        shadowStyle: { color: look.ink.line, opacity: 0.35 },
      },
    },
    xAxis: lying ? measure : place,
    yAxis: lying
      ? place
      : right
        ? [measure, measureAxis(config, look, { side: "right", zero, percent: false })]
        : measure,
    series: data.series.map((series, index) => ({
      ...drawing(config, series, look, {
        lying,
        right,
        logarithmic:
          (series.axis === "right" ? config.y_axis_right : config.y_axis)?.logarithmic === true,
      }),
      ...(index === 0 ? marks(config, look, data, lying) : {}),
    })),
  };
}

/** Words of annotations stand above the drawing. */
const hasWords = (config: ChartConfig, lying: boolean): boolean =>
  !lying && (config.annotations ?? []).some((each) => each.to === undefined);

function placeAxis(
  config: ChartConfig,
  data: Xy,
  look: Look,
  { bars, lying, type }: { bars: boolean; lying: boolean; type: ColumnType },
) {
  if (data.axis === "category")
    return nameAxis(config, look, { names: data.places, type, zone: data.zone, lying });
  if (data.axis === "value") return numberAxis(config, look);
  return timeAxis(config, look, {
    from: Number(data.places[0] ?? 0),
    to: Number(data.places.at(-1) ?? 0),
    zone: data.zone,
    // Half a bar at each end.
    padding: bars ? data.step / 2 : 0,
  });
}

type Way = { lying: boolean; right: boolean; logarithmic: boolean };

function drawing(config: ChartConfig, series: Series, look: Look, way: Way) {
  const type = drawnAs(config, series);
  const color = colorOf(series, look.ink);
  const stack = config.stacked ? { stack: `${type} ${series.axis}` } : {};
  const value = ({ x, y }: Series["points"][number]) => {
    const drawn = y !== null && way.logarithmic && y <= 0 ? null : y;
    return way.lying ? [drawn ?? "-", x] : [x, drawn ?? "-"];
  };
  return {
    id: series.id,
    name: series.name,
    type: type === "bar" ? "bar" : "line",
    color,
    ...(way.right ? { yAxisIndex: series.axis === "right" ? 1 : 0 } : {}),
    ...stack,
    ...(type === "bar" ? bar(config, way.lying) : line(config, series, type === "area")),
    label: valueLabel(config, series, look, type, way.lying),
    labelLayout: { hideOverlap: true },
    ...FOCUS,
    data: series.points.map(value),
  };
}

function bar(config: ChartConfig, lying: boolean) {
  return {
    barMaxWidth: 48,
    barMinHeight: 1,
    large: true,
    progressive: WHOLE,
    largeThreshold: 2_000,
    itemStyle: { borderRadius: config.stacked ? 0 : lying ? [0, 2, 2, 0] : [2, 2, 0, 0] },
  };
}

function line(config: ChartConfig, series: Series, area: boolean) {
  const few = series.points.length <= MARKED;
  const lonely = few ? new Set<number>() : alone(series.points);
  return {
    showSymbol: few || lonely.size > 0,
    symbol: "circle",
    symbolSize: few
      ? 5
      : (_: unknown, { dataIndex }: { dataIndex: number }) => (lonely.has(dataIndex) ? 4 : 0),
    lineStyle: { width: 2 },
    smooth: config.smooth === true ? 0.3 : false,
    smoothMonotone: "x",
    connectNulls: config.missing === "connect",
    ...(area || (config.stacked && config.type === "line")
      ? { areaStyle: { opacity: config.stacked ? 0.35 : 0.18 } }
      : {}),
    // Stacked series have to keep the same places.
    ...(config.stacked ? {} : { sampling: "lttb" }),
  };
}

/** Points between two gaps: no line leads to them, so they need a mark. */
function alone(points: Series["points"]): Set<number> {
  const found = new Set<number>();
  points.forEach((point, index) => {
    const before = points[index - 1]?.y ?? null;
    const after = points[index + 1]?.y ?? null;
    if (point.y !== null && before === null && after === null) found.add(index);
  });
  return found;
}

function valueLabel(config: ChartConfig, series: Series, look: Look, type: string, lying: boolean) {
  if (!config.labels) return { show: false };
  const format = valueFormat(config, series.axis);
  const inside = type === "bar" && config.stacked;
  return {
    show: true,
    position: inside ? "inside" : lying ? "right" : "top",
    color: look.ink.text,
    textBorderColor: look.ink.surface,
    textBorderWidth: inside ? 2 : 1,
    fontSize: look.compact ? 10 : 11,
    formatter: ({ dataIndex }: { dataIndex: number }) => {
      const point = series.points[dataIndex];
      if (point === undefined || point.exact === null || point.y === null) return "";
      if (config.stacked && config.percent) return shareWords(point.y / 100);
      return format === undefined
        ? tickNumber(Number(point.exact), undefined)
        : valueWords(point.exact, format);
    },
  };
}

/** A place of the axis in words. */
export function placeWords(
  config: ChartConfig,
  data: Pick<Xy, "axis" | "step" | "zone">,
  type: ColumnType,
  place: Place,
): string {
  if (data.axis === "time")
    return instantWords(Number(place), data.step, data.zone, config.x_axis?.time?.style ?? "auto");
  if (data.axis === "category") return nameFormatter(config, type, data.zone)(String(place));
  return valueWords(String(place), undefined);
}

/** What is at the hover line: series by value, the largest first. */
function xyTip(
  config: ChartConfig,
  data: Xy,
  look: Look,
  type: ColumnType,
  found: unknown,
): Tip | null {
  const items = foundIn(found).flatMap(({ seriesIndex, dataIndex }) => {
    const series = data.series[seriesIndex];
    const point = series?.points[dataIndex];
    return series && point && point.y !== null && point.exact !== null
      ? [{ series, point, exact: point.exact, y: point.y }]
      : [];
  });
  const [first] = items;
  if (first === undefined) return null;
  const rows = items
    .sort((a, b) => b.y - a.y)
    .map(({ series, exact, y }): TipRow => {
      const full = fullWords(exact, valueFormat(config, series.axis));
      const share =
        config.stacked && config.percent
          ? t("{share} of the whole", { share: shareWords(y / 100) })
          : null;
      return {
        name: series.name,
        color: colorOf(series, look.ink),
        words: full.words,
        exact: share ?? full.exact,
      };
    });
  return { title: placeWords(config, data, type, first.point.x), rows };
}
