import type { Cell } from "@quern/contract/results";
import { computed } from "vue";
import { type Range, rangeOf } from "../grid/cell-paint.ts";
import { useColumnStatistics } from "./column-statistics.ts";
import type { GridLook } from "./grid-look.ts";

/**
 * The least and the greatest value of columns that are coloured by a scale or have bars: those of the whole result, counted
 * by a run of its own; until that ends, those of the rows that came first.
 */
export function useColumnRanges(config: {
  runId: string;
  statement: number;
  look: GridLook;
  sample: () => Cell[][];
  complete: () => boolean;
}) {
  const wanted = computed(() =>
    config.look.arranged.value.some(
      ({ settings }) => settings.color?.type === "scale" || settings.color?.type === "bar",
    ),
  );
  const statistics = useColumnStatistics(
    config.runId,
    config.statement,
    () => wanted.value && config.complete(),
  );
  const counted = computed(
    () =>
      new Map(
        (statistics.columns.value ?? []).flatMap(({ column, min, max }): [number, Range][] =>
          min === null || max === null ? [] : [[column, { min: Number(min), max: Number(max) }]],
        ),
      ),
  );
  return (index: number): Range | null => {
    const known = counted.value.get(index);
    if (known !== undefined && Number.isFinite(known.max - known.min)) return known;
    return rangeOf(config.sample().map((row) => row[index] ?? null));
  };
}
