import { type Token, tokenize } from "./tokens.ts";

export type Span = { start: number; end: number };

/**
 * Where each statement of the text stands, without the semicolon and the blanks and comments around it. The bodies
 * of SQL-standard functions (`begin atomic … end`) hold semicolons of their own.
 */
export function splitStatements(sql: string): Span[] {
  const spans: Span[] = [];
  let first: Token | null = null;
  let last: Token | null = null;
  let depth = 0;
  let previous = "";
  for (const token of tokenize(sql)) {
    if (token.kind === "comment") continue;
    const word = token.kind === "word" ? token.text.toLowerCase() : "";
    if (word === "atomic" && previous === "begin") depth += 1;
    else if (depth > 0 && word === "case") depth += 1;
    else if (depth > 0 && word === "end") depth -= 1;
    previous = word;
    if (token.text === ";" && depth === 0) {
      if (first && last) spans.push({ start: first.start, end: last.end });
      first = null;
      last = null;
      continue;
    }
    first ??= token;
    last = token;
  }
  if (first && last) spans.push({ start: first.start, end: last.end });
  return spans;
}

/** The statement that the cursor stands in or right behind, else the next one, else the last. */
export function statementAt(sql: string, offset: number): Span | null {
  const spans = splitStatements(sql);
  const inside = spans.find((span) => offset >= span.start && offset <= span.end + 1);
  return inside ?? spans.find((span) => span.start >= offset) ?? spans.at(-1) ?? null;
}

/** The word, number, string or sign at `offset`: what an error points at. */
export function tokenSpanAt(sql: string, offset: number): Span {
  const token = tokenize(sql).find((each) => offset >= each.start && offset < each.end);
  if (token === undefined) return { start: offset, end: Math.min(sql.length, offset + 1) };
  const line = token.text.indexOf("\n");
  return { start: token.start, end: line === -1 ? token.end : token.start + line };
}
