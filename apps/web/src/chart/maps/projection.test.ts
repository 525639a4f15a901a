import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { readOutline } from "./load.ts";
import { bestMap, MAP_NAMES, regionCode, regionName } from "./names.ts";
import { PROJECTIONS } from "./projection.ts";

const outline = (map: (typeof MAP_NAMES)[number]) =>
  readOutline(map, readFileSync(new URL(`./${map}.geojson`, import.meta.url), "utf8"));

test("every outline has a name, and every name an outline", () => {
  for (const map of MAP_NAMES) {
    const codes = outline(map).features.map((feature) => feature.properties.name);
    expect(codes).toHaveLength(map === "us-states" ? 51 : 13);
    for (const code of codes) {
      expect(regionCode(map, code)).toBe(code);
      expect(regionName(map, code)).not.toBe(code);
      expect(regionCode(map, regionName(map, code))).toBe(code);
    }
  }
});

test("codes and names in two languages are known, accents and case aside", () => {
  const canada = (text: string) => regionCode("canada-provinces", text);
  expect(["CA-ON", "on", "Ontario", "ONTARIO "].map(canada)).toEqual(Array(4).fill("CA-ON"));
  expect(["Québec", "quebec", "QC", "PQ"].map(canada)).toEqual(Array(4).fill("CA-QC"));
  expect(
    ["Île-du-Prince-Édouard", "Prince Edward Island", "PEI", "ile du prince edouard"].map(canada),
  ).toEqual(Array(4).fill("CA-PE"));
  expect(
    ["Nouvelle-Écosse", "Colombie-Britannique", "Terre-Neuve-et-Labrador"].map(canada),
  ).toEqual(["CA-NS", "CA-BC", "CA-NL"]);
  expect(canada("Atlantis")).toBeNull();
  expect(canada("")).toBeNull();
  expect(regionCode("us-states", "Washington")).toBe("US-WA");
  expect(regionCode("us-states", "Californie")).toBe("US-CA");
  expect(bestMap(["ON", "QC", "BC"])?.map).toBe("canada-provinces");
  expect(bestMap(["TX", "CA", "Ohio"])?.map).toBe("us-states");
  expect(bestMap(["red", "blue"])).toBeNull();
});

test("areas are equal: Ontario to Quebec as on the globe; states lie in a box about one and a half times as wide as high", () => {
  const area = (code: string) => {
    const feature = outline("canada-provinces").features.find(
      (each) => each.properties.name === code,
    );
    const rings = feature?.geometry.coordinates ?? [];
    const ring = (points: [number, number][]) =>
      points.reduce((sum, [x, y], index) => {
        const [x2, y2] = points[(index + 1) % points.length] ?? [0, 0];
        return sum + (x * y2 - x2 * y) / 2;
      }, 0);
    return Math.abs(rings.reduce((sum, polygon) => sum + Math.abs(ring(polygon[0] ?? [])), 0));
  };
  // Land and water as Natural Earth draws them: 1.37 to 1.5 million km² to 0.99 to 1.08.
  expect(area("CA-QC") / area("CA-ON")).toBeGreaterThan(1.3);
  expect(area("CA-QC") / area("CA-ON")).toBeLessThan(1.65);
  const points = outline("us-states").features.flatMap((each) => each.geometry.coordinates.flat(2));
  const span = (at: 0 | 1) => {
    const values = points.map((point) => point[at]);
    return values.reduce((a, b) => Math.max(a, b)) - values.reduce((a, b) => Math.min(a, b));
  };
  expect(span(0) / span(1)).toBeGreaterThan(1.3);
  expect(span(0) / span(1)).toBeLessThan(1.9);
});

test("north is up and east is right", () => {
  const canada = PROJECTIONS["canada-provinces"];
  expect(canada(-95, 70)[1]).toBeGreaterThan(canada(-95, 50)[1]);
  expect(canada(-60, 50)[0]).toBeGreaterThan(canada(-120, 50)[0]);
  expect(canada(-95, 60)[0]).toBeCloseTo(0);
});
