/**
 * Numbers in the person's language. Decimal texts of any length keep every digit: `Intl.NumberFormat` reads them as
 * exact values, and what is scaled (percent, bytes) is scaled by moving the point.
 */
import type { NumberFormat } from "@quern/contract/number-format";
import type { Cell } from "@quern/contract/results";
import { language } from "../i18n/language.ts";
import { formatCount } from "../words/count.ts";
import { DAY, formatDuration } from "../words/duration.ts";
import { type Decimal, magnitude, parseDecimal, plainDecimal, shift } from "./decimal.ts";

type Options = Intl.NumberFormatOptions;

const formats = new Map<string, Intl.NumberFormat>();

function written(value: Decimal, options: Options): string {
  const key = JSON.stringify(options);
  let format = formats.get(key);
  if (format === undefined) {
    format = new Intl.NumberFormat(language, options);
    formats.set(key, format);
  }
  return format.format(plainDecimal(value) as Intl.StringNumericLiteral);
}

/**
 * A number cell in words: `1,204,331`, `12.4 %`, `CA$12.50`, `3.2 MB`, `1.24 s`, `1.2M`. Without `format` every digit is
 * kept, with separators. NULL is the empty text; what is no number (NaN, Infinity, text) stays as it is.
 */
export function formatNumber(value: Cell, format?: NumberFormat): string {
  if (value === null) return "";
  const text = String(value);
  const decimal = typeof value === "boolean" ? null : parseDecimal(text);
  if (decimal === null) return text;
  const words = styled(decimal, format);
  return format?.unit === undefined || format.unit === "" ? words : `${words} ${format.unit}`;
}

function styled(value: Decimal, format?: NumberFormat): string {
  switch (format?.style) {
    case "percent":
      return written(value, {
        style: "percent",
        ...digitsOf(format, Math.min(2, value.scale - 2)),
      });
    case "currency":
      return written(value, currencyOptions(format));
    case "bytes":
      return bytes(value, format.decimals);
    case "duration_s":
      return duration(value, 1_000);
    case "duration_ms":
      return duration(value, 1);
    default:
      return format?.compact || format?.decimals !== undefined
        ? written(value, digitsOf(format, 0))
        : everyDigit(value);
  }
}

const POINT = new Intl.NumberFormat(language)
  .formatToParts(0.5)
  .find((part) => part.type === "decimal");

/** With separators and the language's point; `Intl` alone would stop at 20 digits behind it. */
function everyDigit(value: Decimal): string {
  const [whole = "0", fraction] = plainDecimal(value).split(".");
  const head = wholes.format(whole as Intl.StringNumericLiteral);
  return fraction === undefined ? head : `${head}${POINT?.value ?? "."}${fraction}`;
}
const wholes = new Intl.NumberFormat(language, { maximumFractionDigits: 0 });

/** Digits behind the point: as many as asked for, else at most `most`; short numbers have one. */
function digitsOf({ decimals, compact }: NumberFormat, most: number): Options {
  const fixed = { minimumFractionDigits: decimals ?? 0 };
  return compact
    ? { notation: "compact", ...fixed, maximumFractionDigits: decimals ?? 1 }
    : { ...fixed, maximumFractionDigits: decimals ?? Math.max(0, most) };
}

function currencyOptions({ currency, decimals, compact }: NumberFormat): Options {
  const digits =
    decimals === undefined
      ? compact
        ? { minimumFractionDigits: 0, maximumFractionDigits: 1 }
        : {}
      : { minimumFractionDigits: decimals, maximumFractionDigits: decimals };
  // Without a currency there is no symbol to show: two digits, as most have.
  if (currency === undefined)
    return { minimumFractionDigits: 2, maximumFractionDigits: 2, ...digits };
  return { style: "currency", currency, ...(compact ? { notation: "compact" } : {}), ...digits };
}

const BYTE_UNITS = ["B", "kB", "MB", "GB", "TB", "PB", "EB"];

/** In decimal units, as `formatBytes`, and of any size. */
function bytes(value: Decimal, decimals: number | undefined): string {
  let unit = Math.max(0, Math.min(BYTE_UNITS.length - 1, Math.ceil(magnitude(value) / 3) - 1));
  // 999,950 bytes are 1.0 MB, and not 1,000 kB.
  if (unit < BYTE_UNITS.length - 1 && Math.abs(asNumber(shift(value, -3 * unit))) >= 999.5)
    unit += 1;
  const scaled = shift(value, -3 * unit);
  const digits = decimals ?? (unit > 0 && Math.abs(asNumber(scaled)) < 9.95 ? 1 : 0);
  const text = written(scaled, { minimumFractionDigits: digits, maximumFractionDigits: digits });
  return `${text} ${BYTE_UNITS[unit]}`;
}

/** Beyond what a day-and-hour pair can say, whole days. */
const MOST_DAYS = 100_000;

function duration(value: Decimal, factor: number): string {
  const ms = asNumber(value) * factor;
  const sign = ms < 0 ? "-" : "";
  const size = Math.abs(ms);
  const days = size / 86_400_000;
  return (
    sign + (days > MOST_DAYS ? `${formatCount(Math.round(days))} ${DAY}` : formatDuration(size))
  );
}

/** The nearest binary number, for what is drawn or put into words only. */
function asNumber(value: Decimal): number {
  return Number(plainDecimal(value));
}
