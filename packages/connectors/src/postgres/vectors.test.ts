import type { Storage } from "@quern/contract/batch";
import fc from "fast-check";
import { expect, test } from "vitest";
import { rowsOf, type SeenCell } from "../testing/target.ts";
import { columnBuilder } from "./vectors.ts";

function through(storage: Storage, cells: (Buffer | null)[]): SeenCell[] {
  const builder = columnBuilder(storage, { capacity: Math.max(cells.length, 1), onRepair: null });
  cells.forEach((cell, row) => {
    if (cell === null) builder.putNull(row);
    // Not at the start of the buffer: offsets count.
    else
      builder.put(Buffer.concat([Buffer.from("xx"), cell, Buffer.from("yy")]), 2, cell.length, row);
  });
  const batch = { rows: cells.length, bytes: 0, vectors: [builder.take()] };
  return rowsOf(batch, [storage]).map(([cell]) => cell ?? null);
}

const int64 = (value: bigint) => {
  const buffer = Buffer.alloc(8);
  buffer.writeBigInt64BE(value);
  return buffer;
};

test("64-bit integers", () => {
  fc.assert(
    fc.property(
      fc.array(fc.option(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }))),
      (values) => {
        const cells = values.map((value) => (value === null ? null : int64(value)));
        expect(through({ kind: "int8" }, cells)).toEqual(values);
      },
    ),
  );
});

test("decimals of up to 18 digits, and their escapes", () => {
  const unscaled = fc.oneof(
    fc.bigInt({ min: -(10n ** 18n) + 1n, max: 10n ** 18n - 1n }),
    fc.bigInt({ min: -1000n, max: 1000n }),
    fc.constantFrom(0n, 10n ** 17n, 999_999_999n, 1_000_000_000n, 4_294_967_296n, -4_294_967_296n),
  );
  fc.assert(
    fc.property(
      fc.array(unscaled, { minLength: 1 }),
      fc.integer({ min: 0, max: 18 }),
      (values, scale) => {
        const texts = values.map((value) => decimalText(value, scale));
        const cells = texts.map((text) => Buffer.from(text));
        expect(through({ kind: "decimal", scale }, cells)).toEqual(values);
      },
    ),
    { numRuns: 500 },
  );
  for (const text of [
    "NaN",
    "Infinity",
    "-Infinity",
    "1",
    "1.5",
    "1.234",
    "12345678901234567.89",
  ]) {
    expect(through({ kind: "decimal", scale: 2 }, [Buffer.from(text)])).toEqual([text]);
  }
});

test("timestamps from 4713 BC to the end of 64 bits, and what lies beyond", () => {
  const epoch = 946_684_800_000_000n;
  fc.assert(
    fc.property(
      fc.bigInt({ min: -211_813_488_000_000_000n, max: 2n ** 63n - 1n - epoch }),
      (value) => {
        expect(through({ kind: "timestamptz" }, [int64(value)])).toEqual([value + epoch]);
      },
    ),
  );
  const far = (value: bigint, kind: "timestamp" | "timestamptz") =>
    through({ kind }, [int64(value)]);
  expect(far(2n ** 63n - 1n, "timestamp")).toEqual(["infinity"]);
  expect(far(-(2n ** 63n), "timestamp")).toEqual(["-infinity"]);
  expect(far(9_223_371_331_199_999_999n, "timestamptz")).toEqual([
    "294276-12-31 23:59:59.999999+00",
  ]);
  expect(far(9_223_371_331_199_000_000n, "timestamp")).toEqual(["294276-12-31 23:59:59"]);
});

test("text of any length", () => {
  fc.assert(
    fc.property(fc.array(fc.option(fc.string({ unit: "grapheme", maxLength: 100 }))), (values) => {
      const cells = values.map((value) => (value === null ? null : Buffer.from(value)));
      expect(through({ kind: "text" }, cells)).toEqual(values);
    }),
  );
});

function decimalText(unscaled: bigint, scale: number): string {
  const digits = String(unscaled < 0n ? -unscaled : unscaled).padStart(scale + 1, "0");
  const whole = digits.slice(0, digits.length - scale);
  return `${unscaled < 0n ? "-" : ""}${whole}${scale === 0 ? "" : `.${digits.slice(-scale)}`}`;
}
