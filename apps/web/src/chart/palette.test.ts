import { expect, test } from "vitest";
import { DARK, inkOf, LIGHT } from "./palette.ts";

/** Machado, Oliveira and Fernandes (2009), severity 1, on linear RGB. */
const SIGHTS = {
  normal: [
    [1, 0, 0],
    [0, 1, 0],
    [0, 0, 1],
  ],
  protanopia: [
    [0.152286, 1.052583, -0.204868],
    [0.114503, 0.786281, 0.099216],
    [-0.003882, -0.048116, 1.051998],
  ],
  deuteranopia: [
    [0.367322, 0.860646, -0.227968],
    [0.280085, 0.672501, 0.047413],
    [-0.01182, 0.04294, 0.968881],
  ],
};

function linear(color: string): number[] {
  return [1, 3, 5].map((at) => {
    const part = Number.parseInt(color.slice(at, at + 2), 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
}
/** Ottosson's OKLab, in which distances are about as they are seen. */
function oklab(rgb: number[]): number[] {
  const mix = (rows: number[][], of: number[]) =>
    rows.map((row) => row.reduce((sum, each, index) => sum + each * (of[index] ?? 0), 0));
  const cones = mix(
    [
      [0.4122214708, 0.5363325363, 0.0514459929],
      [0.2119034982, 0.6806995451, 0.1073969566],
      [0.0883024619, 0.2817188376, 0.6299787005],
    ],
    rgb.map((part) => Math.min(1, Math.max(0, part))),
  );
  return mix(
    [
      [0.2104542553, 0.793617785, -0.0040720468],
      [1.9779984951, -2.428592205, 0.4505937099],
      [0.0259040371, 0.7827717662, -0.808675766],
    ],
    cones.map(Math.cbrt),
  );
}
function seen(color: string, sight: number[][]): number[] {
  const rgb = linear(color);
  return oklab(
    sight.map((row) => row.reduce((sum, each, index) => sum + each * (rgb[index] ?? 0), 0)),
  );
}
function contrast(a: string, b: string): number {
  const light = [a, b]
    .map((color) =>
      [0.2126, 0.7152, 0.0722].reduce(
        (sum, each, index) => sum + each * (linear(color)[index] ?? 0),
        0,
      ),
    )
    .sort((x, y) => y - x);
  return ((light[0] ?? 0) + 0.05) / ((light[1] ?? 0) + 0.05);
}

test.each([
  ["light", LIGHT, false],
  ["dark", DARK, true],
] as const)(
  "any two of the eight %s colours lie apart, with every sight, and stand out from the surface",
  (_, colors, dark) => {
    expect(colors).toHaveLength(8);
    for (const [name, sight] of Object.entries(SIGHTS))
      colors.forEach((a, index) => {
        for (const b of colors.slice(index + 1)) {
          const [p, q] = [seen(a, sight), seen(b, sight)];
          expect(
            Math.hypot(...p.map((each, at) => each - (q[at] ?? 0))),
            `${a} and ${b}, ${name}`,
          ).toBeGreaterThan(0.14);
        }
      });
    for (const color of colors)
      expect(contrast(color, inkOf(dark).surface), color).toBeGreaterThanOrEqual(3);
    for (const tone of Object.values(inkOf(dark).tones))
      expect(contrast(tone, inkOf(dark).surface), tone).toBeGreaterThanOrEqual(4.5);
  },
);
