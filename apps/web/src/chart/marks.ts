/** Thresholds and annotations: lines and bands behind the marks of a chart with axes. */
import type { ChartConfig } from "@quern/contract/chart-config";
import { instantOf } from "../format/time.ts";
import { instantAt } from "./instants.ts";
import type { Look } from "./look.ts";
import { valueFormat, valueWords } from "./number-words.ts";
import { toneName } from "./stat.ts";
import type { Xy } from "./xy.ts";

type Item = Record<string, unknown>;

/** `markLine` and `markArea` for the first series. `lying`: values go across. */
export function marks(config: ChartConfig, look: Look, data: Xy, lying: boolean): Item {
  const thresholds = thresholdMarks(config, look, lying);
  const annotations = annotationMarks(config, look, data, lying);
  const lines = [...thresholds.lines, ...annotations.lines];
  const areas = [...thresholds.areas, ...annotations.areas];
  const still = { silent: true, animation: false };
  return {
    ...(lines.length > 0 ? { markLine: { ...still, symbol: "none", data: lines } } : {}),
    ...(areas.length > 0 ? { markArea: { ...still, data: areas } } : {}),
  };
}

function label(look: Look, text: string, color: string, position: string): Item {
  return {
    show: !(look.compact && look.height < 120),
    position,
    color,
    fontSize: 11,
    formatter: () => text,
    textBorderColor: look.ink.surface,
    textBorderWidth: 2,
  };
}

/** A line where each threshold begins, and a band up to the next one. */
function thresholdMarks(
  config: ChartConfig,
  look: Look,
  lying: boolean,
): { lines: Item[]; areas: Item[][] } {
  const axis = lying ? "xAxis" : "yAxis";
  const sorted = [...(config.thresholds ?? [])].sort((a, b) => Number(a.value) - Number(b.value));
  const format = valueFormat(config);
  const lines = sorted.map((each) => {
    const color = look.ink.tones[each.tone];
    const words = `${each.label ?? toneName(each.tone)} ${valueWords(each.value, format)}`;
    return {
      [axis]: Number(each.value),
      lineStyle: { color, type: "dashed", width: 1 },
      label: label(look, words, color, lying ? "end" : "insideEndTop"),
    };
  });
  const areas = sorted.map((each, index) => {
    const next = sorted[index + 1];
    return [
      {
        [axis]: Number(each.value),
        itemStyle: { color: look.ink.tones[each.tone], opacity: 0.08 },
      },
      next === undefined ? {} : { [axis]: Number(next.value) },
    ];
  });
  return { lines, areas };
}

function annotationMarks(
  config: ChartConfig,
  look: Look,
  data: Xy,
  lying: boolean,
): { lines: Item[]; areas: Item[][] } {
  const axis = lying ? "yAxis" : "xAxis";
  const lines: Item[] = [];
  const areas: Item[][] = [];
  for (const { at, to, label: text } of config.annotations ?? []) {
    const from = annotationPlace(at, data);
    if (from === null) continue;
    const color = look.ink.faint;
    const end = to === undefined ? null : annotationPlace(to, data);
    if (end === null)
      lines.push({
        [axis]: from,
        lineStyle: { color, type: "solid", width: 1 },
        label: label(look, text, look.ink.text, lying ? "insideEndTop" : "end"),
      });
    else
      areas.push([
        {
          [axis]: from,
          itemStyle: { color, opacity: 0.14 },
          label: label(look, text, look.ink.text, "insideTop"),
        },
        { [axis]: end },
      ]);
  }
  return { lines, areas };
}

/** Where `at` is on the axis; null when it is not there. Times without a zone are in that of the axis. */
function annotationPlace(at: string, { axis, places, zone }: Xy): number | string | null {
  if (axis === "value") return Number.isFinite(Number(at)) ? Number(at) : null;
  if (axis === "category") return places.includes(at) ? at : nearestName(at, places);
  const read = instantOf(at.trim());
  if (read === null) return null;
  return /(Z|[+-]\d\d(:?\d\d)?)$/.test(at.replace(/^\d+-\d\d-\d\d/, ""))
    ? read
    : instantAt(read, zone);
}

/** On names that are times, the last one at or before the instant. */
function nearestName(at: string, places: Xy["places"]): string | null {
  const wanted = instantOf(at.trim());
  if (wanted === null) return null;
  const before = places.filter((place) => {
    const instant = instantOf(String(place));
    return instant !== null && instant <= wanted;
  });
  const last = before.at(-1);
  return last === undefined ? null : String(last);
}
