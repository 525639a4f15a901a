/** Names of tables and columns, which are the only values that become part of the SQL. */

const QUOTED = /"((?:[^"]|"")+)"(?=\.|$)/y;
const BARE = /[^.]+(?=\.|$)/y;

/**
 * The parts of `table`, `schema.table` or `schema.table.column`. A part is taken as it is, upper case and all; one with a
 * dot in it is written in double quotes. null when a part is missing.
 */
export function identifierParts(name: string): string[] | null {
  const parts: string[] = [];
  for (let at = 0; ; at += 1) {
    const quoted = matchAt(QUOTED, name, at);
    const bare = quoted ?? matchAt(BARE, name, at);
    if (bare === null) return null;
    parts.push(quoted === null ? bare[0] : (quoted[1] ?? "").replaceAll('""', '"'));
    at += bare[0].length;
    if (at >= name.length) return parts;
  }
}

/** As PostgreSQL reads a name whatever is in it: in double quotes, those within doubled. */
export function quotedIdentifier(name: string): string {
  const parts = identifierParts(name) ?? [name];
  return parts.map((part) => `"${part.replaceAll('"', '""')}"`).join(".");
}

function matchAt(pattern: RegExp, text: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at;
  return pattern.exec(text);
}
