import { t } from "../i18n/language.ts";
import { aggregateOf } from "./accumulator.ts";
import { bestMap, type MapName, regionCode } from "./maps/names.ts";
import { indexOf, nameOf, type Scene, skippedNote } from "./scene.ts";
import { groupRows } from "./xy-groups.ts";

export type Region = { code: string; exact: string; value: number; row: number };
export type Regions = {
  kind: "regions";
  map: MapName;
  regions: Region[];
  least: number;
  greatest: number;
  notes: string[];
};

const MOST_NAMED = 10;

/** The map that a chart of regions is drawn on: the one it names, else the one that knows the most of its names. */
function regionMap({ config, columns, rows }: Omit<Scene, "zone">): MapName {
  if (config.regions) return config.regions;
  const index = indexOf(columns, config.x);
  const names = [...new Set(rows.slice(0, 2_000).map((row) => nameOf(row[index] ?? null)))];
  return bestMap(names)?.map ?? "canada-provinces";
}

/** A value for each region; names that the map does not know are said. */
export function readRegions(scene: Scene): Regions {
  const map = regionMap(scene);
  const index = indexOf(scene.columns, scene.config.x);
  const unknown = new Set<string>();
  const rows = scene.rows.map((row) => {
    const name = nameOf(row[index] ?? null);
    const code = regionCode(map, name);
    if (code === null) unknown.add(name);
    const named = [...row];
    named[index] = code;
    return named;
  });
  const config = { ...scene.config, series: null, y: scene.config.y.slice(0, 1) };
  const groups = groupRows({ ...scene, config, rows }, "category", null);
  const [group] = groups.groups;
  const regions = [...(group?.places ?? [])].flatMap(([code, sum]): Region[] => {
    const exact = aggregateOf(sum, config.aggregate ?? "sum");
    if (exact === null || !/^[A-Z]{2}-/.test(String(code))) return [];
    return [{ code: String(code), exact, value: Number(exact), row: sum.row }];
  });
  const values = regions.map((region) => region.value);
  const shown = [...unknown].slice(0, MOST_NAMED);
  return {
    kind: "regions",
    map,
    regions,
    least: Math.min(...values),
    greatest: Math.max(...values),
    notes: [
      ...(unknown.size > 0
        ? [
            t(
              "The map does not know {n} name: {names}. | The map does not know {n} names: {names}.",
              {
                n: unknown.size,
                names: shown.join(", ") + (unknown.size > shown.length ? ", …" : ""),
              },
            ),
          ]
        : []),
      ...skippedNote(groups.skipped),
    ],
  };
}
