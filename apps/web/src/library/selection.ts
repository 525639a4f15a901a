/** Rows that are ticked, and the one that a range begins at. */
export type Selection = { ids: ReadonlySet<string>; anchor: string | null };

export const NOTHING: Selection = { ids: new Set(), anchor: null };

/** Ticks a row or takes its tick away; with `range` every row from the last one on becomes what that one is. */
export function tick(
  selection: Selection,
  rows: readonly string[],
  id: string,
  range: boolean,
): Selection {
  const ids = new Set(selection.ids);
  const from = selection.anchor === null ? -1 : rows.indexOf(selection.anchor);
  const to = rows.indexOf(id);
  if (range && from >= 0 && to >= 0 && selection.anchor !== null) {
    const on = ids.has(selection.anchor);
    for (const each of rows.slice(Math.min(from, to), Math.max(from, to) + 1)) {
      if (on) ids.add(each);
      else ids.delete(each);
    }
    return { ids, anchor: selection.anchor };
  }
  if (ids.has(id)) ids.delete(id);
  else ids.add(id);
  return { ids, anchor: id };
}

/** All of them, or none when all were. */
export function tickAll(selection: Selection, rows: readonly string[]): Selection {
  return rows.every((id) => selection.ids.has(id)) ? NOTHING : { ids: new Set(rows), anchor: null };
}
