/** The first half of a chart with axes: rows put together by series and place, and what there is too much of cut away. */
import type { Cell } from "@quern/contract/results";
import { isNumeric } from "../grid/cell-look.ts";
import {
  type Accumulator,
  type Aggregate,
  accumulate,
  aggregateOf,
  emptyAccumulator,
} from "./accumulator.ts";
import { countsRows, isTime } from "./roles.ts";
import { indexOf, nameOf, numberText, OTHER, placeOf, type Scene } from "./scene.ts";

export type Place = number | string;
export type Axis = "time" | "value" | "category";
export type Group = { id: string; measure: string; places: Map<Place, Accumulator> };
export type Groups = {
  groups: Group[];
  /** In the order of the rows. */
  places: Place[];
  /** Rows of one place and series that became one. */
  merged: boolean;
  /** Values without a number or a place. */
  skipped: number;
  /** Series that are not there because others are larger; 0 when the rest became one named Other. */
  leftOut: number;
};

/** More lines than this nobody tells apart. */
export const MAX_SERIES = 20;
/** More names than this along an axis nobody reads; the editor's `most` asks for fewer. */
export const MAX_PLACES = 1_000;

type Keys = { series: (name: string) => string; place: (place: Place) => Place };

/**
 * Rows by series and place. Of more than 20 series the largest stay, and the rest is left out, or put together as Other
 * where parts make a whole. `most` does the same to the names along the axis.
 */
export function groupRows(
  scene: Scene,
  axis: Axis,
  most: number | null,
  mostSeries = MAX_SERIES,
): Groups {
  const all = collect(scene, axis, { series: (name) => name, place: (place) => place });
  const whole = scene.config.stacked;
  const room = whole ? mostSeries - 1 : mostSeries;
  const series = all.groups.length > mostSeries ? largestSeries(scene, all, room) : null;
  const places = most !== null && all.places.length > most ? largestPlaces(scene, all, most) : null;
  if (series === null && places === null) return all;
  const split = indexOf(scene.columns, scene.config.series) !== -1;
  const cut = collect(scene, axis, {
    series: (name) => (series === null || series.has(name) ? name : OTHER),
    place: (place) => (places === null || places.has(place) ? place : OTHER),
  });
  if (series === null || (whole && split)) return cut;
  return {
    ...cut,
    groups: cut.groups.filter((group) => series.has(group.id)),
    leftOut: all.groups.length - series.size,
  };
}

function collect(scene: Scene, axis: Axis, keys: Keys): Groups {
  const { config, columns, rows } = scene;
  const counting = countsRows(config);
  const aggregate: Aggregate = config.aggregate ?? "sum";
  const xIndex = indexOf(columns, config.x);
  const seriesIndex = indexOf(columns, config.series);
  const measures = counting
    ? [{ name: "", index: -1 }]
    : config.y.map((name) => ({ name, index: indexOf(columns, name) }));
  const groups = new Map<string, Group>();
  const places = new Set<Place>();
  let [skipped, merged] = [0, false];
  rows.forEach((row, rowIndex) => {
    const place = axisPlace(row[xIndex] ?? null, axis, scene, xIndex);
    if (place === null) {
      skipped += 1;
      return;
    }
    const at = keys.place(place);
    places.add(at);
    for (const measure of measures) {
      const text = counting ? "1" : numberText(row[measure.index] ?? null);
      if (text === null && row[measure.index] !== null) skipped += 1;
      const own = seriesId(row, seriesIndex, measure.name, measures.length);
      const id = keys.series(own);
      let group = groups.get(id);
      if (group === undefined) {
        group = { id, measure: measure.name, places: new Map() };
        groups.set(id, group);
      }
      let sum = group.places.get(at);
      if (sum === undefined) {
        sum = emptyAccumulator(rowIndex);
        group.places.set(at, sum);
      }
      if (text === null) continue;
      if (sum.count > 0 && at !== OTHER && id !== OTHER) merged = true;
      accumulate(sum, text, aggregate);
    }
  });
  return { groups: [...groups.values()], places: [...places], merged, skipped, leftOut: 0 };
}

/** How the x axis counts. Bars stand side by side unless they stand in time. */
export function axisOf(scene: Scene, bars: boolean): Axis {
  const { config, columns } = scene;
  const type = columns[indexOf(columns, config.x)]?.type ?? "text";
  const byValue = config.sort === "value_ascending" || config.sort === "value_descending";
  const ordered = byValue || (config.horizontal && bars);
  if (isTime(type) && !ordered) return "time";
  return isNumeric(type) && !bars && !ordered ? "value" : "category";
}

function axisPlace(cell: Cell, axis: Axis, scene: Scene, index: number): Place | null {
  return axis === "category" ? nameOf(cell) : placeOf(cell, scene.columns[index]);
}

function seriesId(row: Cell[], seriesIndex: number, measure: string, measures: number): string {
  if (seriesIndex === -1) return measure;
  const name = nameOf(row[seriesIndex] ?? null);
  return measures > 1 ? `${name} · ${measure}` : name;
}

/** The value of each group as a size to be ranked by. */
function sizes<K>(entries: Iterable<[K, Accumulator]>, aggregate: Aggregate): Map<K, number> {
  const found = new Map<K, number>();
  for (const [key, sum] of entries)
    found.set(key, (found.get(key) ?? 0) + Math.abs(Number(aggregateOf(sum, aggregate) ?? 0)));
  return found;
}

function largest<K>(found: Map<K, number>, count: number): Set<K> {
  const ranked = [...found].sort((a, b) => b[1] - a[1]);
  return new Set(ranked.slice(0, count).map(([key]) => key));
}

function largestSeries(scene: Scene, all: Groups, count: number): Set<string> {
  const aggregate = scene.config.aggregate ?? "sum";
  const entries = all.groups.flatMap((group) =>
    [...group.places.values()].map((sum): [string, Accumulator] => [group.id, sum]),
  );
  return largest(sizes(entries, aggregate), count);
}

function largestPlaces(scene: Scene, all: Groups, count: number): Set<Place> {
  const aggregate = scene.config.aggregate ?? "sum";
  return largest(
    sizes(
      all.groups.flatMap((group) => [...group.places]),
      aggregate,
    ),
    count,
  );
}
