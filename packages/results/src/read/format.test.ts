import fc from "fast-check";
import { expect, test } from "vitest";
import { formatDate, formatDecimal, formatFloat, formatFloat4, formatTimestamp } from "./format.ts";

// The texts are PostgreSQL's own.
test.each([
  [0, "1970-01-01"],
  [-1, "1969-12-31"],
  [20_778, "2026-11-21"],
  [11_016, "2000-02-29"],
  [-719_162, "0001-01-01"],
  [-719_163, "0001-12-31 BC"],
  [-735_160, "0044-03-15 BC"],
  [-2_440_588, "4714-11-24 BC"],
  [2_932_896, "9999-12-31"],
  [2_932_897, "10000-01-01"],
  [2_145_042_905, "5874897-12-31"],
])("day %i is %s", (days, text) => {
  expect(formatDate(days)).toBe(text);
});

test("dates within JavaScript's range agree with it", () => {
  fc.assert(
    fc.property(fc.integer({ min: -719_528, max: 2_932_896 }), (days) => {
      const iso = new Date(days * 86_400_000).toISOString().slice(0, 10);
      // Year 0 is 1 BC.
      const expected = iso.startsWith("0000") ? `0001${iso.slice(4)} BC` : iso;
      expect(formatDate(days)).toBe(expected);
    }),
  );
});

test.each([
  [0n, "1970-01-01 00:00:00"],
  [-1n, "1969-12-31 23:59:59.999999"],
  [1_795_233_240_123_456n, "2026-11-21 03:54:00.123456"],
  [1_795_233_240_120_000n, "2026-11-21 03:54:00.12"],
  [1_795_233_240_000_001n, "2026-11-21 03:54:00.000001"],
  [9_223_371_244_799_999_999n, "294246-12-31 23:59:59.999999"],
])("%i µs are %s", (micros, text) => {
  expect(formatTimestamp(micros, "")).toBe(text);
  expect(formatTimestamp(micros, "+00")).toBe(`${text}+00`);
});

test("the era stands behind the zone", () => {
  expect(formatTimestamp(-63_517_823_998_500_000n, "+00")).toBe("0044-03-15 00:00:01.5+00 BC");
  expect(formatTimestamp(-210_866_803_200_000_000n, "")).toBe("4714-11-24 00:00:00 BC");
});

test.each([
  [1230n, 2, "12.30"],
  [-1230n, 2, "-12.30"],
  [-5n, 2, "-0.05"],
  [0n, 4, "0.0000"],
  [7n, 0, "7"],
  [999_999_999_999_999_999n, 18, "0.999999999999999999"],
  [-999_999_999_999_999_999n, 0, "-999999999999999999"],
])("%i at scale %i is %s", (unscaled, scale, text) => {
  expect(formatDecimal(unscaled, scale)).toBe(text);
});

test("a decimal has its digits and its scale", () => {
  fc.assert(
    fc.property(fc.bigInt(), fc.integer({ min: 1, max: 18 }), (unscaled, scale) => {
      const text = formatDecimal(unscaled, scale);
      expect(text).toMatch(/^-?\d+\.\d+$/);
      expect(text.length - text.indexOf(".") - 1).toBe(scale);
      expect(BigInt(text.replace(".", ""))).toBe(unscaled);
    }),
  );
});

test("floats that JSON lacks are text", () => {
  const all = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -0, 0, 1e308];
  const expected = ["NaN", "Infinity", "-Infinity", "-0", 0, 1e308];
  expect(all.map(formatFloat)).toEqual(expected);
  expect(all.slice(0, 5).map(formatFloat4)).toEqual(expected.slice(0, 5));
});

// As PostgreSQL writes them.
test.each([
  [0.1, 0.1],
  [16_777_216, 16_777_216],
  [3.4028235e38, 3.4028235e38],
  [1.17549435e-38, 1.1754944e-38],
  // The smallest of all is not 1.4e-45.
  [1.4e-45, 1e-45],
  [7.0064923e-45, 7e-45],
  // 74468660 is as near to the next float.
  [74_468_656, 74_468_656],
  [-130_006_736, -130_006_736],
  // Both .12 and .13 are near enough: the even one.
  [514_032.125, 514_032.12],
  [-288_631.125, -288_631.12],
  [2_362_152.25, 2_362_152.2],
  [288_631.375, 288_631.38],
])("the float4 of %d is %d", (value, shown) => {
  expect(formatFloat4(Math.fround(value))).toBe(shown);
});

test("a float4 gives back the same float", () => {
  fc.assert(
    fc.property(fc.float({ noNaN: true, noDefaultInfinity: true }), (value) => {
      fc.pre(value !== 0);
      expect(Math.fround(Number(formatFloat4(value)))).toBe(value);
    }),
    { numRuns: 2_000 },
  );
});

test("six digits put into a float4 come out as they were", () => {
  const digits = fc.integer({ min: 1, max: 999_999 });
  fc.assert(
    fc.property(
      digits,
      fc.integer({ min: -36, max: 0 }),
      fc.boolean(),
      (mantissa, scale, minus) => {
        const decimal = Number(`${minus ? "-" : ""}${mantissa}e${scale}`);
        expect(formatFloat4(Math.fround(decimal))).toBe(decimal);
      },
    ),
    { numRuns: 2_000 },
  );
});
