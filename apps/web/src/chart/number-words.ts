import type { ChartConfig } from "@quern/contract/chart-config";
import type { NumberFormat } from "@quern/contract/number-format";
import { formatNumber } from "../format/number.ts";
import { language } from "../i18n/language.ts";

const short = new Intl.NumberFormat(language, { notation: "compact", maximumFractionDigits: 2 });
const percent = new Intl.NumberFormat(language, { style: "percent", maximumFractionDigits: 1 });

/** A share of the whole: 0.123 is 12.3 %. */
export const shareWords = (share: number): string => percent.format(share);

/** The format of the values of an axis: its own, else the chart's. */
export function valueFormat(
  config: ChartConfig,
  axis: "left" | "right" = "left",
): NumberFormat | undefined {
  return (axis === "right" ? config.y_axis_right : config.y_axis)?.format ?? config.format;
}

/** A tick: short, since the exact value is at the mark. */
export function tickNumber(value: number, format: NumberFormat | undefined): string {
  const clean = Number(value.toPrecision(12));
  if (format === undefined) return short.format(clean);
  const large = Math.abs(clean) >= 10_000 && format.decimals === undefined;
  const plain = format.style === "number" || format.style === "currency";
  return formatNumber(
    clean,
    plain && large ? { ...format, compact: true } : fewDigits(format, clean),
  );
}

function fewDigits(format: NumberFormat, value: number): NumberFormat {
  if (format.style !== "currency" || format.decimals !== undefined) return format;
  return Number.isInteger(value) ? { ...format, decimals: 0 } : format;
}

/** A value at its mark: as the format says, with every digit where there is none. */
export const valueWords = (exact: string, format: NumberFormat | undefined): string =>
  formatNumber(exact, format);

/** A value in the hover box: in words, and every digit of it where the words have fewer. */
export function fullWords(
  exact: string,
  format: NumberFormat | undefined,
): { words: string; exact: string | null } {
  const words = formatNumber(exact, format);
  const digits = formatNumber(exact);
  const said = words.replace(/[^\d]/g, "").includes(digits.replace(/[^\d]/g, ""));
  return { words, exact: format === undefined || said ? null : digits };
}
