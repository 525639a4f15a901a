/**
 * Which rows of a long table are on the screen. All rows have the same height, so this is arithmetic: a virtualiser
 * that keeps a measurement of every row would hold a million of them. Browsers cap the height of an element (Firefox
 * near 17.8M px, Chrome near 33.5M px), so beyond `MAX_HEIGHT` the scroll bar stands for more than its own pixels.
 */
export type RowSpace = { rows: number; rowHeight: number; viewport: number };

export const MAX_HEIGHT = 12_000_000;
const OVERSCAN = 6;

/** The height of the scrolled element, in px. */
export function scrollHeight(space: RowSpace): number {
  return Math.min(MAX_HEIGHT, space.rows * space.rowHeight);
}

/** The furthest that the content can be scrolled: the last row at the bottom. */
export function maxTop(space: RowSpace): number {
  return Math.max(0, space.rows * space.rowHeight - space.viewport);
}

/** Where in the content the scroll bar's position stands. */
export function topOfScroll(space: RowSpace, scroll: number): number {
  if (!isScaled(space)) return Math.min(maxTop(space), Math.max(0, scroll));
  const room = scrollHeight(space) - space.viewport;
  return Math.min(maxTop(space), Math.max(0, (scroll / room) * maxTop(space)));
}

/** Where the scroll bar has to stand for the content to be at `top`. */
export function scrollOfTop(space: RowSpace, top: number): number {
  if (!isScaled(space)) return top;
  return (top / maxTop(space)) * (scrollHeight(space) - space.viewport);
}

/** True when the scroll bar stands for more than its own pixels. */
export function isScaled(space: RowSpace): boolean {
  return space.rows * space.rowHeight > MAX_HEIGHT;
}

/** The rows to draw, `first` to `end` (without `end`). */
export function visibleRows(space: RowSpace, top: number): { first: number; end: number } {
  const first = Math.max(0, Math.floor(top / space.rowHeight) - OVERSCAN);
  const end = Math.min(space.rows, Math.ceil((top + space.viewport) / space.rowHeight) + OVERSCAN);
  return { first, end: Math.max(first, end) };
}

/** The `top` nearest to the present one that shows `row` whole. */
export function topToShow(space: RowSpace, top: number, row: number): number {
  const start = row * space.rowHeight;
  const end = start + space.rowHeight;
  if (start < top) return start;
  if (end > top + space.viewport) return Math.min(maxTop(space), end - space.viewport);
  return top;
}
