/**
 * Follows the tokens of one PostgreSQL statement: how deep in parentheses it is, and whether inside the body of
 * `create function … begin atomic … end`, where semicolons do not end it and `$1` is an argument of the routine.
 */
export type Open = {
  start: number;
  end: number;
  /** The first four words, enough to tell `create or replace function`. */
  words: string[];
  previous: string;
  parens: number;
  /** How many `end` are due before the body of a routine is over. */
  atomic: number;
};

export function openStatement(start: number, end: number): Open {
  return { start, end, words: [], previous: "", parens: 0, atomic: 0 };
}

/** Whether a semicolon here ends the statement. */
export function isOutermost(open: Open): boolean {
  return open.parens <= 0 && open.atomic === 0;
}

/** Goes on by one token: its text in lower case, or "" when it is neither a word nor a sign. */
export function step(open: Open, isWord: boolean, text: string): void {
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

/** The UTF-16 offset of the code point with this 1-based number, as PostgreSQL counts error positions. */
export function codeUnitOffset(text: string, codePoint: number): number {
  let offset = 0;
  for (let seen = 1; seen < codePoint && offset < text.length; seen += 1) {
    offset += (text.codePointAt(offset) ?? 0) > 0xffff ? 2 : 1;
  }
  return offset;
}
