/** What somebody else saved while this was edited. */
import type { Draft } from "./draft.ts";
import { freePlace, overlap } from "./grid.ts";

/**
 * `mine` with the tiles that `theirs` has beyond `base`, when new tiles are all that they changed: a chart that was added from
 * its query's page is no conflict. null when they changed anything else.
 */
export function withTheirTiles(base: Draft, mine: Draft, theirs: Draft): Draft | null {
  const known = new Set(base.tiles.map((tile) => tile.id));
  const added = theirs.tiles.filter((tile) => !known.has(tile.id));
  const rest = { ...theirs, tiles: theirs.tiles.filter((tile) => known.has(tile.id)) };
  if (JSON.stringify(rest) !== JSON.stringify(base)) return null;
  const tiles = [...mine.tiles];
  for (const tile of added) {
    const taken = tiles.some((each) => overlap(each.place, tile.place));
    tiles.push(taken ? { ...tile, place: freePlace(tiles, tile.place) } : tile);
  }
  return { ...mine, tiles };
}
