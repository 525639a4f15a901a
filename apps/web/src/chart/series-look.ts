import type { ChartConfig } from "@quern/contract/chart-config";
import { t } from "../i18n/language.ts";
import type { Ink } from "./palette.ts";
import { nameWords, OTHER } from "./scene.ts";

export type SeriesType = "line" | "area" | "bar";
/** A series as it is called and drawn. `color`: a place in the palette, from 0, or a colour. */
export type SeriesLook = {
  /** The measure, or the value of the series column: what settings go by. */
  id: string;
  name: string;
  color: number | string;
  type: SeriesType | null;
  axis: "left" | "right";
};

/** How the series at `index` looks, by its settings. */
export function seriesLook(config: ChartConfig, series: { id: string }, index: number): SeriesLook {
  const settings = config.series_settings?.find((each) => each.name === series.id);
  const color = settings?.color;
  const counted = series.id === "" && config.series === null && config.y.length === 0;
  return {
    id: series.id,
    name: settings?.label || (counted ? t("Count") : nameWords(series.id)),
    color: color === undefined ? index : color.startsWith("#") ? color : Number(color) - 1,
    type: settings?.type ?? null,
    axis: settings?.axis ?? "left",
  };
}

/** The colour to draw with; what is called Other is grey. */
export function colorOf(look: Pick<SeriesLook, "id" | "color">, ink: Ink): string {
  if (typeof look.color === "string") return look.color;
  if (look.id === OTHER) return ink.other;
  const color = ink.colors[look.color % ink.colors.length] ?? ink.text;
  const round = Math.floor(look.color / ink.colors.length);
  return round === 0 ? color : towards(color, ink.surface, round % 2 === 1 ? 0.45 : 0.7);
}

/** After eight series the palette comes again, paler. */
function towards(color: string, ground: string, share: number): string {
  const part = (from: string, at: number) => Number.parseInt(from.slice(at, at + 2), 16);
  const mixed = [1, 3, 5].map((at) =>
    Math.round(part(color, at) * (1 - share) + part(ground, at) * share),
  );
  return `#${mixed.map((each) => each.toString(16).padStart(2, "0")).join("")}`;
}

/** What a series of a line, area or bar chart is drawn as. */
export function drawnAs(config: ChartConfig, look: Pick<SeriesLook, "type">): SeriesType {
  if (look.type !== null && !(config.type === "bar" && config.horizontal)) return look.type;
  return config.type === "area" || config.type === "bar" ? config.type : "line";
}
