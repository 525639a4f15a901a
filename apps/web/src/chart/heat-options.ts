import type { ChartConfig } from "@quern/contract/chart-config";
import type { ColumnType } from "@quern/contract/results";
import type { EChartsCoreOption } from "echarts/core";
import { grid, nameAxis, nameFormatter } from "./axis-options.ts";
import type { Heat } from "./heat.ts";
import { baseOptions, fontSize, foundIn, type Look, tooltip, WHOLE } from "./look.ts";
import { fullWords, tickNumber, valueFormat, valueWords } from "./number-words.ts";
import type { Tip } from "./tooltip.ts";

type Types = { x: ColumnType; series: ColumnType; zone: string };

export function heatOptions(
  config: ChartConfig,
  data: Heat,
  look: Look,
  types: Types,
): EChartsCoreOption {
  const scale = colorScale(config, look, data.least, data.greatest);
  const across = nameAxis(config, look, {
    names: data.across,
    type: types.x,
    zone: types.zone,
    lying: false,
  });
  const up = nameAxis({ ...config, x_axis: {} }, look, {
    names: data.up,
    type: types.series,
    zone: types.zone,
    lying: true,
  });
  return {
    ...baseOptions(look),
    legend: { show: false },
    grid: grid(look, { bottom: scale.room }),
    tooltip: tooltip(look, "item", (found) => heatTip(config, data, look, types, found)),
    visualMap: scale.visualMap,
    xAxis: across,
    yAxis: { ...up, splitArea: { show: false } },
    series: [
      {
        type: "heatmap",
        progressive: WHOLE,
        label: {
          show: config.labels === true,
          fontSize: look.compact ? 10 : 11,
          formatter: ({ dataIndex }: { dataIndex: number }) => {
            const cell = data.cells[dataIndex];
            const format = valueFormat(config);
            if (cell === undefined) return "";
            return format ? valueWords(cell.exact, format) : tickNumber(cell.value, undefined);
          },
          textBorderColor: look.ink.surface,
          textBorderWidth: 2,
          color: look.ink.text,
        },
        itemStyle: {
          borderColor: look.ink.surface,
          borderWidth: data.cells.length > 2_000 ? 0 : 1,
        },
        emphasis: { itemStyle: { borderColor: look.ink.text, borderWidth: 1 } },
        data: data.cells.map((cell) => [cell.x, cell.y, cell.value]),
      },
    ],
  };
}

/** The colours of values from the least to the greatest, and their legend. */
export function colorScale(config: ChartConfig, look: Look, least: number, greatest: number) {
  const show = config.legend !== "none" && look.height >= 150;
  const bound = (text: string | undefined, value: number) =>
    text === undefined ? value : Number(text);
  const min = bound(config.y_axis?.min, least);
  const max = bound(config.y_axis?.max, greatest);
  return {
    room: show ? 26 : 0,
    visualMap: {
      type: "continuous",
      show,
      min: min === max ? min - 1 : min,
      max,
      calculable: false,
      orient: "horizontal",
      left: "center",
      bottom: 0,
      itemWidth: 10,
      itemHeight: Math.min(160, look.width * 0.4),
      padding: 4,
      inRange: { color: look.ink.scale },
      outOfRange: { color: look.ink.land },
      text: [tickNumber(max, valueFormat(config)), tickNumber(min, valueFormat(config))],
      textStyle: { color: look.ink.faint, fontSize: fontSize(look) },
      hoverLink: !look.printed,
    },
  };
}

function heatTip(
  config: ChartConfig,
  data: Heat,
  look: Look,
  types: Types,
  found: unknown,
): Tip | null {
  const [at] = foundIn(found);
  const cell = at && data.cells[at.dataIndex];
  if (!cell) return null;
  const words = (name: string | undefined, type: ColumnType) =>
    nameFormatter(config, type, types.zone)(name ?? "");
  return {
    title: words(data.across[cell.x], types.x),
    rows: [
      {
        name: words(data.up[cell.y], types.series),
        color: look.ink.scale[2] ?? null,
        ...fullWords(cell.exact, valueFormat(config)),
      },
    ],
  };
}
