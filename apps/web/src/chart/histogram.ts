import { t } from "../i18n/language.ts";
import { isTime } from "./roles.ts";
import { columnZone, indexOf, nameOf, placeOf, type Scene, skippedNote } from "./scene.ts";
import { type SeriesLook, seriesLook } from "./series-look.ts";
import { timeTicks } from "./time-words.ts";

export type Histogram = {
  kind: "histogram";
  axis: "time" | "value";
  /** Edges of the bins: one more than there are bins. The last bin holds its upper edge too. */
  edges: number[];
  series: (SeriesLook & { counts: number[]; rows: (number | null)[] })[];
  zone: string;
  notes: string[];
};

const MAX_SPLITS = 8;

/** How often values fall between round edges: about as many bins as was asked for, else as Freedman and Diaconis say. */
export function readHistogram(scene: Scene): Histogram {
  const { config, columns, rows } = scene;
  const xIndex = indexOf(columns, config.x);
  const seriesIndex = indexOf(columns, config.series);
  const time = isTime(columns[xIndex]?.type ?? "text");
  const found = rows.map((row) => placeOf(row[xIndex] ?? null, columns[xIndex]));
  const values = found.filter((value) => value !== null).sort((a, b) => a - b);
  const bins = config.bins ?? defaultBins(values);
  const zone = columnZone(scene, xIndex);
  const edges =
    values.length === 0
      ? []
      : ((time ? timeEdges(values, bins, zone) : null) ?? binEdges(values, bins));
  const names = new Map<string, number>();
  for (const row of rows) {
    const name = seriesIndex === -1 ? "" : nameOf(row[seriesIndex] ?? null);
    names.set(name, (names.get(name) ?? 0) + 1);
  }
  const kept = [...names]
    .sort((a, b) => b[1] - a[1])
    .slice(0, MAX_SPLITS)
    .map(([name]) => name);
  const room = Math.max(0, edges.length - 1);
  const empty = () => ({
    counts: new Array<number>(room).fill(0),
    rows: new Array<number | null>(room).fill(null),
  });
  const counted = new Map(kept.map((name) => [name, empty()]));
  found.forEach((value, rowIndex) => {
    if (value === null) return;
    const name = seriesIndex === -1 ? "" : nameOf(rows[rowIndex]?.[seriesIndex] ?? null);
    const into = counted.get(name);
    const bin = binOf(value, edges);
    if (into === undefined) return;
    into.counts[bin] = (into.counts[bin] ?? 0) + 1;
    into.rows[bin] ??= rowIndex;
  });
  return {
    kind: "histogram",
    axis: time ? "time" : "value",
    edges,
    series: [...counted].map(([id, counts], index) => {
      const look = seriesLook(config, { id }, index);
      return { ...look, name: seriesIndex === -1 ? t("Count") : look.name, ...counts };
    }),
    zone,
    notes: [
      ...(names.size > kept.length
        ? [
            t(
              "The {series} largest series; {n} other is left out. | The {series} largest series; {n} others are left out.",
              { series: kept.length, n: names.size - kept.length },
            ),
          ]
        : []),
      ...skippedNote(rows.length - values.length),
    ],
  };
}

/** After Freedman and Diaconis (1981): a bin is 2 × the interquartile range ÷ the cube root of n wide; 5 to 60 bins. */
function defaultBins(sorted: number[]): number {
  const at = (share: number) => sorted[Math.floor((sorted.length - 1) * share)] ?? 0;
  const width = (2 * (at(0.75) - at(0.25))) / Math.cbrt(sorted.length);
  const span = at(1) - at(0);
  const bins = width > 0 ? Math.ceil(span / width) : Math.ceil(Math.log2(sorted.length) + 1);
  return Math.max(5, Math.min(60, bins));
}

/** Edges on round clock times of the zone; null when all times are one. */
function timeEdges(sorted: number[], bins: number, zone: string): number[] | null {
  const [least, greatest] = [sorted[0] ?? 0, sorted.at(-1) ?? 0];
  const reach = ((greatest - least) / bins) * 3;
  if (reach === 0) return null;
  const { at } = timeTicks(least - reach, greatest + reach, bins + 6, zone);
  const first = at.findLastIndex((each) => each <= least);
  const last = at.findIndex((each) => each >= greatest);
  return first === -1 || last <= first ? null : at.slice(first, last + 1);
}

/** Round edges around all of `sorted`, about `bins` of them. */
export function binEdges(sorted: number[], bins: number): number[] {
  const [least, greatest] = [sorted[0] ?? 0, sorted.at(-1) ?? 0];
  // Values that differ only where numbers end are one.
  const size = Math.max(Math.abs(least), Math.abs(greatest));
  if (greatest - least <= size * 1e-12 || greatest - least < 1e-290) {
    const reach = size < 1 ? 0.5 : size * 1e-3;
    return [least - reach, greatest + reach];
  }
  const wanted = (greatest - least) / bins;
  const power = 10 ** Math.floor(Math.log10(wanted));
  const step =
    [1, 2, 2.5, 5, 10].map((each) => each * power).find((each) => each >= wanted * 0.999) ?? wanted;
  const first = Math.floor(least / step);
  const last = Math.max(first + 1, Math.ceil(greatest / step));
  // Multiples, not sums: 0.1 added ten times is not 1.
  return Array.from({ length: last - first + 1 }, (_, index) =>
    Number(((first + index) * step).toPrecision(15)),
  );
}

/** The bin of a value: [edge, next edge), the last one closed. */
export function binOf(value: number, edges: number[]): number {
  let [low, high] = [0, edges.length - 2];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (value >= (edges[middle] ?? 0)) low = middle;
    else high = middle - 1;
  }
  return low;
}
