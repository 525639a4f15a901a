import type { SearchHit, SearchType, Shelved } from "@quern/contract/library";

/** So many hits of a type are offered at once: the best few of each are better than twenty tables. */
const MOST: Record<SearchType, number> = {
  query: 7,
  dashboard: 7,
  visualization: 4,
  schedule: 4,
  datasource: 3,
  project: 4,
  folder: 3,
  table: 5,
  column: 4,
};

export type HitGroup = { type: SearchType; hits: SearchHit[]; more: number };

/** Hits by type, the type of the best hit first; each with the best few and how many more there are. */
export function groupHits(hits: readonly SearchHit[]): HitGroup[] {
  const groups = new Map<SearchType, SearchHit[]>();
  for (const hit of [...hits].sort((a, b) => b.score - a.score))
    groups.set(hit.type, [...(groups.get(hit.type) ?? []), hit]);
  return [...groups].map(([type, all]) => ({
    type,
    hits: all.slice(0, MOST[type]),
    more: Math.max(0, all.length - MOST[type]),
  }));
}

/** What to offer before anything is typed: recent things, then favourites that are not among them. */
export function firstOffers(
  recent: readonly Shelved[],
  favorites: readonly Shelved[],
  most = 8,
): Shelved[] {
  const known = new Set(recent.map(({ id }) => id));
  return [...recent, ...favorites.filter(({ id }) => !known.has(id))].slice(0, most);
}

type Command = { label: string; id?: string; suffix?: string };

/** The commands that have every word of `typed` in their name; all for none. */
export function fittingCommands<C extends Command>(commands: readonly C[], typed: string): C[] {
  const words = plain(typed).split(/\s+/).filter(Boolean);
  return commands.filter((command) => {
    const text = plain(`${command.label} ${command.suffix ?? ""}`);
    return words.every((word) => text.includes(word));
  });
}

/** Small letters without accents, so that `reglages` finds `Réglages`. */
function plain(text: string): string {
  return text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
}
