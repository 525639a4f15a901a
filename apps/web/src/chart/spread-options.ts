/** How values are spread: histogram and box plot. */
import type { ChartConfig } from "@quern/contract/chart-config";
import type { ColumnType } from "@quern/contract/results";
import type { EChartsCoreOption } from "echarts/core";
import { t } from "../i18n/language.ts";
import { grid, measureAxis, nameAxis, nameFormatter } from "./axis-options.ts";
import type { Boxes } from "./boxes.ts";
import type { Histogram } from "./histogram.ts";
import { legend } from "./legend-options.ts";
import { baseOptions, foundIn, type Look, tooltip } from "./look.ts";
import { tickNumber, valueFormat, valueWords } from "./number-words.ts";
import { colorOf } from "./series-look.ts";
import { instantWords } from "./time-words.ts";
import type { Tip, TipRow } from "./tooltip.ts";

/** The edges of a bin in words. */
export function binWords(config: ChartConfig, data: Histogram, bin: number): string {
  const [from, to] = [data.edges[bin] ?? 0, data.edges[bin + 1] ?? 0];
  return t("{from} to {to}", {
    from: edgeWords(config, data, from),
    to: edgeWords(config, data, to),
  });
}

function edgeWords(config: ChartConfig, data: Histogram, edge: number): string {
  if (data.axis === "time")
    return instantWords(edge, 0, data.zone, config.x_axis?.time?.style ?? "auto");
  return config.format
    ? valueWords(String(edge), config.format)
    : valueWords(String(edge), undefined);
}

export function histogramOptions(
  config: ChartConfig,
  data: Histogram,
  look: Look,
): EChartsCoreOption {
  const key = legend(
    config,
    look,
    data.series.map((series) => series.name),
  );
  const bins = data.edges.length - 1;
  const every = Math.max(1, Math.ceil(bins / Math.max(2, look.width / 64)));
  const axis = nameAxis(config, look, {
    names: Array.from({ length: bins }, (_, bin) => String(bin)),
    type: "text",
    zone: data.zone,
    lying: false,
  });
  return {
    ...baseOptions(look),
    legend: key.legend,
    grid: grid(look, key.room),
    tooltip: {
      ...tooltip(look, "axis", (found) => histogramTip(config, data, look, found)),
      axisPointer: { type: "shadow", shadowStyle: { color: look.ink.line, opacity: 0.35 } },
    },
    xAxis: {
      ...axis,
      axisLabel: {
        ...axis.axisLabel,
        interval: every - 1,
        width: look.width,
        // The lower edge stands at the bin's left side.
        align: "left",
        padding: [0, 0, 0, -Math.min(60, look.width / bins / 2)],
        formatter: (bin: string) =>
          data.axis === "time"
            ? edgeWords(config, data, data.edges[Number(bin)] ?? 0)
            : tickNumber(data.edges[Number(bin)] ?? 0, config.format),
      },
    },
    // Counts are no values of the column: its format is not theirs.
    yAxis: measureAxis({ ...config, format: undefined }, look, {
      side: "left",
      zero: true,
      percent: false,
    }),
    series: data.series.map((series) => ({
      id: series.id,
      name: series.name,
      type: "bar",
      stack: "all",
      color: colorOf(series, look.ink),
      barCategoryGap: bins > 80 ? "0%" : "4%",
      data: series.counts,
    })),
  };
}

function histogramTip(
  config: ChartConfig,
  data: Histogram,
  look: Look,
  found: unknown,
): Tip | null {
  const items = foundIn(found);
  const bin = items[0]?.dataIndex;
  if (bin === undefined) return null;
  const rows = items.flatMap(({ seriesIndex }): TipRow[] => {
    const series = data.series[seriesIndex];
    if (series === undefined) return [];
    const words = valueWords(String(series.counts[bin] ?? 0), undefined);
    return [{ name: series.name, color: colorOf(series, look.ink), words, exact: null }];
  });
  return { title: binWords(config, data, bin), rows };
}

export function boxOptions(
  config: ChartConfig,
  data: Boxes,
  look: Look,
  type: ColumnType,
  zone: string,
): EChartsCoreOption {
  const key = legend(
    config,
    look,
    data.series.map((series) => series.name),
  );
  const names =
    data.names.length === 1 && data.names[0] === "" ? [config.y.join(", ")] : data.names;
  const across = nameAxis(config, look, { names, type, zone, lying: config.horizontal });
  const up = measureAxis(config, look, { side: "left", zero: false, percent: false });
  return {
    ...baseOptions(look),
    legend: key.legend,
    grid: grid(look, key.room),
    tooltip: tooltip(look, "item", (found) =>
      boxTip(config, data, look, { type, zone, names }, found),
    ),
    xAxis: config.horizontal ? up : across,
    yAxis: config.horizontal ? across : up,
    series: [
      ...data.series.map((series) => ({
        id: series.id,
        name: series.name,
        type: "boxplot",
        boxWidth: [7, 44],
        itemStyle: {
          color: `${colorOf(series, look.ink)}33`,
          borderColor: colorOf(series, look.ink),
          borderWidth: 1.5,
        },
        data: series.boxes.map((box) => box?.five ?? ["-", "-", "-", "-", "-"]),
      })),
      // Dots of several measures would not stand at their own box.
      ...(data.series.length === 1 ? data.series : []).map((series) => ({
        id: `${series.id} outliers`,
        name: series.name,
        type: "scatter",
        symbolSize: 4,
        color: colorOf(series, look.ink),
        itemStyle: { opacity: 0.6 },
        data: outliersOf(series).map(({ at, value }) =>
          config.horizontal ? [value, at] : [at, value],
        ),
      })),
    ],
  };
}

/** The outliers of a series with the index of their box. */
export function outliersOf(
  series: Boxes["series"][number],
): { at: number; value: number; row: number }[] {
  return series.boxes.flatMap((box, at) => (box?.outliers ?? []).map((each) => ({ at, ...each })));
}

type Names = { type: ColumnType; zone: string; names: string[] };

function boxTip(
  config: ChartConfig,
  data: Boxes,
  look: Look,
  { type, zone, names }: Names,
  found: unknown,
): Tip | null {
  const [at] = foundIn(found);
  if (at === undefined) return null;
  const words = (value: number) =>
    valueWords(String(Number(value.toPrecision(15))), valueFormat(config));
  const title = (index: number) => nameFormatter(config, type, zone)(names[index] ?? "");
  const plain = (name: string, text: string): TipRow => ({
    name,
    color: null,
    words: text,
    exact: null,
  });
  const series = data.series[at.seriesIndex % data.series.length];
  if (series === undefined) return null;
  if (at.seriesIndex >= data.series.length) {
    const outlier = outliersOf(series)[at.dataIndex];
    return outlier
      ? { title: title(outlier.at), rows: [plain(series.name, words(outlier.value))] }
      : null;
  }
  const box = series.boxes[at.dataIndex];
  if (!box) return null;
  const [low, first, median, third, high] = box.five;
  return {
    title: `${title(at.dataIndex)}`,
    rows: [
      {
        name: series.name,
        color: colorOf(series, look.ink),
        words: t("{n} value | {n} values", { n: box.count }),
        exact: null,
      },
      plain(t("Upper whisker"), words(high)),
      plain(t("Third quartile"), words(third)),
      plain(t("Median"), words(median)),
      plain(t("First quartile"), words(first)),
      plain(t("Lower whisker"), words(low)),
      plain(t("Outliers"), valueWords(String(box.outliers.length), undefined)),
    ],
  };
}
