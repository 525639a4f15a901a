import { isOutermost, type Open, openStatement, step } from "@quern/contract/postgres-statement";
import { tokenize } from "./tokens.ts";

export type Span = { start: number; end: number };

/**
 * Where each statement of the text stands, without the semicolon and the blanks and comments around it: what a run
 * executes one by one. Semicolons in parentheses and in the bodies of routines end none.
 */
export function splitStatements(sql: string): Span[] {
  const spans: Span[] = [];
  let open: Open | null = null;
  for (const token of tokenize(sql)) {
    if (token.kind === "comment") continue;
    const isWord = token.kind === "word";
    const text = isWord || token.kind === "symbol" ? token.text.toLowerCase() : "";
    if (text === ";" && (open === null || isOutermost(open))) {
      if (open !== null) spans.push({ start: open.start, end: open.end });
      open = null;
      continue;
    }
    open ??= openStatement(token.start, token.end);
    open.end = token.end;
    step(open, isWord, text);
  }
  if (open !== null) spans.push({ start: open.start, end: open.end });
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
