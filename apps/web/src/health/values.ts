/**
 * Numbers of the database pages in words, by the units of the API: count, bytes, ms, seconds, ratio (0.031 is 3.1 %), xids,
 * per_second, bytes_per_second, ms_per_second. `formatValue(value, unit)` is short, `exactValue` has every digit.
 */
import { shareWords } from "../chart/number-words.ts";
import { language, t } from "../i18n/language.ts";
import { formatBytes } from "../words/bytes.ts";
import { formatDuration } from "../words/duration.ts";

const fine = new Intl.NumberFormat(language, { maximumSignificantDigits: 3 });
const whole = new Intl.NumberFormat(language, { maximumFractionDigits: 0 });
const short = new Intl.NumberFormat(language, {
  notation: "compact",
  maximumSignificantDigits: 3,
});
const every = new Intl.NumberFormat(language, { maximumFractionDigits: 6 });
const everyShare = new Intl.NumberFormat(language, {
  style: "percent",
  maximumFractionDigits: 6,
});

const change = new Intl.NumberFormat(language, {
  style: "percent",
  signDisplay: "exceptZero",
  maximumFractionDigits: 0,
});

/** `null` is not known: a dash, never 0. */
export function formatValue(value: number | null, unit: string): string {
  if (value === null) return "–";
  switch (unit) {
    case "bytes":
      return signed(value, formatBytes);
    case "bytes_per_second":
      return t("{value}/s", { value: signed(value, formatBytes) });
    case "ms":
      return signed(value, formatDuration);
    case "seconds":
      return signed(value * 1000, formatDuration);
    case "ratio":
      return shareWords(value);
    case "per_second":
      return t("{value}/s", { value: number(value) });
    case "ms_per_second":
      return t("{value}/s", { value: signed(value, formatDuration) });
    default:
      return number(value);
  }
}

/** Every digit, for a hover. */
export function exactValue(value: number | null, unit: string): string {
  if (value === null) return t("not known");
  const digits = every.format(value);
  switch (unit) {
    case "bytes":
      return t("{bytes} bytes", { bytes: digits });
    case "bytes_per_second":
      return t("{bytes} bytes/s", { bytes: digits });
    case "ms":
      return `${digits} ms`;
    case "seconds":
      return `${digits} s`;
    case "per_second":
      return t("{value}/s", { value: digits });
    case "ms_per_second":
      return t("{value}/s", { value: `${digits} ms` });
    case "ratio":
      return everyShare.format(value);
    default:
      return digits;
  }
}

/** Every digit where `formatValue` leaves some out, else null. */
export function exactIfShort(value: number | null, unit: string): string | null {
  if (value === null) return null;
  const exact = exactValue(value, unit);
  return exact === formatValue(value, unit) ? null : exact;
}

/** A change against before: `+12%`, `−40%`, `× 8.2`; null when there is nothing to compare with. */
export function formatChange(before: number | null, now: number | null): string | null {
  if (before === null || now === null || before <= 0) return null;
  const ratio = now / before;
  if (ratio >= 3) return t("× {ratio}", { ratio: fine.format(ratio) });
  return change.format(ratio - 1).replace("-", "−");
}

function number(value: number): string {
  const size = Math.abs(value);
  if (size >= 100_000) return short.format(value);
  return size >= 100 ? whole.format(value) : fine.format(value);
}

const signed = (value: number, words: (size: number) => string): string =>
  value < 0 ? `−${words(-value)}` : words(value);
