/** Places of tiles on the grid: 24 columns wide, endlessly long; no two tiles overlap. */
import type { TilePlace } from "@quern/contract/tiles";

export const COLUMNS = 24;
/** Height of a row and the gap between tiles, in px. */
export const ROW_PX = 32;
export const GAP_PX = 8;
const MOST_ROWS = 10_000;
const TALLEST = 200;

export type Placed = { id: string; place: TilePlace };
export type Size = Pick<TilePlace, "width" | "height">;

export const bottomOf = ({ y, height }: TilePlace): number => y + height;

export function overlap(a: TilePlace, b: TilePlace): boolean {
  return a.x < b.x + b.width && b.x < a.x + a.width && a.y < bottomOf(b) && b.y < bottomOf(a);
}

export function samePlace(a: TilePlace, b: TilePlace): boolean {
  return a.x === b.x && a.y === b.y && a.width === b.width && a.height === b.height;
}

/** As a person reads a page: row by row, from the left. */
export function readingOrder<T extends Placed>(tiles: readonly T[]): T[] {
  return [...tiles].sort((a, b) => a.place.y - b.place.y || a.place.x - b.place.x);
}

const between = (value: number, least: number, most: number) =>
  Math.max(least, Math.min(most, value));

/** The nearest place that is on the grid. */
function withinGrid(place: TilePlace): TilePlace {
  const width = between(place.width, 1, COLUMNS);
  const height = between(place.height, 1, TALLEST);
  return {
    width,
    height,
    x: between(place.x, 0, COLUMNS - width),
    y: between(place.y, 0, MOST_ROWS - height),
  };
}

/**
 * The tiles with `id` at `place`. What it covers there moves down until nothing overlaps, and so does what that covers
 * then; all others stay. The order of the list stays.
 */
export function withPlace<T extends Placed>(
  tiles: readonly T[],
  id: string,
  place: TilePlace,
): T[] {
  const settled: Placed[] = [{ id, place: withinGrid(place) }];
  for (const tile of readingOrder(tiles)) {
    if (tile.id === id) continue;
    let next = tile.place;
    for (let hit = covering(settled, next); hit !== undefined; hit = covering(settled, next))
      next = { ...next, y: bottomOf(hit.place) };
    settled.push({ id: tile.id, place: next });
  }
  const places = new Map(settled.map((each) => [each.id, each.place]));
  return tiles.map((tile) => {
    const next = places.get(tile.id) ?? tile.place;
    return samePlace(next, tile.place) ? tile : { ...tile, place: next };
  });
}

function covering(settled: readonly Placed[], place: TilePlace): Placed | undefined {
  return settled.find((each) => overlap(each.place, place));
}

/** The tile moved or made larger by whole cells, as the arrow keys do it. */
export function nudged<T extends Placed>(
  tiles: readonly T[],
  id: string,
  by: Partial<TilePlace>,
): T[] {
  const tile = tiles.find((each) => each.id === id);
  if (tile === undefined) return [...tiles];
  const { x, y, width, height } = tile.place;
  const next = {
    x: x + (by.x ?? 0),
    y: y + (by.y ?? 0),
    width: Math.min(width + (by.width ?? 0), COLUMNS - x),
    height: height + (by.height ?? 0),
  };
  return withPlace(tiles, id, next);
}

/** The first place, from `fromRow` on, where a tile of this size covers nothing. */
export function freePlace(tiles: readonly Placed[], size: Size, fromRow = 0): TilePlace {
  const { width, height } = withinGrid({ x: 0, y: 0, ...size });
  // A free row can only begin where a tile ends, or at the top.
  const rows = [fromRow, ...tiles.map((tile) => bottomOf(tile.place))]
    .filter((row) => row >= fromRow)
    .sort((a, b) => a - b);
  for (const y of rows) {
    for (let x = 0; x + width <= COLUMNS; x++) {
      const place = { x, y, width, height };
      if (!tiles.some((tile) => overlap(tile.place, place))) return place;
    }
  }
  return { x: 0, y: rows.at(-1) ?? 0, width, height };
}

/** Every tile as far up as it can go without changing the order in which tiles stand above each other. */
export function compacted<T extends Placed>(tiles: readonly T[]): T[] {
  const settled: T[] = [];
  for (const tile of readingOrder(tiles)) {
    let { place } = tile;
    while (place.y > 0) {
      const up = { ...place, y: place.y - 1 };
      if (settled.some((each) => overlap(each.place, up))) break;
      place = up;
    }
    settled.push(samePlace(place, tile.place) ? tile : { ...tile, place });
  }
  const byId = new Map(settled.map((each) => [each.id, each]));
  return tiles.map((tile) => byId.get(tile.id) ?? tile);
}

/** Rows that the tiles take up. */
export function rowsOf(tiles: readonly Placed[]): number {
  return tiles.reduce((most, tile) => Math.max(most, bottomOf(tile.place)), 0);
}
