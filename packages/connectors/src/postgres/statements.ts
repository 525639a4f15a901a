import { scan } from "./scan.ts";

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
    if (text === ";" && (open === null || (open.parens <= 0 && open.atomic === 0))) {
      if (open !== null)
        spans.push({ from: skipSpace(sql, from), start: open.start, end: open.end });
      open = null;
      from = token.end;
      continue;
    }
    open ??= { start: token.start, end: token.end, words: [], previous: "", parens: 0, atomic: 0 };
    open.end = token.end;
    step(open, token.kind === "word", text);
  }
  if (open !== null) spans.push({ from: skipSpace(sql, from), start: open.start, end: open.end });
  return spans;
}

type Open = {
  start: number;
  end: number;
  /** The first four words, enough to tell `create or replace function`. */
  words: string[];
  previous: string;
  parens: number;
  /** How many `end` are due before the body of a routine is over. */
  atomic: number;
};

function step(open: Open, isWord: boolean, text: string): void {
  if (text === "(") open.parens += 1;
  else if (text === ")") open.parens -= 1;
  if (isWord) {
    if (open.words.length < 4) open.words.push(text);
    // A column may be called anything after a dot or `as`.
    if (open.previous !== "." && open.previous !== "as") countBlocks(open, text);
  }
  open.previous = text;
}

function countBlocks(open: Open, word: string): void {
  if (open.atomic === 0) {
    if (word === "atomic" && open.previous === "begin" && createsRoutine(open.words)) {
      open.atomic = 1;
    }
  } else if (word === "case") open.atomic += 1;
  else if (word === "end") open.atomic -= 1;
}

function createsRoutine(words: string[]): boolean {
  const head = words.join(" ");
  return /^create (or replace )?(function|procedure)\b/.test(head);
}

function skipSpace(sql: string, from: number): number {
  const space = /[ \t\n\r\f\v]*/y;
  space.lastIndex = from;
  space.test(sql);
  return space.lastIndex;
}

/** The UTF-16 offset of the code point with this 1-based number, as PostgreSQL counts error positions. */
export function codeUnitOffset(text: string, codePoint: number): number {
  let offset = 0;
  for (let seen = 1; seen < codePoint && offset < text.length; seen += 1) {
    offset += (text.codePointAt(offset) ?? 0) > 0xffff ? 2 : 1;
  }
  return offset;
}
