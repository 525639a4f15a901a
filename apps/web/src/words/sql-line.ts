/** SQL on one line, without comments at its start, for a list. */
export function sqlLine(sql: string, length = 120): string {
  const line = sql
    .replace(/^(?:\s*(?:--[^\n]*(?:\n|$)|\/\*[\s\S]*?\*\/))+/, "")
    .replace(/\s+/g, " ")
    .trim();
  return line.length > length ? `${line.slice(0, length)}…` : line;
}
