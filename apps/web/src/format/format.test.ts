import fc from "fast-check";
import { expect, test } from "vitest";
import { compareDecimals, parseDecimal, plainDecimal, shift } from "./decimal.ts";
import { formatNumber } from "./number.ts";
import { formatTime, instantOf, isTimeZone, precisionOf } from "./time.ts";

const decimalText = fc
  .tuple(fc.boolean(), fc.bigInt({ min: 0n, max: 10n ** 60n }), fc.nat({ max: 40 }))
  .map(([negative, digits, scale]) => {
    const text = String(digits).padStart(scale + 1, "0");
    const cut = scale === 0 ? text : `${text.slice(0, -scale)}.${text.slice(-scale)}`;
    return negative && digits !== 0n ? `-${cut}` : cut;
  });

test("decimals of any length are read and written digit for digit, and keep their order", () => {
  fc.assert(
    fc.property(decimalText, (text) => {
      expect(plainDecimal(parseDecimal(text)!)).toBe(text);
    }),
  );
  fc.assert(
    fc.property(fc.bigInt(), fc.bigInt(), fc.integer({ min: -30, max: 30 }), (a, b, places) => {
      const [x, y] = [a, b].map((each) => shift(parseDecimal(String(each))!, places));
      expect(Math.sign(compareDecimals(x!, y!))).toBe(a < b ? -1 : a > b ? 1 : 0);
    }),
  );
  expect(plainDecimal(parseDecimal("1.5e3")!)).toBe("1500");
  expect(plainDecimal(parseDecimal("1e-7")!)).toBe("0.0000001");
  expect(compareDecimals(parseDecimal("-0")!, parseDecimal("0.00")!)).toBe(0);
  expect(["NaN", "Infinity", "", ".", "1_000", "0x1"].map(parseDecimal)).toEqual(
    Array(6).fill(null),
  );
});

test("a number without a format keeps every digit", () => {
  fc.assert(
    fc.property(decimalText, (text) => {
      expect(formatNumber(text).replaceAll(",", "")).toBe(text);
    }),
  );
  expect(formatNumber("9007199254740993")).toBe("9,007,199,254,740,993");
  expect(formatNumber("-0.5")).toBe("-0.5");
  expect(formatNumber(1204331.25)).toBe("1,204,331.25");
  expect(["NaN", "-Infinity", "n/a"].map((each) => formatNumber(each))).toEqual([
    "NaN",
    "-Infinity",
    "n/a",
  ]);
  expect(formatNumber(null)).toBe("");
});

test("styles, units and digits", () => {
  expect(formatNumber("9007199254740993.5", { style: "number", decimals: 0 })).toBe(
    "9,007,199,254,740,994",
  );
  expect(formatNumber(3, { style: "number", decimals: 2, unit: "MW" })).toBe("3.00 MW");
  expect(formatNumber(1204331, { style: "number", compact: true })).toBe("1.2M");
  expect(formatNumber(12, { style: "number", compact: true })).toBe("12");
  expect(formatNumber("0.12", { style: "percent" })).toBe("12%");
  expect(formatNumber("0.12345", { style: "percent" })).toBe("12.35%");
  expect(formatNumber("0.5", { style: "percent", decimals: 1 })).toBe("50.0%");
  expect(formatNumber("90071992547409.93", { style: "percent" })).toBe("9,007,199,254,740,993%");
  expect(formatNumber("12.5", { style: "currency", currency: "CAD" })).toBe("CA$12.50");
  expect(formatNumber("1250000", { style: "currency", currency: "CAD", compact: true })).toBe(
    "CA$1.3M",
  );
  expect(formatNumber("12.5", { style: "currency" })).toBe("12.50");
});

test("bytes and durations in words", () => {
  const bytes = (value: string | number) => formatNumber(value, { style: "bytes" });
  expect([0, 812, 3_200_000, "-41000000000", 999_950].map(bytes)).toEqual([
    "0 B",
    "812 B",
    "3.2 MB",
    "-41 GB",
    "1.0 MB",
  ]);
  expect(bytes("1234567890123456789012345")).toBe("1,234,568 EB");
  expect(formatNumber(3_210_000, { style: "bytes", decimals: 2 })).toBe("3.21 MB");
  expect(formatNumber("83.2", { style: "duration_s" })).toBe("1 min 23 s");
  expect(formatNumber(-1240, { style: "duration_ms" })).toBe("-1.24 s");
  expect(formatNumber("1e14", { style: "duration_s" })).toBe("1,157,407,407 d");
});

test("times without a zone are never shifted, those with one are", () => {
  const zone = "America/Toronto";
  expect(formatTime("2026-11-21", "date", undefined, { zone })).toBe("Nov 21, 2026");
  expect(formatTime("2026-11-21 03:54:00", "timestamp", undefined, { zone })).toBe(
    "Nov 21, 2026, 03:54",
  );
  expect(formatTime("2026-11-21 03:54:07+00", "timestamptz", undefined, { zone })).toBe(
    "Nov 20, 2026, 22:54:07",
  );
  expect(
    formatTime(
      "2026-11-21 03:54:00+00",
      "timestamptz",
      { style: "datetime", time_zone: "Asia/Kathmandu" },
      { zone },
    ),
  ).toBe("Nov 21, 2026, 09:39");
  expect(formatTime("2026-11-21 03:54:07.25", "timestamp")).toBe("Nov 21, 2026, 03:54:07.250");
  expect(formatTime("2026-11-21", "date", { style: "month" })).toBe("November 2026");
  expect(formatTime("2026-11-21 03:54:00", "timestamp", { style: "year" })).toBe("2026");
  expect(formatTime("2026-11-21 00:00:00", "timestamp", { style: "time" })).toBe("00:00");
  expect(formatTime("03:54:07.123456", "time")).toBe("03:54:07.123456");
});

test("what the calendar cannot say stays the engine's text", () => {
  for (const text of ["infinity", "-infinity", "0044-03-15 BC", "10000-01-01", "hello"])
    expect(formatTime(text, "date")).toBe(text);
  expect(formatTime("0001-01-01", "date", { style: "year" })).toBe("1");
  expect(formatTime(null, "date")).toBe("");
  const odd = { style: "auto", time_zone: "Mars/Olympus" } as const;
  expect(isTimeZone(odd.time_zone)).toBe(false);
  expect(formatTime("2026-11-21 03:54:00+00", "timestamptz", odd)).toBe("2026-11-21 03:54:00+00");
});

test("offsets, fractions and the precision of a column", () => {
  expect(instantOf("2026-11-21 18:30:00-05")).toBe(Date.UTC(2026, 10, 21, 23, 30));
  expect(instantOf("1970-01-01 00:00:00.123456")).toBe(123);
  expect(precisionOf(["2026-01-01 00:00:00", null, "2026-01-02 00:00:00"], "timestamp")).toBe(
    "day",
  );
  expect(precisionOf(["2026-01-01 00:00:00", "2026-01-02 10:00:07"], "timestamp")).toBe("second");
  expect(precisionOf(["2026-01-01 00:00:00+00"], "timestamptz")).toBe("minute");
});
