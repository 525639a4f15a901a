import type { Measure } from "./main.ts";

/** Milliseconds of each of `rounds` calls after `warmUp` more, sorted. */
export async function time(
  work: () => Promise<unknown>,
  { rounds = 500, warmUp = 50 } = {},
): Promise<number[]> {
  for (let n = 0; n < warmUp; n++) await work();
  const times: number[] = [];
  for (let n = 0; n < rounds; n++) times.push(await elapsed(work));
  return times.sort((a, b) => a - b);
}

/** Milliseconds that `work` takes. */
export async function elapsed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

/** The value below which a share of the sorted `times` lies. */
export function quantile(times: readonly number[], share: number): number {
  return times[Math.min(times.length - 1, Math.floor(times.length * share))]!;
}

/** A row of the table: one quantile of both. */
export function compare(
  what: string,
  quern: readonly number[],
  peer: readonly number[],
  share: number,
): Measure {
  return measure(what, quantile(quern, share), quantile(peer, share), "ms");
}

/** A row of the table. The ratio is Quern's figure by the peer's. */
export function measure(what: string, quern: number, peer: number, unit: string): Measure {
  const show = (value: number) => `${value.toFixed(value < 100 ? 2 : 0)} ${unit}`;
  return { what, quern: show(quern), peer: show(peer), ratio: (quern / peer).toFixed(2) };
}
