/** Conditional formatting: what a cell looks like by its value. Numbers are compared exactly, whatever their length. */
import type { TableColumn, Threshold, Tone } from "@quern/contract/chart-config";
import type { Cell } from "@quern/contract/results";
import { compareDecimals, parseDecimal } from "../format/decimal.ts";
import { t } from "../i18n/language.ts";

export type Rule = NonNullable<TableColumn["color"]>;

/** `shade` of a colour scale and the ends of a `bar` are shares of the column's range, 0 to 1. */
export type Paint = {
  tone?: Tone;
  /** What the tone means, in words: colour alone says nothing to some. */
  words?: string;
  shade?: number;
  bar?: { from: number; to: number; zero: number };
  color?: string;
};
export type Painter = (cell: Cell) => Paint | null;

/** The least and the greatest number of a column, for scales and bars; null where there is none. */
export type Range = { min: number; max: number };

export const TONES: Record<Tone, { words: string; icon: string | null; cell: string }> = {
  good: { words: t("good"), icon: "i-lucide-circle-check", cell: "bg-success/15 text-highlighted" },
  neutral: { words: t("neutral"), icon: null, cell: "bg-elevated text-highlighted" },
  warning: {
    words: t("warning"),
    icon: "i-lucide-triangle-alert",
    cell: "bg-warning/15 text-highlighted",
  },
  bad: { words: t("bad"), icon: "i-lucide-octagon-alert", cell: "bg-error/15 text-highlighted" },
};

export function painter(rule: Rule | undefined, range: Range | null): Painter | null {
  switch (rule?.type) {
    case undefined:
      return null;
    case "thresholds":
      return byThresholds(rule.thresholds);
    case "values": {
      const tones = new Map(rule.values.map(({ value, tone }) => [value, tone]));
      return (cell) => {
        const tone = cell === null ? undefined : tones.get(String(cell));
        return tone === undefined ? null : { tone, words: TONES[tone].words };
      };
    }
    case "scale":
      return scale(range, rule.color ?? "1");
    case "bar":
      return bar(range, rule.color ?? "1");
  }
}

function byThresholds(thresholds: Threshold[]): Painter {
  const steps = thresholds
    .flatMap(({ value, tone, label }) => {
      const from = parseDecimal(value);
      return from === null ? [] : [{ from, tone, words: label || TONES[tone].words }];
    })
    .sort((a, b) => compareDecimals(a.from, b.from));
  return (cell) => {
    const value = cell === null || typeof cell === "boolean" ? null : parseDecimal(String(cell));
    if (value === null) return null;
    const step = steps.findLast(({ from }) => compareDecimals(from, value) <= 0);
    return step === undefined ? null : { tone: step.tone, words: step.words };
  };
}

function numberOf(cell: Cell): number | null {
  if (cell === null || typeof cell === "boolean" || cell === "") return null;
  const value = Number(cell);
  return Number.isFinite(value) ? value : null;
}

/** The range of the cells at hand. */
export function rangeOf(cells: Cell[]): Range | null {
  let range: Range | null = null;
  for (const cell of cells) {
    const value = numberOf(cell);
    if (value === null) continue;
    range =
      range === null
        ? { min: value, max: value }
        : { min: Math.min(range.min, value), max: Math.max(range.max, value) };
  }
  return range;
}

const within = (share: number) => Math.max(0, Math.min(1, share));

function scale(range: Range | null, color: string): Painter | null {
  if (range === null) return null;
  const width = range.max - range.min;
  return (cell) => {
    const value = numberOf(cell);
    if (value === null) return null;
    return { color, shade: width > 0 ? within((value - range.min) / width) : 0.5 };
  };
}

/** From nought to the value: values below nought go to the left of it. */
function bar(range: Range | null, color: string): Painter | null {
  if (range === null) return null;
  const low = Math.min(0, range.min);
  const width = Math.max(0, range.max) - low;
  const place = (value: number) => (width > 0 ? within((value - low) / width) : 0);
  const zero = place(0);
  return (cell) => {
    const value = numberOf(cell);
    if (value === null) return null;
    const end = place(value);
    return { color, bar: { from: Math.min(zero, end), to: Math.max(zero, end), zero } };
  };
}

/** The strongest shade that leaves text readable in both themes. */
const STRONGEST = 40;

/** CSS of a paint with a colour; `colors` are the theme's palette. */
export function paintStyle(
  paint: Paint | null,
  colors: string[],
): Record<string, string> | undefined {
  if (paint?.color === undefined) return undefined;
  const color = paint.color.startsWith("#") ? paint.color : (colors[Number(paint.color) - 1] ?? "");
  if (paint.shade !== undefined) {
    const percent = Math.round(4 + paint.shade * (STRONGEST - 4));
    return { backgroundColor: `color-mix(in srgb, ${color} ${percent}%, transparent)` };
  }
  if (paint.bar === undefined) return undefined;
  const soft = `color-mix(in srgb, ${color} 32%, transparent)`;
  const [from, to] = [paint.bar.from, paint.bar.to].map((share) => `${(share * 100).toFixed(2)}%`);
  return {
    backgroundImage: `linear-gradient(to right, transparent ${from}, ${soft} ${from} ${to}, transparent ${to})`,
    backgroundSize: "100% calc(100% - 6px)",
    backgroundPosition: "center",
    backgroundRepeat: "no-repeat",
  };
}
