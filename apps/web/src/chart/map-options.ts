import type { ChartConfig } from "@quern/contract/chart-config";
import type { EChartsCoreOption } from "echarts/core";
import { colorScale } from "./heat-options.ts";
import { legend } from "./legend-options.ts";
import { baseOptions, foundIn, type Look, tooltip } from "./look.ts";
import { regionName } from "./maps/names.ts";
import { PROJECTIONS } from "./maps/projection.ts";
import { fullWords, tickNumber, valueFormat, valueWords } from "./number-words.ts";
import type { Region, Regions } from "./regions.ts";
import { colorOf } from "./series-look.ts";
import type { Spot, Spots } from "./spots.ts";
import type { Tip } from "./tooltip.ts";

const land = (look: Look) => ({
  areaColor: look.ink.land,
  borderColor: look.ink.faint,
  borderWidth: 0.5,
});

/** What moves and scales a map: it fills its box, and can be looked at closely where it is not in a tile. */
const frame = (look: Look, bottom: number) => ({
  left: 8,
  right: 8,
  top: 8,
  bottom: 8 + bottom,
  aspectScale: 1,
  preserveAspect: "contain",
  roam: look.compact || look.printed ? false : "scale",
  scaleLimit: { min: 1, max: 12 },
  selectedMode: false,
});

export function regionOptions(config: ChartConfig, data: Regions, look: Look): EChartsCoreOption {
  const scale = colorScale(config, look, data.least, data.greatest);
  const known = new Map(data.regions.map((region) => [region.code, region]));
  return {
    ...baseOptions(look),
    legend: { show: false },
    visualMap: scale.visualMap,
    tooltip: tooltip(look, "item", (found) => regionTip(config, data, look, known, found)),
    series: [
      {
        type: "map",
        showLegendSymbol: false,
        map: data.map,
        ...frame(look, scale.room),
        name: config.y[0] ?? "",
        itemStyle: land(look),
        label: {
          show: config.labels === true,
          color: look.ink.text,
          fontSize: look.compact ? 9 : 11,
          textBorderColor: look.ink.surface,
          textBorderWidth: 3,
          formatter: ({ name }: { name: string }) => regionLabel(config, known.get(name)),
        },
        emphasis: {
          label: { show: config.labels === true, color: look.ink.text },
          itemStyle: { areaColor: null, borderColor: look.ink.text, borderWidth: 1.5 },
        },
        data: data.regions.map((region) => ({ name: region.code, value: region.value })),
      },
    ],
  };
}

function regionLabel(config: ChartConfig, region: Region | undefined): string {
  if (region === undefined) return "";
  const format = valueFormat(config);
  const value = format ? valueWords(region.exact, format) : tickNumber(region.value, undefined);
  return `${region.code.slice(3)} ${value}`;
}

function regionTip(
  config: ChartConfig,
  data: Regions,
  look: Look,
  known: Map<string, Region>,
  found: unknown,
): Tip | null {
  if (typeof found !== "object" || found === null || !("name" in found)) return null;
  const code = String(found.name);
  const region = known.get(code);
  const row = region ? fullWords(region.exact, valueFormat(config)) : { words: "–", exact: null };
  return {
    title: regionName(data.map, code),
    rows: [{ name: config.y[0] ?? "", color: region ? (look.ink.scale[2] ?? null) : null, ...row }],
  };
}

export function spotOptions(config: ChartConfig, data: Spots, look: Look): EChartsCoreOption {
  const key = legend(
    config,
    look,
    data.series.map((series) => series.name),
  );
  const project = PROJECTIONS[data.map];
  return {
    ...baseOptions(look),
    legend: key.legend,
    tooltip: tooltip(look, "item", (found) => spotTip(config, data, look, found)),
    geo: {
      map: data.map,
      ...frame(look, key.room.bottom),
      top: 8 + key.room.top,
      right: 8 + key.room.right,
      itemStyle: land(look),
      emphasis: { disabled: true },
      label: { show: false },
      silent: true,
      tooltip: { show: false },
    },
    series: data.series.map((series) => ({
      id: series.id,
      name: series.name,
      type: "scatter",
      coordinateSystem: "geo",
      color: colorOf(series, look.ink),
      symbolSize: spotSize(series.spots, data.largest, look),
      itemStyle: { opacity: 0.75, borderColor: look.ink.surface, borderWidth: 0.5 },
      data: series.spots.map((spot) => project(spot.longitude, spot.latitude)),
    })),
  };
}

/** The area of a point is its size. */
function spotSize(spots: Spot[], largest: number, look: Look) {
  if (largest === 0) return spots.length > 500 ? 5 : 8;
  const greatest = (look.compact ? 24 : 40) / (spots.length > 200 ? 1.8 : 1);
  return (_: unknown, { dataIndex }: { dataIndex: number }) =>
    Math.max(3, Math.sqrt(Math.abs(spots[dataIndex]?.size ?? 0) / largest) * greatest);
}

function spotTip(config: ChartConfig, data: Spots, look: Look, found: unknown): Tip | null {
  const [at] = foundIn(found);
  const series = at && data.series[at.seriesIndex];
  const spot = at && series?.spots[at.dataIndex];
  if (!series || !spot) return null;
  const value =
    spot.exact === null
      ? { words: `${spot.latitude}, ${spot.longitude}`, exact: null }
      : fullWords(spot.exact, valueFormat(config));
  return {
    title: spot.name,
    rows: [
      {
        name: spot.exact === null ? series.name : (config.size ?? ""),
        color: colorOf(series, look.ink),
        ...value,
      },
    ],
  };
}
