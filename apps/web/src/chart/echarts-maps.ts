/** Maps for the drawing library, in a chunk of their own; each outline is another one. */
import { MapChart } from "echarts/charts";
import { GeoComponent } from "echarts/components";
import { registerMap, use } from "echarts/core";
import { loadOutline } from "./maps/load.ts";
import type { MapName } from "./maps/names.ts";

use([MapChart, GeoComponent]);

const underway = new Map<MapName, Promise<void>>();

/** Makes the outlines of `map` known to the drawing library, once. */
export function prepareMap(map: MapName): Promise<void> {
  const known = underway.get(map);
  if (known) return known;
  const promise = loadOutline(map).then((outline) => registerMap(map, outline));
  underway.set(map, promise);
  // The next chart tries again.
  promise.catch(() => underway.delete(map));
  return promise;
}
