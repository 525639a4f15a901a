import type { LibraryItem, Placed } from "@quern/contract/library";

export type Placing = {
  items: LibraryItem[];
  folder_id?: string | null;
  add_tags?: string[];
  remove_tags?: string[];
};

/** What to ask for so that things are again where they were: one request for all that go the same way. */
export function undoOf(placed: readonly Placed[]): Placing[] {
  const ways = new Map<string, Placing>();
  for (const { type, id, folder_id, tags, before } of placed) {
    const back = {
      ...(before.folder_id === folder_id ? {} : { folder_id: before.folder_id }),
      ...without("add_tags", before.tags, tags),
      ...without("remove_tags", tags, before.tags),
    };
    if (Object.keys(back).length === 0) continue;
    const key = JSON.stringify(back);
    const way = ways.get(key) ?? { ...back, items: [] };
    way.items.push({ type, id });
    ways.set(key, way);
  }
  return [...ways.values()];
}

function without<K extends string>(
  key: K,
  all: readonly string[],
  some: readonly string[],
): Partial<Record<K, string[]>> {
  const rest = all.filter((tag) => !some.includes(tag));
  return rest.length > 0 ? ({ [key]: rest } as Record<K, string[]>) : {};
}
