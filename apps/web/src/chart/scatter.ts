import { isNumeric } from "../grid/cell-look.ts";
import { t } from "../i18n/language.ts";
import { isTime } from "./roles.ts";
import {
  columnZone,
  indexOf,
  nameOf,
  numberText,
  placeOf,
  type Scene,
  skippedNote,
} from "./scene.ts";
import { type SeriesLook, seriesLook } from "./series-look.ts";
import { MAX_SERIES } from "./xy-groups.ts";

export type Dot = { x: number; y: number; exact: string; size: number | null; row: number };
export type Scatter = {
  kind: "scatter";
  axis: "time" | "value";
  series: (SeriesLook & { dots: Dot[] })[];
  /** The greatest size, by which the others are measured; null without a size. */
  largest: number | null;
  zone: string;
  notes: string[];
};

/** One dot for each row and measure, in series of at most 20. */
export function readScatter(scene: Scene): Scatter {
  const { config, columns, rows } = scene;
  const xIndex = indexOf(columns, config.x);
  const seriesIndex = indexOf(columns, config.series);
  const sizeIndex = indexOf(columns, config.size);
  const measures = config.y.map((name) => ({ name, index: indexOf(columns, name) }));
  const groups = new Map<string, Dot[]>();
  let [skipped, largest] = [0, 0];
  rows.forEach((row, rowIndex) => {
    const x = placeOf(row[xIndex] ?? null, columns[xIndex]);
    const size = numberText(row[sizeIndex] ?? null);
    for (const { name, index } of measures) {
      const exact = numberText(row[index] ?? null);
      if (x === null || exact === null) {
        skipped += 1;
        continue;
      }
      const own = seriesIndex === -1 ? name : nameOf(row[seriesIndex] ?? null);
      const id = seriesIndex !== -1 && measures.length > 1 ? `${own} · ${name}` : own;
      const dots = groups.get(id) ?? [];
      dots.push({
        x,
        y: Number(exact),
        exact,
        size: size === null ? null : Number(size),
        row: rowIndex,
      });
      groups.set(id, dots);
      largest = Math.max(largest, Math.abs(Number(size ?? 0)));
    }
  });
  const kept = [...groups].sort((a, b) => b[1].length - a[1].length).slice(0, MAX_SERIES);
  const shown = [...groups].filter(([id]) => kept.some(([each]) => each === id));
  const type = columns[xIndex]?.type ?? "text";
  return {
    kind: "scatter",
    axis: isTime(type) && !isNumeric(type) ? "time" : "value",
    series: shown.map(([id, dots], index) => ({ ...seriesLook(config, { id }, index), dots })),
    largest: sizeIndex === -1 ? null : largest,
    zone: columnZone(scene, xIndex),
    notes: [
      ...(groups.size > shown.length
        ? [
            t(
              "The {series} largest series; {n} other is left out. | The {series} largest series; {n} others are left out.",
              { series: shown.length, n: groups.size - shown.length },
            ),
          ]
        : []),
      ...skippedNote(skipped),
    ],
  };
}
