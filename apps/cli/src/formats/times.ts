import { UsageError } from "../faults.ts";

/** A duration for people: `830 ms`, `3.2 s`, `4 min 10 s`, `2 h 5 min`, `3 d 4 h`. */
export function duration(ms: number): string {
  if (ms < 999.5) return `${Math.round(ms)} ms`;
  if (ms < 59_950) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  const [days, hours, minutes] = [86_400, 3_600, 60].map((unit, index) =>
    Math.floor((seconds % [Number.POSITIVE_INFINITY, 86_400, 3_600][index]!) / unit),
  ) as [number, number, number];
  if (days > 0) return `${days} d ${hours} h`;
  if (hours > 0) return `${hours} h ${minutes} min`;
  return `${minutes} min ${seconds % 60} s`;
}

/** How long ago, or until when, an instant is, as seen at `now`. */
export function relative(instant: string, now = Date.now()): string {
  const ms = Date.parse(instant) - now;
  return ms < 0 ? `${duration(-ms)} ago` : `in ${duration(ms)}`;
}

const UNITS: Record<string, number> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `500ms`, `30s`, `5m`, `2h`, `7d` in milliseconds; a number alone is seconds. Throws `UsageError`. */
export function parseDuration(option: string, text: string): number {
  const [, digits, unit = "s"] = /^(\d{1,9}(?:\.\d{1,3})?)(ms|s|m|h|d)?$/.exec(text) ?? [];
  if (digits === undefined || Number(digits) === 0)
    throw new UsageError(`--${option} is a time like 500ms, 30s, 5m, 2h or 7d, not ${text}`);
  return Math.round(Number(digits) * UNITS[unit]!);
}

/** A whole number within bounds. Throws `UsageError`. */
export function parseNumber(
  option: string,
  text: string,
  bounds: { min: number; max: number },
): number {
  const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= bounds.min && value <= bounds.max))
    throw new UsageError(
      `--${option} is a whole number from ${bounds.min} to ${bounds.max}, not ${text}`,
    );
  return value;
}

const SIZES = ["B", "KiB", "MiB", "GiB", "TiB"];

/** Bytes for people: `31 MiB`. */
export function size(bytes: number): string {
  const power = bytes < 1 ? 0 : Math.min(SIZES.length - 1, Math.floor(Math.log2(bytes) / 10));
  const value = bytes / 1024 ** power;
  return `${power === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${SIZES[power]}`;
}
