/** Which rows of a long list are read at once. */
export type Window = { offset: number; limit: number };

/** Windows begin at whole steps, and are two and a half of them long. */
export const STEP = 100;
/** So many rows above the first that is looked at are there as well. */
const ABOVE = 50;

/** Where the window begins in which `first` is the first row that is looked at. */
export function windowAt(first: number): number {
  return Math.max(0, Math.floor((first - ABOVE) / STEP) * STEP);
}
