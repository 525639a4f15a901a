import { instantAt, wallOf } from "./instants.ts";

const DAY = 86_400_000;
/** Shorter steps are counted in elapsed time, longer ones on the calendar of the zone, where days have 23 to 25 hours. */
const CALENDAR_FROM = 20 * 3_600_000;
/** A grid with fewer of its places taken than this is chance, not a rhythm. */
const LEAST_TAKEN = 0.4;
const LEAST_PLACES = 4;
const MOST_PLACES = 60_000;

/** A regular series of instants with none missing, and the ms from one to the next (the least, where months differ). */
export type TimeGrid = { places: number[]; step: number };

/**
 * The rhythm of `instants` (sorted, distinct): every 5 minutes, every day, every month … with the places that are not
 * taken. Days without a single weekend leave weekends out, as trading days do. Null when there is no rhythm.
 */
export function timeGrid(instants: number[], zone: string): TimeGrid | null {
  if (instants.length < LEAST_PLACES) return null;
  const least = gaps(instants).reduce((a, b) => Math.min(a, b));
  const grid = least < CALENDAR_FROM ? elapsedGrid(instants) : calendarGrid(instants, zone);
  if (grid === null || grid.places.length * LEAST_TAKEN > instants.length) return null;
  return grid;
}

function gaps(sorted: number[]): number[] {
  return sorted.slice(1).map((each, index) => each - sorted[index]!);
}

const divisor = (a: number, b: number): number => (b === 0 ? a : divisor(b, a % b));

function elapsedGrid(instants: number[]): TimeGrid | null {
  const step = gaps(instants).reduce(divisor);
  const first = instants[0]!;
  const count = (instants.at(-1)! - first) / step + 1;
  if (step < 1 || count > MOST_PLACES) return null;
  return { step, places: Array.from({ length: count }, (_, index) => first + index * step) };
}

function calendarGrid(instants: number[], zone: string): TimeGrid | null {
  const walls = instants.map((instant) => wallOf(instant, zone));
  return monthGrid(walls, zone) ?? dayGrid(walls, zone);
}

function dayGrid(walls: number[], zone: string): TimeGrid | null {
  const step = gaps(walls).reduce(divisor);
  if (step % DAY !== 0) return null;
  const first = walls[0]!;
  const count = (walls.at(-1)! - first) / step + 1;
  if (count > MOST_PLACES) return null;
  const all = Array.from({ length: count }, (_, index) => first + index * step);
  const places = walls.some(isWeekend) ? all : all.filter((wall) => !isWeekend(wall));
  return { step, places: places.map((wall) => instantAt(wall, zone)) };
}

function isWeekend(wall: number): boolean {
  const day = new Date(wall).getUTCDay();
  return day === 0 || day === 6;
}

function monthGrid(walls: number[], zone: string): TimeGrid | null {
  const first = new Date(walls[0]!);
  const inMonth = walls[0]! - Date.UTC(first.getUTCFullYear(), first.getUTCMonth(), 1);
  const months = walls.map((wall) => {
    const date = new Date(wall);
    return date.getUTCFullYear() * 12 + date.getUTCMonth();
  });
  const startOf = (month: number) => Date.UTC(Math.floor(month / 12), month % 12, 1);
  if (walls.some((wall, index) => wall - startOf(months[index]!) !== inMonth)) return null;
  const step = gaps(months).reduce(divisor);
  if (step < 1) return null;
  const count = (months.at(-1)! - months[0]!) / step + 1;
  const places = Array.from({ length: count }, (_, index) =>
    instantAt(startOf(months[0]! + index * step) + inMonth, zone),
  );
  return { step: step * 28 * DAY, places };
}
