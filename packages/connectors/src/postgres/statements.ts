import { scan } from "@quern/contract/postgres-lexer";
import { isOutermost, type Open, openStatement, step } from "@quern/contract/postgres-statement";

/**
 * A statement's place in a text, in UTF-16 code units, without its semicolon. `from` is where the text to send
 * begins: comments before the statement belong to it, because planners read hints in them.
 */
export type StatementSpan = { from: number; start: number; end: number };

/**
 * Splits a text at the semicolons that end statements: not those in parentheses (`create rule … do (a; b)`) nor in the
 * body of `create function … begin atomic … end`. Empty statements are left out.
 */
export function splitStatements(sql: string): StatementSpan[] {
  const spans: StatementSpan[] = [];
  let open: Open | null = null;
  let from = 0;
  for (const token of scan(sql)) {
    const text = token.kind === "other" ? "" : sql.slice(token.start, token.end).toLowerCase();
    if (text === ";" && (open === null || isOutermost(open))) {
      if (open !== null)
        spans.push({ from: skipSpace(sql, from), start: open.start, end: open.end });
      open = null;
      from = token.end;
      continue;
    }
    open ??= openStatement(token.start, token.end);
    open.end = token.end;
    step(open, token.kind === "word", text);
  }
  if (open !== null) spans.push({ from: skipSpace(sql, from), start: open.start, end: open.end });
  return spans;
}

function skipSpace(sql: string, from: number): number {
  const space = /[ \t\n\r\f\v]*/y;
  space.lastIndex = from;
  space.test(sql);
  return space.lastIndex;
}
