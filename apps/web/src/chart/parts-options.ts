import type { ChartConfig } from "@quern/contract/chart-config";
import type { EChartsCoreOption } from "echarts/core";
import { t } from "../i18n/language.ts";
import { legend } from "./legend-options.ts";
import { baseOptions, foundIn, type Look, tooltip } from "./look.ts";
import { fullWords, shareWords, tickNumber, valueFormat, valueWords } from "./number-words.ts";
import type { Part, Parts } from "./parts.ts";
import { colorOf } from "./series-look.ts";
import type { Tip } from "./tooltip.ts";

export function partsOptions(config: ChartConfig, data: Parts, look: Look): EChartsCoreOption {
  return config.type === "pie" ? pie(config, data, look) : funnel(config, data, look);
}

function pie(config: ChartConfig, data: Parts, look: Look): EChartsCoreOption {
  const key = legend(
    config,
    look,
    data.parts.map((part) => part.name),
    "right",
  );
  const named = key.room.right + key.room.top + key.room.bottom === 0;
  const center = [`${(100 * (look.width - key.room.right)) / look.width / 2}%`, "50%"];
  const labels = config.labels === true || (named && !look.compact);
  return {
    ...baseOptions(look),
    legend: key.legend,
    tooltip: tooltip(look, "item", (found) => partTip(config, data, look, found)),
    series: [
      {
        type: "pie",
        radius: labels ? ["40%", "66%"] : ["52%", "86%"],
        center,
        top: key.room.top,
        bottom: key.room.bottom,
        padAngle: data.parts.length > 1 ? 1 : 0,
        startAngle: 90,
        itemStyle: { borderRadius: 2 },
        label: labels
          ? {
              color: look.ink.text,
              fontSize: look.compact ? 10 : 12,
              overflow: "truncate",
              formatter: ({ dataIndex }: { dataIndex: number }) =>
                partLabel(config, data.parts[dataIndex], named),
            }
          : { show: false },
        labelLine: { lineStyle: { color: look.ink.line } },
        emphasis: { scaleSize: 4 },
        data: slices(data, look),
      },
    ],
  };
}

function funnel(config: ChartConfig, data: Parts, look: Look): EChartsCoreOption {
  const greatest = data.parts.reduce((most, part) => Math.max(most, part.value), 0);
  return {
    ...baseOptions(look),
    legend: { show: false },
    tooltip: tooltip(look, "item", (found) => partTip(config, data, look, found)),
    series: [
      {
        type: "funnel",
        sort: "none",
        left: look.compact ? 8 : 24,
        right: look.compact ? 8 : 24,
        top: 12,
        bottom: 12,
        min: 0,
        max: greatest,
        minSize: "2%",
        gap: 2,
        label: {
          position: "inside",
          // A step may be narrower than its words: they bring their own ground along.
          color: look.ink.text,
          backgroundColor: look.ink.surface,
          borderRadius: 3,
          padding: [3, 6],
          fontSize: look.compact ? 11 : 12,
          formatter: ({ dataIndex }: { dataIndex: number }) =>
            stepLabel(config, data.parts[dataIndex]),
        },
        itemStyle: { borderWidth: 0 },
        emphasis: { focus: "none" },
        data: slices(data, look),
      },
    ],
  };
}

function slices(data: Parts, look: Look) {
  return data.parts.map((part) => ({
    name: part.name,
    value: part.value,
    itemStyle: { color: colorOf(part, look.ink) },
  }));
}

function shortValue(config: ChartConfig, part: Part): string {
  const format = valueFormat(config);
  return format === undefined ? tickNumber(part.value, undefined) : valueWords(part.exact, format);
}

function partLabel(config: ChartConfig, part: Part | undefined, named: boolean): string {
  if (part === undefined) return "";
  const share = shareWords(part.share);
  if (!config.labels) return `${part.name}  ${share}`;
  return named
    ? `${part.name}  ${shortValue(config, part)}  ${share}`
    : `${shortValue(config, part)}  ${share}`;
}

function stepLabel(config: ChartConfig, part: Part | undefined): string {
  if (part === undefined) return "";
  const value = shortValue(config, part);
  return part.kept === null
    ? `${part.name}  ${value}`
    : `${part.name}  ${value}  ${shareWords(part.kept)}`;
}

function partTip(config: ChartConfig, data: Parts, look: Look, found: unknown): Tip | null {
  const [at] = foundIn(found);
  const part = at && data.parts[at.dataIndex];
  if (!part) return null;
  const first = data.parts[0];
  const rows = [
    {
      name: config.y[0] ?? t("Count"),
      color: colorOf(part, look.ink),
      ...fullWords(part.exact, valueFormat(config)),
    },
  ];
  const line = (name: string, share: number) => ({
    name,
    color: null,
    words: shareWords(share),
    exact: null,
  });
  if (config.type === "pie")
    return { title: part.name, rows: [...rows, line(t("Of the whole"), part.share)] };
  if (part.kept === null || first === undefined) return { title: part.name, rows };
  return {
    title: part.name,
    rows: [
      ...rows,
      line(t("Of the step before"), part.kept),
      line(t("Of the first step"), part.value / first.value),
    ],
  };
}
