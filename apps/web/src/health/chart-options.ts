/** A chart of lines over time, as the drawing library wants it. */
import type { SeriesAnswer } from "@quern/contract/health/ranges";
import type { EChartsCoreOption } from "echarts/core";
import { grid } from "../chart/axis-options.ts";
import { viewerZone } from "../chart/instants.ts";
import { baseOptions, foundIn, type Look, tooltip, WHOLE } from "../chart/look.ts";
import { colorOf } from "../chart/series-look.ts";
import { instantWords, tickWords, timeTicks } from "../chart/time-words.ts";
import type { Tip, TipRow } from "../chart/tooltip.ts";
import { t } from "../i18n/language.ts";
import { type ChartLine, stepOf } from "./chart-lines.ts";
import { markWords } from "./mark-words.ts";
import { exactIfShort, formatValue } from "./values.ts";

export type ChartKind = "line" | "area" | "bars";

/** Pixels of a label along the axis. */
const TIME_LABEL = 76;

type Drawn = {
  answer: SeriesAnswer;
  lines: readonly ChartLine[];
  kind: ChartKind;
  stacked: boolean;
};

export function chartOptions(drawn: Drawn, look: Look): EChartsCoreOption {
  const { answer, lines, kind, stacked } = drawn;
  const zone = viewerZone();
  const from = Date.parse(answer.range.from);
  const to = Date.parse(answer.range.to);
  const step = stepOf(answer);
  return {
    ...baseOptions(look),
    grid: grid(look),
    tooltip: {
      ...tooltip(look, "axis", (found) => tip(drawn, look, step, zone, found)),
      axisPointer: { type: "line", snap: true, lineStyle: { color: look.ink.faint, width: 1 } },
    },
    xAxis: timeAxis(look, from, to, zone),
    yAxis: valueAxis(look, lines),
    series: lines.map((line, index) => ({
      ...(kind === "bars" && !line.week
        ? barSeries(look, answer, step)
        : lineSeries(line, to - from, kind === "area" && !line.week, stacked)),
      ...(stacked && !line.week ? { stack: "sum" } : {}),
      name: line.label,
      color: lineColor(line, look),
      data: kind === "bars" ? middle(line, answer) : line.points.map(([ms, y]) => [ms, y ?? "-"]),
      ...(index === 0 ? markLines(answer, look) : {}),
    })),
  };
}

export const lineColor = (line: ChartLine, look: Pick<Look, "ink">): string =>
  colorOf({ id: line.name, color: line.color }, look.ink);

function timeAxis(look: Look, from: number, to: number, zone: string) {
  const ticks = timeTicks(from, to, Math.max(2, Math.floor(look.width / TIME_LABEL)), zone);
  return {
    type: "time",
    min: from,
    max: to,
    axisLine: { lineStyle: { color: look.ink.line } },
    splitLine: { show: false },
    axisTick: {
      ...{ show: true, length: 3, customValues: ticks.at },
      lineStyle: { color: look.ink.line },
    },
    axisLabel: {
      ...{ color: look.ink.faint, fontSize: 11, hideOverlap: true, customValues: ticks.at },
      formatter: (value: number) => tickWords(value, ticks.step, zone, "auto"),
    },
  };
}

function valueAxis(look: Look, lines: readonly ChartLine[]) {
  const unit = lines[0]?.unit ?? "count";
  const least = leastShare(lines);
  return {
    type: "value",
    ...(unit === "ratio" ? { min: least, max: 1, interval: (1 - least) / 2 } : { min: 0 }),
    splitNumber: look.height < 140 ? 2 : 3,
    axisLabel: {
      ...{ color: look.ink.faint, fontSize: 11, hideOverlap: true },
      formatter: (value: number) => formatValue(value, unit),
    },
    splitLine: { lineStyle: { color: look.ink.line } },
    axisLine: { show: false },
    axisTick: { show: false },
  };
}

/** Shares of near the whole are told apart: from 99 % to 97 % is three times as much of the rest. */
function leastShare(lines: readonly ChartLine[]): number {
  const known = lines.flatMap(({ points }) => points.flatMap(([, value]) => value ?? []));
  const least = Math.min(1, ...known);
  return least < 0.6 ? 0 : Math.floor(least * 20 - 0.2) / 20;
}

/** Share of a range below which a line is too short to be seen as one. */
const SPECK = 0.01;

function lineSeries(line: ChartLine, range: number, area: boolean, stacked: boolean) {
  const [first, last] = [line.points[0]?.[0] ?? 0, line.points.at(-1)?.[0] ?? 0];
  const lonely = line.points.length < 3 || last - first < range * SPECK;
  return {
    type: "line",
    showSymbol: lonely,
    symbol: "circle",
    symbolSize: 4,
    connectNulls: false,
    lineStyle: line.week ? { width: 1.25, type: "dashed" } : { width: stacked ? 1 : 1.75 },
    ...(area ? { areaStyle: { opacity: stacked ? 0.45 : 0.15 } } : {}),
    // Stacked series have to keep the same places.
    ...(stacked ? {} : { sampling: "lttb" }),
    ...(line.week ? { z: 1 } : {}),
  };
}

function barSeries(look: Look, { range }: SeriesAnswer, step: number) {
  const span = Date.parse(range.to) - Date.parse(range.from);
  const width = span === 0 || step === 0 ? 8 : (look.width * step) / span - 1;
  return {
    ...{ type: "bar", barWidth: Math.min(40, Math.max(1, width)), progressive: WHOLE },
    itemStyle: { borderRadius: 0 },
  };
}

/** A bar stands in the middle of its interval, which ends at its instant. */
function middle({ points }: ChartLine, { at, seconds }: SeriesAnswer) {
  const half = new Map(at.map((instant, index) => [Date.parse(instant), seconds[index] ?? 0]));
  return points.flatMap(([ms, y]) => (y === null ? [] : [[ms - (half.get(ms) ?? 0) * 500, y]]));
}

/** Where differences are doubtful: dashed across, with words in the hover box and below the chart. */
function markLines({ marks }: SeriesAnswer, look: Look) {
  if (marks.length === 0) return {};
  return {
    markLine: {
      ...{ silent: true, symbol: "none", animation: false, label: { show: false } },
      lineStyle: { color: look.ink.tones.warning, type: [3, 3], width: 1 },
      data: marks.map(({ at }) => ({ xAxis: Date.parse(at) })),
    },
  };
}

function tip(
  { answer, lines, kind, stacked }: Drawn,
  look: Look,
  step: number,
  zone: string,
  found: unknown,
): Tip | null {
  const value = Array.isArray(found) ? axisValue(found[0]) : null;
  if (value === null) return null;
  const half = kind === "bars" ? step / 2 : 0;
  const at = nearest(answer, value + half);
  const seen = new Set(foundIn(found).map(({ seriesIndex }) => seriesIndex));
  const rows = lines.flatMap((line, index) => {
    const point = line.points.find(([ms]) => ms === at);
    if (point === undefined || !seen.has(index)) return [];
    const words = formatValue(point[1], line.unit);
    const exact = exactIfShort(point[1], line.unit);
    return [{ name: line.label, color: lineColor(line, look), words, exact }];
  });
  const marks = answer.marks
    .filter((mark) => Math.abs(Date.parse(mark.at) - (at ?? 0)) <= Math.max(step, 1) / 2)
    .map(({ mark }) => ({ name: markWords(mark).long, color: null, words: "", exact: null }));
  if (rows.length === 0 || at === null) return null;
  const title = instantWords(at, step, zone, "auto");
  // What lies on top is said first, and what it all comes to.
  const said = stacked ? [...totalOf(lines, at, seen), ...rows.reverse()] : rows;
  return { title, rows: [...said, ...marks] };
}

function totalOf(lines: readonly ChartLine[], at: number, seen: ReadonlySet<number>): TipRow[] {
  const own = lines.filter((line, index) => !line.week && seen.has(index));
  const values = own.flatMap(({ points }) => points.find(([ms]) => ms === at)?.[1] ?? []);
  if (values.length < 2) return [];
  const sum = values.reduce((total, value) => total + value, 0);
  const unit = own[0]?.unit ?? "count";
  const words = formatValue(sum, unit);
  return [{ name: t("Together"), color: null, words, exact: exactIfShort(sum, unit) }];
}

function axisValue(found: unknown): number | null {
  if (typeof found !== "object" || found === null || !("axisValue" in found)) return null;
  return typeof found.axisValue === "number" ? found.axisValue : null;
}

function nearest({ at }: SeriesAnswer, value: number): number | null {
  let best: number | null = null;
  for (const instant of at) {
    const ms = Date.parse(instant);
    if (best === null || Math.abs(ms - value) < Math.abs(best - value)) best = ms;
  }
  return best;
}
