import { language } from "../i18n/language.ts";

const whole = new Intl.NumberFormat(language);
const compact = new Intl.NumberFormat(language, { notation: "compact", maximumFractionDigits: 1 });

/** A whole number with separators: `1,204,331`. */
export function formatCount(count: number | bigint): string {
  return whole.format(count);
}

/** An estimate in short: `1.2M`. Show the exact number on hover. */
export function formatEstimate(count: number): string {
  return compact.format(count);
}

const decimals = new Map<number, Intl.NumberFormat>();

/** `value` with exactly `digits` digits after the point, or the comma, of the language. */
export function formatDecimal(value: number, digits: number): string {
  let format = decimals.get(digits);
  if (format === undefined) {
    format = new Intl.NumberFormat(language, {
      minimumFractionDigits: digits,
      maximumFractionDigits: digits,
      useGrouping: false,
    });
    decimals.set(digits, format);
  }
  return format.format(value);
}

/** What the language writes between units and tenths. */
const POINT = formatDecimal(0.5, 1).includes(",") ? "," : ".";

/** Reads `100000`, `100,000`, `100k`, `2.5 M` (French `2,5 M`) as a whole number; null when it is none. */
export function parseCount(text: string): number | null {
  const plain = POINT === "," ? text.replace(",", ".") : text.replaceAll(",", "");
  const match = /^\s*(\d[\d\s_]*(?:\.\d+)?)\s*(k|m)?\s*$/i.exec(plain);
  if (!match?.[1]) return null;
  const factor = match[2] ? (match[2].toLowerCase() === "k" ? 1_000 : 1_000_000) : 1;
  return Math.round(Number(match[1].replace(/[\s_]/g, "")) * factor);
}
