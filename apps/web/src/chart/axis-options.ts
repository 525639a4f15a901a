import type { ChartConfig } from "@quern/contract/chart-config";
import type { ColumnType } from "@quern/contract/results";
import { formatTime } from "../format/time.ts";
import { fontSize, type Look } from "./look.ts";
import { shareWords, tickNumber, valueFormat } from "./number-words.ts";
import { isTime } from "./roles.ts";
import { nameWords } from "./scene.ts";
import { tickWords, timeTicks } from "./time-words.ts";

/** Pixels of a label along the axis. */
const TIME_LABEL = 84;

export const grid = (look: Look, room: { top?: number; right?: number; bottom?: number } = {}) => ({
  left: look.compact ? 6 : 12,
  right: (look.compact ? 10 : 20) + (room.right ?? 0),
  top: (look.compact ? 10 : 16) + (room.top ?? 0),
  bottom: (look.compact ? 4 : 10) + (room.bottom ?? 0),
  outerBoundsMode: "same",
  outerBoundsContain: "all",
});

function title(look: Look, text: string | undefined, gap: number) {
  return text
    ? {
        name: text,
        nameLocation: "middle",
        nameGap: gap,
        nameTextStyle: { color: look.ink.faint, fontSize: fontSize(look) },
        nameTruncate: { maxWidth: 240, ellipsis: "…" },
      }
    : {};
}

const plain = (look: Look) => ({
  axisLine: { lineStyle: { color: look.ink.line } },
  axisTick: { show: false },
  splitLine: { show: false },
});

/** An axis of instants, with ticks on round clock times of the zone. */
export function timeAxis(
  config: ChartConfig,
  look: Look,
  { from, to, zone, padding }: { from: number; to: number; zone: string; padding: number },
) {
  const most = Math.max(2, Math.floor(look.width / TIME_LABEL));
  const ticks = timeTicks(from, to, most, zone);
  // A single instant has no round time within: it is its own tick.
  const at = ticks.at.length === 0 ? [from] : ticks.at;
  const style = config.x_axis?.time?.style ?? "auto";
  return {
    type: "time",
    min: from - padding,
    max: from === to && padding === 0 ? to + 1 : to + padding,
    ...title(look, config.x_axis?.title, 26),
    ...plain(look),
    axisTick: { show: true, length: 3, customValues: at, lineStyle: { color: look.ink.line } },
    axisLabel: {
      color: look.ink.faint,
      fontSize: fontSize(look),
      hideOverlap: true,
      customValues: at,
      formatter: (value: number) => tickWords(value, ticks.step, zone, style),
    },
  };
}

/** Names along an axis; times among them in words. */
export function nameAxis(
  config: ChartConfig,
  look: Look,
  {
    names,
    type,
    zone,
    lying,
  }: { names: (string | number)[]; type: ColumnType; zone: string; lying: boolean },
) {
  const words = nameFormatter(config, type, zone);
  return {
    type: "category",
    data: names.map(String),
    inverse: lying,
    ...title(look, config.x_axis?.title, lying ? Math.min(120, look.width * 0.3) : 28),
    ...plain(look),
    axisLabel: {
      color: look.ink.faint,
      fontSize: fontSize(look),
      hideOverlap: true,
      width: lying
        ? Math.min(160, look.width * 0.35)
        : Math.max(56, Math.min(120, look.width / names.length)),
      overflow: "truncate",
      formatter: words,
    },
  };
}

/** A name as it is written along an axis. */
export function nameFormatter(
  config: ChartConfig,
  type: ColumnType,
  zone: string,
): (name: string) => string {
  if (!isTime(type)) return nameWords;
  const time = { style: config.x_axis?.time?.style ?? "auto", time_zone: zone } as const;
  return (name) => (name === "NULL" ? name : nameWords(formatTime(name, type, time)));
}

/** An axis of numbers that is not a measure: across a scatter chart or a line over numbers. */
export function numberAxis(config: ChartConfig, look: Look) {
  return {
    type: "value",
    scale: true,
    ...title(look, config.x_axis?.title, 26),
    ...plain(look),
    axisLabel: {
      color: look.ink.faint,
      fontSize: fontSize(look),
      hideOverlap: true,
      formatter: (value: number) => tickNumber(value, undefined),
    },
  };
}

/** The axis of the values. `zero`: a mark's length is its value, so the axis begins at zero. */
export function measureAxis(
  config: ChartConfig,
  look: Look,
  { side, zero, percent }: { side: "left" | "right"; zero: boolean; percent: boolean },
) {
  const settings = (side === "left" ? config.y_axis : config.y_axis_right) ?? {};
  const format = valueFormat(config, side);
  const logarithmic = settings.logarithmic === true && !percent;
  const bound = (text: string | undefined) => (text === undefined ? undefined : Number(text));
  const [min, max] = [bound(settings.min), bound(settings.max)];
  return {
    type: logarithmic ? "log" : "value",
    scale: !zero,
    ...(min !== undefined && !(logarithmic && min <= 0) ? { min } : {}),
    ...(max !== undefined && !(logarithmic && max <= 0) ? { max } : percent ? { max: 100 } : {}),
    ...title(look, settings.title, look.compact ? 38 : 48),
    splitNumber: look.height < 160 ? 2 : look.height < 260 ? 3 : 5,
    axisLabel: {
      color: look.ink.faint,
      fontSize: fontSize(look),
      hideOverlap: true,
      formatter: (value: number) => (percent ? shareWords(value / 100) : tickNumber(value, format)),
    },
    splitLine: { show: side === "left", lineStyle: { color: look.ink.line } },
    axisLine: { show: false },
    axisTick: { show: false },
  };
}
