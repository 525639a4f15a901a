import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { generateOutages } from "./ohub.ts";
import { seededRandom } from "./random.ts";
import { generateTrading } from "./trad.ts";
import { stockSession } from "./trad-market.ts";

function outagesDigest(seed: number): string {
  return digest(
    generateOutages(NOW, seed).map(
      ({ startedAt, restoredAt, cause, customersPeak, latitude, updates }) =>
        [
          startedAt.getTime(),
          restoredAt?.getTime(),
          cause,
          customersPeak,
          latitude,
          updates.length,
        ].join(),
    ),
  );
}

function tradingDigest(seed: number): string {
  const { orders, fills, positions } = generateTrading(NOW, seed);
  return digest([
    ...orders.map((o) => [o.placedAt, o.qty, o.cents, o.filledQty, o.status, o.venue].join()),
    ...fills.map((f) => [f.order.id, f.qty, f.cents, f.latencyUs, f.filledAt].join()),
    ...positions.map((p) => [p.day, p.accountId, p.instrumentId, p.qty, p.cents].join()),
  ]);
}

function digest(rows: string[]): string {
  return createHash("sha256").update(rows.join("\n")).digest("hex");
}

const NOW = new Date("2026-11-21T12:34:56Z");

test("the same seed and moment give the same rows, another seed others", () => {
  for (const make of [outagesDigest, tradingDigest]) {
    const first = make(1);
    expect(make(1)).toBe(first);
    expect(make(2)).not.toBe(first);
  }
});

test("the generator gives known numbers, so that a change of it is noticed", () => {
  const random = seededRandom(1);
  expect([random.below(1000), random.below(1000), random.below(1000)]).toEqual([627, 2, 527]);
});

test("a poisson draw has its mean, small and large", () => {
  const random = seededRandom(5);
  for (const mean of [0.4, 9, 200]) {
    let sum = 0;
    for (let i = 0; i < 4000; i++) sum += random.poisson(mean);
    expect(Math.abs(sum / 4000 / mean - 1)).toBeLessThan(0.05);
  }
});

test("nothing happens after now, and something has just happened", () => {
  const end = NOW.getTime();
  const outages = generateOutages(NOW);
  const reports = outages.flatMap(({ updates }) => updates.map((u) => u.reportedAt.getTime()));
  expect(Math.max(...outages.map((o) => o.startedAt.getTime()))).toBeGreaterThan(end - 10 * 60_000);
  expect(reports.reduce((a, b) => Math.max(a, b))).toBeLessThanOrEqual(end);
  const { orders, fills } = generateTrading(NOW);
  const last = orders[orders.length - 1]!;
  expect(last.placedAt).toBeLessThan(end);
  expect(last.placedAt).toBeGreaterThan(end - 10 * 60_000);
  expect(fills[fills.length - 1]!.filledAt).toBeLessThanOrEqual(end);
});

test("storms make the worst days many times worse than the usual one", () => {
  const perDay = new Map<string, number>();
  for (const { startedAt } of generateOutages(NOW)) {
    const day = startedAt.toISOString().slice(0, 10);
    perDay.set(day, (perDay.get(day) ?? 0) + 1);
  }
  const counts = [...perDay.values()].sort((a, b) => a - b);
  expect(counts[counts.length - 1]! / counts[Math.floor(counts.length / 2)]!).toBeGreaterThan(3);
});

test("the stock session follows Toronto's clock and rests on weekends and holidays", () => {
  const opens = (day: string) => {
    const session = stockSession(Date.parse(day));
    return session && new Date(session.opens).toISOString().slice(11, 16);
  };
  expect(opens("2026-07-02")).toBe("13:30");
  expect(opens("2026-01-05")).toBe("14:30");
  expect(opens("2026-11-21")).toBeNull();
  expect(opens("2026-12-25")).toBeNull();
});
