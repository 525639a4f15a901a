/** What psql takes for a boolean: any beginning of true, false, yes, no; on, off (from two letters); 1, 0. */
export function parseBoolean(text: string): boolean | null {
  const word = text.toLowerCase();
  if (word === "") return null;
  if ("true".startsWith(word) || "yes".startsWith(word)) return true;
  if ("false".startsWith(word) || "no".startsWith(word)) return false;
  if (word === "on" || word === "1") return true;
  if (word === "of" || word === "off" || word === "0") return false;
  return null;
}
