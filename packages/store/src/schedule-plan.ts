/** Which of the times of a schedule that have come are run, and which are only written down. */

import type { Timetable } from "@quern/contract/schedule-times";
import type { MisfirePolicy } from "@quern/contract/schedules";

/** What fires so long after it was due is late: no runner was up, and the misfire policy says what becomes of it. */
const GRACE_MS = 60_000;
/** Times that `run_all` catches up on. */
const CAUGHT_UP = 100;
/** Times that passed and are written down one by one. */
const WRITTEN_DOWN = 1_000;

/** Instants in milliseconds since 1970, the oldest first. `next` is null when the schedule never fires again. */
export type FiringPlan = {
  fired: { at: number; late: boolean }[];
  skipped: { at: number; message: string }[];
  next: number | null;
};

/** `due` is the time that the schedule was to fire, not after `now`; what comes next follows from it, never from `now`. */
export function planFirings(
  timetable: Timetable,
  due: number,
  now: number,
  policy: MisfirePolicy,
): FiringPlan {
  const { times, is_cut } = timesSince(timetable, due, now);
  const late = times.filter((at) => at < now - GRACE_MS);
  const punctual = times.slice(late.length);
  const caughtUp = { run_latest: punctual.length > 0 ? 0 : 1, run_all: CAUGHT_UP, skip: 0 }[policy];
  const missed = caughtUp === 0 ? late : late.slice(0, -caughtUp);
  const skipped = missed.map((at) => ({ at, message: WHY[policy] }));
  if (is_cut && skipped[0]) {
    const since = new Date(due).toISOString();
    skipped[0].message += ` So did all times since ${since}, which are not listed.`;
  }
  const fired = times.slice(missed.length).map((at) => ({ at, late: at < now - GRACE_MS }));
  return { fired, skipped, next: timetable.after(now)?.at ?? null };
}

const WHY: Record<MisfirePolicy, string> = {
  run_latest: "It passed while no runner was up; only the latest such time is run.",
  run_all: `It passed while no runner was up; only the latest ${CAUGHT_UP} such times are run.`,
  skip: "It passed while no runner was up, and such times are not run.",
};

const HOUR_MS = 3_600_000;
const LOOKS_MS = [1, 24, 7 * 24, 31 * 24, 366 * 24].map((hours) => hours * HOUR_MS);

/** The latest times from `due` until `now`: a host that was away for a year has had half a million of `every 1m`. */
function timesSince(
  timetable: Timetable,
  due: number,
  now: number,
): { times: number[]; is_cut: boolean } {
  for (const back of [...LOOKS_MS, Number.POSITIVE_INFINITY]) {
    const isWhole = now - back <= due;
    const times = isWhole ? [due] : [];
    let next = timetable.after(isWhole ? due : now - back);
    while (next !== null && next.at <= now) {
      times.push(next.at);
      next = timetable.after(next.at);
    }
    if (times.length > WRITTEN_DOWN) return { times: times.slice(-WRITTEN_DOWN), is_cut: true };
    if (isWhole) return { times, is_cut: false };
  }
  return { times: [due], is_cut: false };
}
