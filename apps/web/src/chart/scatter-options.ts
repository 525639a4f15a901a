import type { ChartConfig } from "@quern/contract/chart-config";
import type { EChartsCoreOption } from "echarts/core";
import { grid, measureAxis, numberAxis, timeAxis } from "./axis-options.ts";
import { legend } from "./legend-options.ts";
import { baseOptions, foundIn, type Look, tooltip, WHOLE } from "./look.ts";
import { fullWords, valueFormat, valueWords } from "./number-words.ts";
import type { Dot, Scatter } from "./scatter.ts";
import { colorOf } from "./series-look.ts";
import { instantWords } from "./time-words.ts";
import type { Tip } from "./tooltip.ts";

const LARGE = 3_000;

export function scatterOptions(given: ChartConfig, data: Scatter, look: Look): EChartsCoreOption {
  const config = look.compact ? given : titled(given);
  const dots = data.series.flatMap((series) => series.dots);
  const key = legend(
    config,
    look,
    data.series.map((series) => series.name),
  );
  const places = dots.map((dot) => dot.x);
  const from = places.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
  const to = places.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  return {
    ...baseOptions(look),
    legend: key.legend,
    grid: grid(look, key.room),
    tooltip: tooltip(look, "item", (found) => scatterTip(config, data, look, found)),
    xAxis:
      data.axis === "time"
        ? timeAxis(config, look, { from, to, zone: data.zone, padding: (to - from) / 50 })
        : numberAxis(config, look),
    yAxis: measureAxis(config, look, { side: "left", zero: false, percent: false }),
    series: data.series.map((series) => ({
      id: series.id,
      name: series.name,
      type: "scatter",
      color: colorOf(series, look.ink),
      large: dots.length > LARGE && data.largest === null,
      largeThreshold: LARGE,
      progressive: WHOLE,
      symbolSize: sizeOf(series.dots, data.largest, look),
      itemStyle: { opacity: dots.length > 500 ? 0.5 : 0.75 },
      emphasis: { focus: "series" },
      data: series.dots.map((dot) => [
        dot.x,
        config.y_axis?.logarithmic && dot.y <= 0 ? "-" : dot.y,
      ]),
    })),
  };
}

/** Two axes of numbers have to say which is which. */
function titled(config: ChartConfig): ChartConfig {
  const [y, ...more] = config.y;
  return {
    ...config,
    x_axis: { title: config.x ?? undefined, ...config.x_axis },
    y_axis: { title: more.length === 0 ? y : undefined, ...config.y_axis },
  };
}

/** The area of a dot is its size. */
function sizeOf(dots: Dot[], largest: number | null, look: Look) {
  const greatest = look.compact ? 24 : 36;
  if (largest === null || largest === 0) return dots.length > 500 ? 5 : 8;
  return (_: unknown, { dataIndex }: { dataIndex: number }) =>
    Math.max(3, Math.sqrt(Math.abs(dots[dataIndex]?.size ?? 0) / largest) * greatest);
}

function scatterTip(config: ChartConfig, data: Scatter, look: Look, found: unknown): Tip | null {
  const [at] = foundIn(found);
  const series = at && data.series[at.seriesIndex];
  const dot = at && series?.dots[at.dataIndex];
  if (!series || !dot) return null;
  const along =
    data.axis === "time"
      ? instantWords(dot.x, 0, data.zone, "auto")
      : valueWords(String(dot.x), undefined);
  return {
    title: series.name,
    rows: [
      { name: config.x ?? "", color: null, words: along, exact: null },
      {
        name: config.y.length === 1 ? (config.y[0] ?? "") : series.name,
        color: colorOf(series, look.ink),
        ...fullWords(dot.exact, valueFormat(config)),
      },
      ...(dot.size === null
        ? []
        : [
            {
              name: config.size ?? "",
              color: null,
              words: valueWords(String(dot.size), undefined),
              exact: null,
            },
          ]),
    ],
  };
}
