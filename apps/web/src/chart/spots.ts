import { t } from "../i18n/language.ts";
import type { MapName } from "./maps/names.ts";
import { indexOf, nameOf, numberText, type Scene } from "./scene.ts";
import { type SeriesLook, seriesLook } from "./series-look.ts";
import { MAX_SERIES } from "./xy-groups.ts";

export type Spot = {
  longitude: number;
  latitude: number;
  name: string;
  size: number | null;
  exact: string | null;
  row: number;
};
export type Spots = {
  kind: "spots";
  map: MapName;
  series: (SeriesLook & { spots: Spot[] })[];
  largest: number;
  notes: string[];
};

/** The map for points: the one that is named, else Canada unless more of the points are in the United States. */
function spotMap(scene: Scene, spots: { longitude: number; latitude: number }[]): MapName {
  if (scene.config.regions) return scene.config.regions;
  const count = (test: (spot: { longitude: number; latitude: number }) => boolean) =>
    spots.filter(test).length;
  const canada = count(
    ({ longitude, latitude }) => latitude > 41.6 && longitude > -141 && longitude < -52,
  );
  const states = count(
    ({ longitude, latitude }) =>
      (latitude > 18 && latitude < 49.5 && longitude > -161 && longitude < -66) ||
      (latitude >= 49.5 && longitude <= -141),
  );
  return states > canada ? "us-states" : "canada-provinces";
}

/** Points by longitude and latitude in degrees, in series of at most 20. */
export function readSpots(scene: Scene): Spots {
  const { config, columns, rows } = scene;
  const at = {
    latitude: indexOf(columns, config.latitude),
    longitude: indexOf(columns, config.longitude),
    name: indexOf(columns, config.x),
    size: indexOf(columns, config.size),
    series: indexOf(columns, config.series),
  };
  const groups = new Map<string, Spot[]>();
  let skipped = 0;
  rows.forEach((row, rowIndex) => {
    const latitude = Number(numberText(row[at.latitude] ?? null) ?? Number.NaN);
    const longitude = Number(numberText(row[at.longitude] ?? null) ?? Number.NaN);
    if (!(Math.abs(latitude) <= 90 && Math.abs(longitude) <= 180)) {
      skipped += 1;
      return;
    }
    const exact = numberText(row[at.size] ?? null);
    const id = at.series === -1 ? "" : nameOf(row[at.series] ?? null);
    const spots = groups.get(id) ?? [];
    groups.set(id, spots);
    const name = at.name === -1 ? `${latitude}, ${longitude}` : nameOf(row[at.name] ?? null);
    spots.push({
      longitude,
      latitude,
      name,
      exact,
      size: exact === null ? null : Number(exact),
      row: rowIndex,
    });
  });
  const kept = [...groups].sort((a, b) => b[1].length - a[1].length).slice(0, MAX_SERIES);
  const sizes = kept.flatMap(([, spots]) => spots.map((spot) => Math.abs(spot.size ?? 0)));
  return {
    kind: "spots",
    map: spotMap(
      scene,
      kept.flatMap(([, spots]) => spots),
    ),
    series: kept.map(([id, spots], index) => {
      const look = seriesLook(config, { id }, index);
      return { ...look, name: at.series === -1 ? t("Points") : look.name, spots };
    }),
    largest: sizes.reduce((a, b) => Math.max(a, b), 0),
    notes: [
      ...(groups.size > kept.length
        ? [
            t(
              "The {series} largest series; {n} other is left out. | The {series} largest series; {n} others are left out.",
              { series: kept.length, n: groups.size - kept.length },
            ),
          ]
        : []),
      ...(skipped > 0
        ? [
            t(
              "{n} row without a latitude and a longitude is not drawn. | {n} rows without a latitude and a longitude are not drawn.",
              { n: skipped },
            ),
          ]
        : []),
    ],
  };
}
