/** Sections: headings that fold away what stands below them, up to the next one. */
import { bottomOf, type Placed, readingOrder } from "./grid.ts";

type Sectioned = Placed & { type: string };
export type Group<T> = { section: T | null; tiles: T[] };

/** The tiles in reading order, under the section that each stands below; those above the first are under none. */
export function groupsOf<T extends Sectioned>(tiles: readonly T[]): Group<T>[] {
  const groups: Group<T>[] = [{ section: null, tiles: [] }];
  for (const tile of readingOrder(tiles)) {
    if (tile.type === "section") groups.push({ section: tile, tiles: [] });
    else groups.at(-1)?.tiles.push(tile);
  }
  return groups.filter((group) => group.section !== null || group.tiles.length > 0);
}

/** The tiles that are to be seen when the sections in `folded` are folded, moved up by what that leaves empty. */
export function foldedLayout<T extends Sectioned>(
  tiles: readonly T[],
  folded: ReadonlySet<string>,
): T[] {
  const shown: T[] = [];
  let up = 0;
  const groups = groupsOf(tiles);
  groups.forEach(({ section, tiles: members }, index) => {
    const isFolded = section !== null && folded.has(section.id);
    for (const tile of section === null ? members : isFolded ? [section] : [section, ...members])
      shown.push(up === 0 ? tile : { ...tile, place: { ...tile.place, y: tile.place.y - up } });
    if (!isFolded) return;
    const end = bottomOf(section.place);
    const next = groups[index + 1]?.section?.place.y ?? end;
    up += Math.max(0, next - end);
  });
  return shown;
}
