/** Line, area and bar charts as data: series of points that stand at the same places, ready to be drawn. */

import { instantOf } from "../format/time.ts";
import { t } from "../i18n/language.ts";
import { aggregateOf } from "./accumulator.ts";
import { compareDecimals } from "./decimals.ts";
import { columnZone, indexOf, nameWords, OTHER, type Scene, skippedNote } from "./scene.ts";
import { type SeriesLook, seriesLook } from "./series-look.ts";
import { timeGrid } from "./time-grid.ts";
import {
  type Axis,
  axisOf,
  type Group,
  type Groups,
  groupRows,
  MAX_PLACES,
  type Place,
} from "./xy-groups.ts";

type Point = {
  x: Place;
  /** What is drawn: of shares, percent. null: a gap. */
  y: number | null;
  /** The value in the engine's digits; null where there is none. */
  exact: string | null;
  /** The first row behind it; null where there is none. */
  row: number | null;
};
export type Series = SeriesLook & { measure: string; points: Point[] };
export type Xy = {
  kind: "xy";
  axis: Axis;
  /** Every place of the axis, in its order. */
  places: Place[];
  series: Series[];
  /** Of a time axis: ms between places of a regular rhythm, 0 when there is none. */
  step: number;
  zone: string;
  notes: string[];
};

/** Beyond so many points gaps are no longer looked for. */
const MOST_ALIGNED = 200_000;

/** The series of a line, area or bar chart. Nothing to draw: no series. */
export function readXy(scene: Scene): Xy {
  const { config, columns } = scene;
  const bars = config.type === "bar" || config.series_settings?.some((each) => each.type === "bar");
  const wanted = axisOf(scene, bars ?? false);
  const most = (axis: Axis) => (axis === "category" ? (config.most ?? MAX_PLACES) : null);
  let axis = wanted;
  let groups = groupRows(scene, axis, most(axis));
  const zone = columnZone(scene, indexOf(columns, config.x));
  const sorted = axis === "category" ? null : [...groups.places].map(Number).sort((a, b) => a - b);
  const grid = axis === "time" && sorted ? timeGrid(sorted, zone) : null;
  // Bars at times without a rhythm would hide each other: they stand side by side.
  if (bars && axis === "time" && grid === null) {
    axis = "category";
    groups = groupRows(scene, axis, most(axis));
  }
  const places: Place[] =
    grid?.places ?? (axis === "category" ? order(scene, groups) : (sorted ?? []));
  const aligned = places.length * groups.groups.length <= MOST_ALIGNED;
  const whole = config.stacked || axis === "category" || (grid !== null && aligned);
  const series = groups.groups.map((group, index) => ({
    ...seriesLook(config, group, index),
    measure: group.measure,
    points: points(scene, group, whole ? places : null),
  }));
  if (config.stacked && config.percent) toShares(series);
  return {
    kind: "xy",
    axis,
    places,
    series: series.filter((each) => each.points.some((point) => point.y !== null)),
    step: grid?.step ?? 0,
    zone,
    notes: [...notesOf(scene, groups), ...logarithmNote(scene, series)],
  };
}

function logarithmNote({ config }: Scene, series: Series[]): string[] {
  const hidden = series
    .filter((each) => (each.axis === "right" ? config.y_axis_right : config.y_axis)?.logarithmic)
    .flatMap((each) => each.points)
    .filter((point) => point.y !== null && point.y <= 0).length;
  if (hidden === 0) return [];
  return [
    t(
      "A logarithmic axis has no place for {n} value of zero or less. | A logarithmic axis has no place for {n} values of zero or less.",
      { n: hidden },
    ),
  ];
}

/** The points of a series, at all `places`, or only where it has rows. */
function points(scene: Scene, group: Group, places: Place[] | null): Point[] {
  const { aggregate = "sum", missing = "gap", stacked } = scene.config;
  const own = places ?? [...group.places.keys()].map(Number).sort((a, b) => a - b);
  const made = own.map((x): Point => {
    const sum = group.places.get(x);
    const exact = sum === undefined ? null : aggregateOf(sum, aggregate);
    const y = exact === null ? null : Number(exact);
    const row = sum?.row ?? null;
    return y === null && missing === "zero" ? { x, y: 0, exact: "0", row } : { x, y, exact, row };
  });
  return missing === "connect" && !stacked && places === null
    ? made.filter((point) => point.y !== null)
    : made;
}

function toShares(series: Series[]): void {
  const totals = new Map<Place, number>();
  for (const { points } of series)
    for (const { x, y } of points) totals.set(x, (totals.get(x) ?? 0) + Math.abs(y ?? 0));
  for (const { points } of series)
    for (const point of points)
      if (point.y !== null) point.y = (point.y / (totals.get(point.x) || 1)) * 100;
}

const names = new Intl.Collator(undefined, { numeric: true });

/** Names in the order that was asked for; Other is the last. */
function order(scene: Scene, { groups, places }: Groups): Place[] {
  const { sort = "rows", aggregate = "sum" } = scene.config;
  const known = places.filter((place) => place !== OTHER);
  const rest = places.filter((place) => place === OTHER);
  const isDated = known.length > 0 && known.every((place) => instantOf(String(place)) !== null);
  if (sort === "x" || (sort === "rows" && isDated))
    known.sort((a, b) =>
      isDated
        ? (instantOf(String(a)) ?? 0) - (instantOf(String(b)) ?? 0)
        : names.compare(String(a), String(b)),
    );
  else if (sort !== "rows") {
    const sizes = new Map<Place, number>();
    for (const group of groups)
      for (const [place, sum] of group.places)
        sizes.set(place, (sizes.get(place) ?? 0) + Number(aggregateOf(sum, aggregate) ?? 0));
    const sign = sort === "value_ascending" ? 1 : -1;
    known.sort(
      (a, b) => sign * compareDecimals(String(sizes.get(a) ?? 0), String(sizes.get(b) ?? 0)),
    );
  }
  return [...known, ...rest];
}

function notesOf(scene: Scene, groups: Groups): string[] {
  const { aggregate = "sum" } = scene.config;
  const merged = {
    sum: t("Rows of the same place are added up."),
    mean: t("Rows of the same place are averaged."),
    min: t("Of rows of the same place the least is shown."),
    max: t("Of rows of the same place the greatest is shown."),
    count: "",
  }[aggregate];
  return [
    ...(groups.leftOut > 0
      ? [
          t(
            "The {series} largest series; {n} other is left out. | The {series} largest series; {n} others are left out.",
            { series: groups.groups.length, n: groups.leftOut },
          ),
        ]
      : []),
    ...(groups.groups.some((group) => group.id === OTHER)
      ? [t("The smallest series are put together as “{name}”.", { name: nameWords(OTHER) })]
      : []),
    ...(groups.merged && merged !== "" ? [merged] : []),
    ...skippedNote(groups.skipped),
  ];
}
