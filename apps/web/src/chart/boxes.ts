import { t } from "../i18n/language.ts";
import { indexOf, nameOf, numberText, type Scene, skippedNote } from "./scene.ts";
import { type SeriesLook, seriesLook } from "./series-look.ts";

export type Box = {
  /** Whisker, first quartile, median, third quartile, whisker. */
  five: [number, number, number, number, number];
  count: number;
  outliers: { value: number; row: number }[];
  row: number;
};
export type Boxes = {
  kind: "boxes";
  names: string[];
  series: (SeriesLook & { boxes: (Box | null)[] })[];
  notes: string[];
};

const MOST_BOXES = 100;
const MOST_OUTLIERS = 500;

/** A box for each name and measure. */
export function readBoxes(scene: Scene): Boxes {
  const { config, columns, rows } = scene;
  const xIndex = indexOf(columns, config.x);
  const values = new Map<string, Map<string, { value: number; row: number }[]>>();
  let skipped = 0;
  rows.forEach((row, rowIndex) => {
    const name = xIndex === -1 ? "" : nameOf(row[xIndex] ?? null);
    for (const measure of config.y) {
      const text = numberText(row[indexOf(columns, measure)] ?? null);
      if (text === null) {
        skipped += 1;
        continue;
      }
      const byName = values.get(measure) ?? new Map<string, { value: number; row: number }[]>();
      values.set(measure, byName);
      const list = byName.get(name) ?? [];
      byName.set(name, list);
      list.push({ value: Number(text), row: rowIndex });
    }
  });
  const names = new Set([...values.values()].flatMap((byName) => [...byName.keys()]));
  const all = [...names];
  const most = Math.min(config.most ?? MOST_BOXES, MOST_BOXES);
  const shown =
    config.sort === "x" ? all.sort(new Intl.Collator(undefined, { numeric: true }).compare) : all;
  const kept = shown.slice(0, most);
  return {
    kind: "boxes",
    names: kept,
    series: [...values].map(([id, byName], index) => ({
      ...seriesLook(config, { id }, index),
      boxes: kept.map((name) => boxOf(byName.get(name) ?? [])),
    })),
    notes: [
      ...(all.length > kept.length
        ? [
            t(
              "{n} box is left out: there are too many. | {n} boxes are left out: there are too many.",
              { n: all.length - kept.length },
            ),
          ]
        : []),
      ...skippedNote(skipped),
    ],
  };
}

/**
 * Quartiles by linear interpolation between the nearest values (R's type 7, as PostgreSQL's percentile_cont); whiskers
 * reach the last value within 1.5 × the interquartile range (Tukey), what lies beyond is an outlier.
 */
export function boxOf(values: { value: number; row: number }[]): Box | null {
  if (values.length === 0) return null;
  const sorted = [...values].sort((a, b) => a.value - b.value);
  const numbers = sorted.map(({ value }) => value);
  const [first, median, third] = [0.25, 0.5, 0.75].map((share) => quantile(numbers, share)) as [
    number,
    number,
    number,
  ];
  const reach = 1.5 * (third - first);
  const inside = numbers.filter((value) => value >= first - reach && value <= third + reach);
  const outliers = sorted.filter(({ value }) => value < first - reach || value > third + reach);
  return {
    five: [inside[0] ?? first, first, median, third, inside.at(-1) ?? third],
    count: numbers.length,
    // The farthest ones are those that somebody looks for.
    outliers: outliers
      .sort((a, b) => Math.abs(b.value - median) - Math.abs(a.value - median))
      .slice(0, MOST_OUTLIERS),
    row: sorted[0]!.row,
  };
}

/** The value below which `share` of the sorted numbers lie. */
export function quantile(sorted: number[], share: number): number {
  const at = (sorted.length - 1) * share;
  const low = sorted[Math.floor(at)] ?? 0;
  const high = sorted[Math.ceil(at)] ?? low;
  return low + (high - low) * (at - Math.floor(at));
}
