/** Select lists for views whose columns differ between versions. All names come from this program, none from a server. */

/** A column, or `[alias, candidates…]`: the first candidate that the view has. */
export type Wanted = string | readonly [alias: string, ...candidates: string[]];

/** `s.calls as calls, null as wal_bytes, …`, where the view has `has`. */
export function selectList(
  source: string,
  has: ReadonlySet<string>,
  wanted: readonly Wanted[],
): string {
  return wanted
    .map((entry) => {
      const [alias, ...candidates] = typeof entry === "string" ? [entry, entry] : entry;
      const column = candidates.find((name) => has.has(name));
      return column === undefined ? `null as ${alias}` : `${source}.${column} as ${alias}`;
    })
    .join(", ");
}

/** `name` as an identifier in SQL. */
export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
