import { t } from "../i18n/language.ts";
import { formatDecimal } from "./count.ts";

/** The short word for a day, after a number. */
export const DAY = t("d");

/** `ms` milliseconds in words, two or three digits: `0.4 ms`, `312 ms`, `1.24 s`, `3 min 12 s`, `2 h 5 min`, `3 d 4 h`. */
export function formatDuration(ms: number): string {
  if (ms < 0) return formatDuration(0);
  if (ms === 0) return "0 ms";
  if (ms < 0.95) return ms < 0.05 ? `< ${formatDecimal(0.1, 1)} ms` : `${formatDecimal(ms, 1)} ms`;
  if (ms < 999.5) return `${Math.round(ms)} ms`;
  if (ms < 9_995) return `${formatDecimal(ms / 1000, 2)} s`;
  if (ms < 59_950) return `${formatDecimal(ms / 1000, 1)} s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 3600) return pair(Math.floor(seconds / 60), "min", seconds % 60, "s");
  const minutes = Math.round(seconds / 60);
  if (minutes < 1440) return pair(Math.floor(minutes / 60), "h", minutes % 60, "min");
  const hours = Math.round(minutes / 60);
  return pair(Math.floor(hours / 24), DAY, hours % 24, "h");
}

/** The running clock of a run: `0.0 s`, `12.3 s`, `3:07`, `1:02:09`. */
export function formatClock(ms: number): string {
  const tenths = Math.max(0, Math.floor(ms / 100));
  if (tenths < 600) return `${formatDecimal(tenths / 10, 1)} s`;
  const seconds = Math.floor(tenths / 10);
  const two = (n: number) => String(n).padStart(2, "0");
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes}:${two(seconds % 60)}`;
  return `${Math.floor(minutes / 60)}:${two(minutes % 60)}:${two(seconds % 60)}`;
}

function pair(large: number, largeUnit: string, small: number, smallUnit: string): string {
  return small === 0 ? `${large} ${largeUnit}` : `${large} ${largeUnit} ${small} ${smallUnit}`;
}

const UNITS: Record<string, number> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  min: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  [DAY]: 86_400_000,
};

/** Reads `30 s`, `90`, `5 min`, `1 h`, `7 d`, `250 ms` (a bare number is seconds) as milliseconds; null when it is none. */
export function parseDuration(text: string): number | null {
  const match = /^\s*(\d+(?:[.,]\d+)?)\s*(\p{L}+)?\s*$/u.exec(text);
  const factor = UNITS[match?.[2]?.toLowerCase() ?? "s"];
  if (!match?.[1] || factor === undefined) return null;
  return Math.round(Number(match[1].replace(",", ".")) * factor);
}
