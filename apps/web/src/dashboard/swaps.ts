/** Other datasources in the place of those that queries are saved on: `?on=<saved>:<other>` in the address, for each one. */
import type { Tile } from "@quern/contract/tiles";

export type Swaps = Readonly<Record<string, string>>;
/** A datasource that queries are saved on; `tiles` says how many tiles show these. */
export type OwnDatasource = { id: string; name: string; tiles: number };

const ID = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}";
const PAIR = new RegExp(`^(${ID}):(${ID})$`);

/** Of the address: what is no pair of ids, or says the same twice, is passed over. */
export function readSwaps(texts: readonly string[]): Record<string, string> {
  const swaps: Record<string, string> = {};
  for (const text of texts) {
    const [, from, to] = PAIR.exec(text) ?? [];
    if (from !== undefined && to !== undefined && from !== to) swaps[from] = to;
  }
  return swaps;
}

/** For the address; null takes it out. */
export function writeSwaps(swaps: Swaps): string[] | null {
  const texts = Object.entries(swaps).map(([from, to]) => `${from}:${to}`);
  return texts.length === 0 ? null : texts.sort();
}

/** The datasources of a dashboard's tiles, the one with most tiles first. */
export function ownDatasources(tiles: readonly Tile[]): OwnDatasource[] {
  const found = new Map<string, OwnDatasource>();
  for (const tile of tiles) {
    const own = tile.type === "visualization" ? tile.visualization?.query.datasource : undefined;
    if (own) found.set(own.id, { ...own, tiles: (found.get(own.id)?.tiles ?? 0) + 1 });
  }
  return [...found.values()].sort((a, b) => b.tiles - a.tiles || a.name.localeCompare(b.name));
}
