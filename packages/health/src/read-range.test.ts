import fc from "fast-check";
import { expect, test } from "vitest";
import { STEP_S } from "./point-families.ts";
import { rangeOf } from "./read-range.ts";

const HOUR_MS = 3_600_000;
const NOW = new Date("2026-11-21T17:40:12.345Z");
const UNTIL = { hour: new Date("2026-11-21T17:00:00Z"), day: new Date("2026-11-21T00:00:00Z") };
const ago = (hours: number) => new Date(NOW.getTime() - hours * HOUR_MS);

test.each([
  [6, "raw"],
  [6.01, "hour"],
  [14 * 24, "hour"],
  [14 * 24 + 1, "day"],
])("%d hours are answered by %s", (hours, resolution) => {
  expect(rangeOf(ago(hours), NOW, UNTIL, NOW).resolution).toBe(resolution);
});

test("what is no longer kept as fine is answered by the next coarser", () => {
  expect(rangeOf(ago(9 * 24), ago(9 * 24 - 1), UNTIL, NOW).resolution).toBe("hour");
  expect(rangeOf(ago(100 * 24), ago(100 * 24 - 1), UNTIL, NOW).resolution).toBe("day");
});

const instant = (from: Date, to: Date) =>
  fc.integer({ min: from.getTime(), max: to.getTime() }).map((ms) => new Date(ms));
const summed = (step_s: number) =>
  fc.option(
    instant(ago(24 * 40), NOW).map(
      (at) => new Date(Math.floor(at.getTime() / step_s / 1000) * step_s * 1000),
    ),
  );

test("pieces cover the range without a gap or an overlap, each on bounds of its own step", () => {
  fc.assert(
    fc.property(
      instant(ago(24 * 40), NOW),
      instant(ago(24 * 40), NOW),
      summed(STEP_S.hour),
      summed(STEP_S.day),
      (one, other, hour, day) => {
        fc.pre(one.getTime() !== other.getTime());
        const [from, to] = one < other ? [one, other] : [other, one];
        const range = rangeOf(from, to, { hour, day }, NOW);
        expect(range.from.getTime()).toBeLessThanOrEqual(from.getTime());
        expect(range.to).toEqual(to);
        let end = range.from;
        for (const piece of range.pieces) {
          expect(piece.from).toEqual(end);
          expect(piece.from < piece.to).toBe(true);
          if (piece.resolution !== "raw") {
            const step = STEP_S[piece.resolution] * 1000;
            expect([piece.from.getTime() % step, piece.to.getTime() % step]).toEqual([0, 0]);
          }
          // Nothing is read from sums that were not made yet.
          const until = piece.resolution === "hour" ? hour : piece.resolution === "day" ? day : to;
          expect(until !== null && piece.to <= until).toBe(true);
          end = piece.to;
        }
        expect(end).toEqual(to);
      },
    ),
  );
});
