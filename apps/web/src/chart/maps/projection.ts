import type { MapName } from "./names.ts";

/** Longitude and latitude in degrees to a place on the plane: y grows to the north, units are thousandths of the Earth's radius. */
export type Project = (longitude: number, latitude: number) => [number, number];

const radians = (degrees: number): number => (degrees * Math.PI) / 180;

/**
 * Albers' equal-area conic projection (Snyder, Map Projections: A Working Manual, 1987, p. 100) with two standard
 * parallels, about a centre.
 */
function albers(south: number, north: number, longitude0: number, latitude0: number): Project {
  const n = (Math.sin(radians(south)) + Math.sin(radians(north))) / 2;
  const c = Math.cos(radians(south)) ** 2 + 2 * n * Math.sin(radians(south));
  const radius = (latitude: number) => Math.sqrt(c - 2 * n * Math.sin(radians(latitude))) / n;
  const origin = radius(latitude0);
  return (longitude, latitude) => {
    // West of the date line too: the last Aleutians are at 172° east.
    const east = ((longitude - longitude0 + 540) % 360) - 180;
    const angle = n * radians(east);
    const r = radius(latitude);
    return [1000 * r * Math.sin(angle), 1000 * (origin - r * Math.cos(angle))];
  };
}

const canada = albers(50, 70, -95, 60);
const lower48 = albers(29.5, 45.5, -96, 38.7);
const alaska = albers(55, 65, -154, 58.5);
const hawaii = albers(8, 18, -157, 19.9);

const moved = (
  [x, y]: [number, number],
  scale: number,
  dx: number,
  dy: number,
): [number, number] => [x * scale + dx, y * scale + dy];

/** Alaska at about a third of its size and Hawaii stand below the south-west, as on American maps. */
function unitedStates(longitude: number, latitude: number): [number, number] {
  if (latitude > 50 && (longitude < -128 || longitude > 0))
    return moved(alaska(longitude, latitude), 0.35, -307, -201);
  if (latitude < 24 && longitude < -150) return moved(hawaii(longitude, latitude), 1, -205, -212);
  return lower48(longitude, latitude);
}

export const PROJECTIONS: Record<MapName, Project> = {
  "canada-provinces": canada,
  "us-states": unitedStates,
};
