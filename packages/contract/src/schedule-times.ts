/**
 * When a recurrence fires, in a time zone.
 *
 * Recurrences are marks on the wall clock. Where the clocks are put forward, a mark that does not exist fires once, at the
 * first instant after the gap; where they are put back, a mark that comes twice fires at the first. What fires in every
 * hour (`hourly`, `every 15m`, cron with `*` as its hour) goes on in its rhythm instead, when the change is a multiple of
 * it: nothing is made up for a skipped hour, and a repeated hour is served twice. Recurrences that do not divide a day
 * (`every 7m`, `every 5h`) go by elapsed time, counted from midnight of 1 January 2001 in their zone.
 */
import { RecurrenceError } from "./schedule-times/errors.ts";
import { elapsedMinutes, type Marks, MINUTE_MS, marksOf } from "./schedule-times/marks.ts";
import { readRecurrence } from "./schedule-times/recurrence.ts";
import { readTimeZone, type Stretch, stretchAt } from "./schedule-times/time-zone.ts";

export type FireNote = "moved_out_of_gap" | "first_of_two";
/** `at` is in milliseconds since 1970. */
export type FireTime = { at: number; note: FireNote | null };

/** A recurrence in a zone, ready to be asked. */
export type Timetable = {
  /** The first time after an instant, both in milliseconds since 1970; null when it never fires again. */
  after(instant: number): FireTime | null;
};

/** 2001-01-01T00:00 by no zone; a Monday. */
const ANCHOR = Date.UTC(2001, 0, 1);

/** Throws `RecurrenceError` when the recurrence or the zone cannot be read, or when it can never fire. */
export function openTimetable(recurrence: string, timeZone: string): Timetable {
  const zone = readTimeZone(timeZone);
  const read = readRecurrence(recurrence);
  const elapsed = elapsedMinutes(read);
  if (elapsed !== null) return { after: byElapsedTime(elapsed * MINUTE_MS, zone) };
  const marks = marksOf(read)!;
  if (marks.after(ANCHOR) === null) {
    throw new RecurrenceError(
      `“${recurrence.trim()}” would never fire: the calendar has no such day. Write another day of the month or another month.`,
    );
  }
  return { after: (instant) => nextOnWallClock(marks, zone, instant) };
}

/** Up to `count` times after an instant. */
export function nextTimes(timetable: Timetable, instant: number, count: number): FireTime[] {
  const times: FireTime[] = [];
  let at = instant;
  while (times.length < count) {
    const next = timetable.after(at);
    if (next === null) break;
    times.push(next);
    at = next.at;
  }
  return times;
}

function byElapsedTime(step: number, zone: string): Timetable["after"] {
  const anchor = ANCHOR - stretchAt(zone, ANCHOR).offset;
  return (instant) => ({
    at: anchor + (Math.floor((instant - anchor) / step) + 1) * step,
    note: null,
  });
}

/** Goes from one stretch of constant offset to the next, until a mark falls into one. */
function nextOnWallClock(marks: Marks, zone: string, instant: number): FireTime | null {
  let stretch = stretchAt(zone, instant);
  let from = Math.max(instant + stretch.offset, firstReading(marks, stretch) - 1);
  for (;;) {
    const wall = marks.after(from);
    if (wall === null) return null;
    const at = wall - stretch.offset;
    if (at < stretch.end) return { at, note: comesTwice(marks, zone, stretch, at) };
    const next = stretchAt(zone, stretch.end);
    const inGap = wall < next.start + next.offset;
    if (inGap && !keepsRhythm(marks, next)) return { at: next.start, note: "moved_out_of_gap" };
    from = firstReading(marks, next) - 1;
    stretch = next;
  }
}

/** What the clock shows when the marks of a stretch begin: those that came before the clocks were put back are over. */
function firstReading(marks: Marks, stretch: Stretch): number {
  const { start, offset, offset_before } = stretch;
  const isPutBack = offset < offset_before;
  return start + (isPutBack && !keepsRhythm(marks, stretch) ? offset_before : offset);
}

/** Whether marks go on over the change at the start of a stretch as if nothing had happened. */
function keepsRhythm({ period_min }: Marks, { offset, offset_before }: Stretch): boolean {
  return period_min !== null && (offset - offset_before) % (period_min * MINUTE_MS) === 0;
}

function comesTwice(marks: Marks, zone: string, stretch: Stretch, at: number): FireNote | null {
  if (at < stretch.end - LONGEST_CHANGE_MS) return null;
  const next = stretchAt(zone, stretch.end);
  const isRepeated = at - next.offset + stretch.offset >= next.start;
  return isRepeated && !keepsRhythm(marks, next) ? "first_of_two" : null;
}

/** Samoa changed by a day. */
const LONGEST_CHANGE_MS = 25 * 60 * MINUTE_MS;
