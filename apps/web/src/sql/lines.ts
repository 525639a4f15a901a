import { tokenSpanAt } from "./statements.ts";

export type Place = { line: number; column: number; before: string; at: string; after: string };

const AROUND = 80;

/** The line of `sql` that `offset` is in, cut around the word there. Lines and columns count from 1. */
export function lineAt(sql: string, offset: number): Place {
  const at = Math.max(0, Math.min(offset, sql.length));
  const start = sql.lastIndexOf("\n", at - 1) + 1;
  const found = sql.indexOf("\n", at);
  const end = found === -1 ? sql.length : found;
  const span = tokenSpanAt(sql, at);
  const spanEnd = Math.min(span.end, end);
  const before = sql.slice(start, span.start);
  const after = sql.slice(spanEnd, end);
  return {
    line: sql.slice(0, start).split("\n").length,
    column: at - start + 1,
    before: before.length > AROUND ? `…${before.slice(-AROUND)}` : before,
    at: sql.slice(span.start, spanEnd),
    after: after.length > AROUND ? `${after.slice(0, AROUND)}…` : after,
  };
}
