/** A text in pieces: those that are what was searched for, and what is between them. */
export type Piece = { text: string; found: boolean };

/** The words of a search as the server reads them. */
export function searchWords(typed: string): string[] {
  return [...new Set(typed.trim().toLowerCase().split(/\s+/).filter(Boolean))].slice(0, 8);
}

/** `text` in pieces by the words in it, whatever their case. */
export function pieces(text: string, words: readonly string[]): Piece[] {
  if (words.length === 0) return [{ text, found: false }];
  const longestFirst = [...words].sort((a, b) => b.length - a.length);
  const pattern = longestFirst
    .map((word) => word.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&"))
    .join("|");
  return text
    .split(new RegExp(`(${pattern})`, "iu"))
    .map((piece, index) => ({ text: piece, found: index % 2 === 1 }))
    .filter((piece) => piece.text !== "");
}

/** The part of a long text around the first word that is in it, on one line; null when none is. */
export function around(text: string, words: readonly string[], length = 120): string | null {
  const line = text.replace(/\s+/g, " ");
  const small = line.toLowerCase();
  const places = words.map((word) => small.indexOf(word)).filter((place) => place >= 0);
  if (places.length === 0) return null;
  const from = Math.max(0, Math.min(...places) - 30);
  const part = line.slice(from, from + length);
  return `${from > 0 ? "…" : ""}${part}${from + length < line.length ? "…" : ""}`;
}
