import { z } from "zod";
import type { MapName } from "./names.ts";
import { PROJECTIONS } from "./projection.ts";

const Ring = z.array(z.tuple([z.number(), z.number()]));
const Outlines = z.object({
  features: z.array(
    z.object({
      properties: z.object({ code: z.string() }),
      geometry: z.object({ type: z.literal("MultiPolygon"), coordinates: z.array(z.array(Ring)) }),
    }),
  ),
});

/** Outlines on the plane, by ISO 3166-2 code as ECharts wants them. */
export type Outline = {
  type: "FeatureCollection";
  features: {
    type: "Feature";
    properties: { name: string };
    geometry: { type: "MultiPolygon"; coordinates: [number, number][][][] };
  }[];
};

const FILES: Record<MapName, () => Promise<{ default: string }>> = {
  "canada-provinces": () => import("./canada-provinces.geojson?raw"),
  "us-states": () => import("./us-states.geojson?raw"),
};

/** The outlines of a map, projected. */
export async function loadOutline(map: MapName): Promise<Outline> {
  return readOutline(map, (await FILES[map]()).default);
}

export function readOutline(map: MapName, text: string): Outline {
  const project = PROJECTIONS[map];
  const { features } = Outlines.parse(JSON.parse(text));
  return {
    type: "FeatureCollection",
    features: features.map(({ properties, geometry }) => ({
      type: "Feature",
      properties: { name: properties.code },
      geometry: {
        type: "MultiPolygon",
        coordinates: geometry.coordinates.map((polygon) =>
          polygon.map((ring) => ring.map(([x, y]) => project(x, y))),
        ),
      },
    })),
  };
}
