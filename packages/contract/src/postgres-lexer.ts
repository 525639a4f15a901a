/**
 * Reads PostgreSQL's tokens as far as splitting a text and finding parameters need: what is inside quotes, dollar quotes
 * and comments is skipped by the rules of the server's own scanner (standard_conforming_strings on). Each position is
 * visited once, so hostile input costs linear time.
 */
export type Token = { kind: "word" | "symbol" | "parameter" | "other"; start: number; end: number };

const IDENTIFIER_START = /[A-Za-z_\u0080-\uffff]/;
const WORD = /[A-Za-z_\u0080-\uffff][A-Za-z0-9_$\u0080-\uffff]*/y;
const NUMBER =
  /(?:0[xX][0-9a-fA-F_]+|0[oO][0-7_]+|0[bB][01_]+|(?:[0-9][0-9_]*(?:\.(?!\.)[0-9_]*)?|\.[0-9][0-9_]*)(?:[eE][+-]?[0-9][0-9_]*)?)/y;
const DOLLAR_TAG = /\$(?:[A-Za-z_\u0080-\uffff][A-Za-z0-9_\u0080-\uffff]*)?\$/y;
const PARAMETER = /\$[0-9]+/y;
const SPACE = /[ \t\n\r\f\v]+/y;
const LINE_COMMENT = /--[^\n\r]*/y;
/** White space with a line break, after which a quoted string goes on. */
const CONTINUATION =
  /(?:[ \t\f\v]|--[^\n\r]*(?=[\n\r]))*[\n\r](?:[ \t\n\r\f\v]|--[^\n\r]*[\n\r])*'/y;

/** The tokens of the text, white space and comments left out. An unterminated one ends with the text. */
export function* scan(sql: string): Generator<Token> {
  let position = 0;
  while (position < sql.length) {
    const skipped = blankEnd(sql, position);
    if (skipped > position) {
      position = skipped;
      continue;
    }
    const token = tokenAt(sql, position);
    yield token;
    position = token.end;
  }
}

/** Where the white space or the comment at this position ends; the position itself when there is none. */
export function blankEnd(sql: string, position: number): number {
  if (sql.startsWith("/*", position)) return blockCommentEnd(sql, position);
  if (sql.startsWith("--", position)) return matchEnd(LINE_COMMENT, sql, position);
  return matchEnd(SPACE, sql, position);
}

/** The token that begins at this position, which is none of white space or a comment. */
export function tokenAt(sql: string, start: number): Token {
  const char = sql.charAt(start);
  const next = sql.charAt(start + 1);
  if (char === "'") return { kind: "other", start, end: stringEnd(sql, start, false) };
  if (char === '"') return { kind: "other", start, end: quotedEnd(sql, start, '"', false) };
  if (next === "'" && /[eE]/.test(char)) {
    return { kind: "other", start, end: stringEnd(sql, start + 1, true) };
  }
  if (next === "'" && /[bBxXnN]/.test(char)) {
    return { kind: "other", start, end: stringEnd(sql, start + 1, false) };
  }
  if (/[uU]/.test(char) && next === "&" && /['"]/.test(sql.charAt(start + 2))) {
    const quote = sql.charAt(start + 2);
    const end =
      quote === '"' ? quotedEnd(sql, start + 2, '"', false) : stringEnd(sql, start + 2, false);
    return { kind: "other", start, end };
  }
  if (char === "$") {
    const kind = /[0-9]/.test(next) ? "parameter" : "other";
    return { kind, start, end: dollarEnd(sql, start) };
  }
  if (IDENTIFIER_START.test(char)) return { kind: "word", start, end: matchEnd(WORD, sql, start) };
  const number = matchEnd(NUMBER, sql, start);
  if (number > start) return { kind: "other", start, end: number };
  return { kind: "symbol", start, end: start + 1 };
}

/** End of a string whose opening quote is at `start`, with its continuations on later lines. */
function stringEnd(sql: string, start: number, backslashes: boolean): number {
  let end = quotedEnd(sql, start, "'", backslashes);
  for (;;) {
    const reopened = matchEnd(CONTINUATION, sql, end);
    if (reopened === end) return end;
    end = quotedEnd(sql, reopened - 1, "'", backslashes);
  }
}

function quotedEnd(sql: string, start: number, quote: string, backslashes: boolean): number {
  const end = closingQuote(sql, start + 1, quote, backslashes);
  return end === -1 ? sql.length : end;
}

/**
 * Where what is in quotes ends, behind its closing quote: -1 when the text does not close it. `from` is inside; a doubled
 * quote does not close, nor one behind a backslash where those escape.
 */
export function closingQuote(
  sql: string,
  from: number,
  quote: string,
  backslashes: boolean,
): number {
  if (backslashes) return closingQuoteWithEscapes(sql, from, quote.charCodeAt(0));
  let position = sql.indexOf(quote, from);
  while (position !== -1 && sql.charAt(position + 1) === quote) {
    position = sql.indexOf(quote, position + 2);
  }
  return position === -1 ? -1 : position + 1;
}

function closingQuoteWithEscapes(sql: string, from: number, quote: number): number {
  const backslash = 0x5c;
  let position = from;
  while (position < sql.length) {
    const code = sql.charCodeAt(position);
    if (code === backslash) position += 2;
    else if (code !== quote) position += 1;
    else if (sql.charCodeAt(position + 1) === quote) position += 2;
    else return position + 1;
  }
  return -1;
}

function dollarEnd(sql: string, start: number): number {
  const bodyStart = dollarTagEnd(sql, start);
  if (bodyStart === start) return Math.max(matchEnd(PARAMETER, sql, start), start + 1);
  const tag = sql.slice(start, bodyStart);
  const close = sql.indexOf(tag, bodyStart);
  return close === -1 ? sql.length : close + tag.length;
}

/** Where the `$tag$` at this position ends; the position itself when there is none. */
export function dollarTagEnd(sql: string, start: number): number {
  return matchEnd(DOLLAR_TAG, sql, start);
}

function blockCommentEnd(sql: string, start: number): number {
  const { end, depth } = closingComment(sql, start + 2, 1);
  return depth === 0 ? end : sql.length;
}

/** Goes on in a nested comment: where it ends, and how many are open still when the text does not close it. */
export function closingComment(
  sql: string,
  from: number,
  depth: number,
): { end: number; depth: number } {
  const delimiter = /\/\*|\*\//g;
  delimiter.lastIndex = from;
  let open = depth;
  for (let match = delimiter.exec(sql); match; match = delimiter.exec(sql)) {
    open += match[0] === "/*" ? 1 : -1;
    if (open === 0) return { end: match.index + 2, depth: 0 };
  }
  return { end: sql.length, depth: open };
}

/** Where the -- comment at this position ends: before its line break. */
export function lineCommentEnd(sql: string, start: number): number {
  return matchEnd(LINE_COMMENT, sql, start);
}

function matchEnd(pattern: RegExp, sql: string, start: number): number {
  pattern.lastIndex = start;
  return pattern.test(sql) ? pattern.lastIndex : start;
}
