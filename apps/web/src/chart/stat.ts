import type { Threshold, Tone } from "@quern/contract/chart-config";
import type { Cell } from "@quern/contract/results";
import { t } from "../i18n/language.ts";
import { compareDecimals, subtractDecimals } from "./decimals.ts";
import { isTime } from "./roles.ts";
import { indexOf, numberText, placeOf, type Scene } from "./scene.ts";

export type Comparison = {
  direction: "up" | "down" | "same";
  /** The difference in the engine's digits, without its sign. */
  difference: string;
  /** Of the base, as a share: 0.12 is 12 %. null when the base is zero. */
  share: number | null;
  /** What it is compared with, in words, and its value. */
  base: string;
  words: string;
  tone: Tone;
};
export type Stat = {
  kind: "stat";
  label: string;
  /** The value in the engine's digits; null where there is none. */
  exact: string | null;
  comparison: Comparison | null;
  tone: Tone | null;
  /** The word that goes with the tone: a colour never stands alone. */
  toneWords: string | null;
  spark: (number | null)[];
  row: number | null;
  notes: string[];
};

const MOST_SPARK = 500;

/** One number of the result, and what it is compared with. With a time along, the last row is the latest one. */
export function readStat(scene: Scene): Stat {
  const { config, columns, rows } = scene;
  const settings = config.stat ?? {};
  const index = indexOf(columns, config.y[0]);
  const order = rowOrder(scene);
  const at = settings.row === "first" ? 0 : order.length - 1;
  const row = order[at];
  const cell = row === undefined ? null : (rows[row]?.[index] ?? null);
  const exact = numberText(cell);
  const value = (position: number): string | null =>
    numberText(rows[order[position] ?? -1]?.[index] ?? null);
  const tone = exact === null ? null : toneOf(exact, config.thresholds ?? []);
  return {
    kind: "stat",
    label: settings.label ?? config.y[0] ?? "",
    exact,
    comparison: exact === null ? null : comparisonOf(scene, exact, value, at, rows[row ?? -1]),
    tone: tone?.tone ?? null,
    toneWords: tone === null ? null : (tone.label ?? toneName(tone.tone)),
    spark:
      settings.sparkline === false || order.length < 3
        ? []
        : spark(order.map((_, position) => value(position))),
    row: row ?? null,
    notes: [],
  };
}

function rowOrder({ config, columns, rows }: Scene): number[] {
  const index = indexOf(columns, config.x);
  const order = rows.map((_, row) => row);
  const column = columns[index];
  if (column === undefined || !isTime(column.type)) return order;
  const place = (row: number) => placeOf(rows[row]?.[index] ?? null, column);
  return order
    .map((row) => ({ row, at: place(row) }))
    .filter((each): each is { row: number; at: number } => each.at !== null)
    .sort((a, b) => a.at - b.at)
    .map((each) => each.row);
}

function spark(values: (string | null)[]): (number | null)[] {
  const step = Math.max(1, Math.ceil(values.length / MOST_SPARK));
  return values
    .filter((_, position) => (values.length - 1 - position) % step === 0)
    .map((value) => (value === null ? null : Number(value)));
}

/** The last threshold that the value has reached; null below all of them. */
function toneOf(exact: string, thresholds: Threshold[]): Threshold | null {
  const reached = thresholds.filter((each) => compareDecimals(exact, each.value) >= 0);
  return reached.reduce<Threshold | null>(
    (best, each) => (best === null || compareDecimals(each.value, best.value) >= 0 ? each : best),
    null,
  );
}

export function toneName(tone: Tone): string {
  return { good: t("Good"), neutral: t("Normal"), warning: t("Warning"), bad: t("Bad") }[tone];
}

function comparisonOf(
  { config, columns }: Scene,
  exact: string,
  value: (position: number) => string | null,
  at: number,
  row: Cell[] | undefined,
): Comparison | null {
  const { compare = "none", target, compare_column: name, better = "neither" } = config.stat ?? {};
  const bases = {
    none: null,
    previous_row: at > 0 ? value(at - 1) : null,
    first_row: at > 0 ? value(0) : null,
    column: numberText(row?.[indexOf(columns, name)] ?? null),
    target: target ?? null,
  };
  const base = bases[compare];
  if (base === null) return null;
  const difference = subtractDecimals(exact, base);
  const sign = Math.sign(Number(difference));
  const direction = sign === 0 ? "same" : sign > 0 ? "up" : "down";
  const share = Number(base) === 0 ? null : Math.abs(Number(difference) / Number(base));
  return {
    direction,
    difference: difference.replace("-", ""),
    share,
    base,
    words: {
      none: "",
      previous_row: t("than the row before"),
      first_row: t("than the first row"),
      column: t("than {column}", { column: name ?? "" }),
      target: t("than the target"),
    }[compare],
    tone:
      better === "neither" || direction === "same"
        ? "neutral"
        : direction === better
          ? "good"
          : "bad",
  };
}
