/** One payload on its way into the store: of whom it is, when it was taken, and what to compare it with. */
import type { Epochs } from "@quern/contract/agent/server";
import type { HealthMark } from "@quern/contract/health/ranges";
import type { Database } from "@quern/store/db";
import { type Interval, intervalBetween } from "./differences.ts";
import { type Memory, recall, remember } from "./section-memory.ts";

export type Reading = {
  /** The transaction that holds the row of the monitored database locked. */
  db: Database;
  org_id: string;
  server_id: string;
  database_id: string;
  taken_at: Date;
  received_at: Date;
  epochs: Epochs | null;
};

export type SectionInterval<T> = {
  before: Memory<T>;
  interval: Interval;
  marks: HealthMark[];
  at: Date;
};

/**
 * What `section` was when it was last read, and how long ago that is. Undefined the first time, when there is nothing to
 * compare with.
 */
export async function sinceLast<T>(
  reading: Reading,
  section: string,
): Promise<SectionInterval<T> | undefined> {
  const before = await recall<T>(reading.db, reading.database_id, section);
  if (before === undefined) return undefined;
  const interval = intervalBetween({ ...before, taken_at: before.agent_time }, clocksOf(reading));
  const marks: HealthMark[] = [];
  if (interval.gap) marks.push("gap");
  if (interval.clock_step) marks.push("clock_step");
  // After a step back the agent's time may be one that has a point already; ours goes on.
  const at = reading.taken_at > before.taken_at ? reading.taken_at : reading.received_at;
  return { before, interval, marks, at };
}

/** Keeps what `section` is now. */
export async function keep<T>(
  reading: Reading,
  section: string,
  counters: T,
  since: SectionInterval<T> | undefined,
): Promise<void> {
  await remember(reading.db, reading.database_id, section, {
    ...clocksOf(reading),
    agent_time: reading.taken_at,
    taken_at: since?.at ?? reading.taken_at,
    usual_s: since?.interval.usual_s ?? null,
    epochs: reading.epochs,
    counters,
  });
}

export function clocksOf({ taken_at, received_at, epochs }: Reading) {
  return { taken_at, received_at, server_time: timeOf(epochs?.server_time) };
}

/** A time of the server's as a Date; null for none, for infinity and for what is no date of ISO 8601. */
export function timeOf(value: string | null | undefined): Date | null {
  // A year of more digits is nothing that a page could show.
  const time = value != null && /^\d{4}-/.test(value) ? Date.parse(value) : Number.NaN;
  return Number.isNaN(time) ? null : new Date(time);
}

/** Without repetitions, in the order in which they were found. */
export function distinct(marks: readonly HealthMark[]): HealthMark[] {
  return [...new Set(marks)];
}
