type TokenKind = "word" | "quoted" | "string" | "number" | "comment" | "symbol";

/** A piece of SQL: `start` and `end` are offsets in UTF-16 code units. */
export type Token = { kind: TokenKind; start: number; end: number; text: string; open: boolean };

const SPACE = /\s/;
const WORD_START = /[A-Za-z_\u0080-\uffff]/;
const WORD = /[A-Za-z0-9_$\u0080-\uffff]/;

/**
 * Cuts PostgreSQL text into tokens; blanks are left out. It never fails: what is not closed yet runs to the end
 * and is `open`, as it is while somebody types.
 */
export function tokenize(sql: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  while (at < sql.length) {
    if (SPACE.test(sql[at]!)) {
      at += 1;
      continue;
    }
    const { kind, end, open } = readToken(sql, at);
    tokens.push({ kind, start: at, end, text: sql.slice(at, end), open });
    at = end;
  }
  return tokens;
}

type Piece = { kind: TokenKind; end: number; open: boolean };

function readToken(sql: string, at: number): Piece {
  const char = sql[at]!;
  const next = sql[at + 1];
  if (char === "-" && next === "-") return until(sql, "\n", at + 2, "comment", true);
  if (char === "/" && next === "*") return readBlockComment(sql, at);
  if (char === "'") return readQuoted(sql, at + 1, "'", "string", false);
  if (char === '"') return readQuoted(sql, at + 1, '"', "quoted", false);
  if (/[eE]/.test(char) && next === "'") return readQuoted(sql, at + 2, "'", "string", true);
  if (/[bBxXnN]/.test(char) && next === "'") return readQuoted(sql, at + 2, "'", "string", false);
  if (char === "$") {
    const tag = /^\$(?:[A-Za-z_\u0080-\uffff][A-Za-z0-9_\u0080-\uffff]*)?\$/.exec(
      sql.slice(at, at + 70),
    );
    if (tag) return until(sql, tag[0], at + tag[0].length, "string", false);
  }
  if (WORD_START.test(char)) return { kind: "word", end: span(sql, at + 1, WORD), open: false };
  if (/[0-9]/.test(char))
    return { kind: "number", end: span(sql, at + 1, /[0-9A-Za-z_.]/), open: false };
  if (sql.startsWith("::", at)) return { kind: "symbol", end: at + 2, open: false };
  return { kind: "symbol", end: at + 1, open: false };
}

function span(sql: string, from: number, pattern: RegExp): number {
  let end = from;
  while (end < sql.length && pattern.test(sql[end]!)) end += 1;
  return end;
}

function until(sql: string, mark: string, from: number, kind: TokenKind, lineEnd: boolean): Piece {
  const found = sql.indexOf(mark, from);
  // A line comment that nothing follows is still being written: the cursor behind it is inside.
  if (found === -1) return { kind, end: sql.length, open: true };
  return { kind, end: lineEnd ? found : found + mark.length, open: false };
}

function readQuoted(
  sql: string,
  from: number,
  quote: string,
  kind: TokenKind,
  escapes: boolean,
): Piece {
  let at = from;
  while (at < sql.length) {
    if (escapes && sql[at] === "\\") at += 2;
    else if (sql[at] !== quote) at += 1;
    else if (sql[at + 1] === quote) at += 2;
    else return { kind, end: at + 1, open: false };
  }
  return { kind, end: sql.length, open: true };
}

/** PostgreSQL's block comments nest. */
function readBlockComment(sql: string, from: number): Piece {
  let depth = 1;
  let at = from + 2;
  while (at < sql.length) {
    if (sql.startsWith("/*", at)) depth += 1;
    else if (sql.startsWith("*/", at)) depth -= 1;
    else {
      at += 1;
      continue;
    }
    at += 2;
    if (depth === 0) return { kind: "comment", end: at, open: false };
  }
  return { kind: "comment", end: sql.length, open: true };
}

/** The name that a word or quoted token stands for: unquoted words fold to lower case. */
export function identifier(token: Token): string {
  if (token.kind !== "quoted") return token.text.toLowerCase();
  return token.text.slice(1, token.open ? undefined : -1).replaceAll('""', '"');
}

/** `name` as it has to be written in SQL. */
export function quoteIdentifier(name: string): string {
  if (/^[a-z_][a-z0-9_$]*$/.test(name) && !RESERVED.has(name)) return name;
  return `"${name.replaceAll('"', '""')}"`;
}

/** Words that PostgreSQL 18 reserves: as a name of a column or table they need quotes. */
const RESERVED = new Set(
  `all analyse analyze and any array as asc asymmetric authorization binary both case cast check collate collation
  column concurrently constraint create cross current_catalog current_date current_role current_schema current_time
  current_timestamp current_user default deferrable desc distinct do else end except false fetch for foreign freeze
  from full grant group having ilike in initially inner intersect into is isnull join lateral leading left like limit
  localtime localtimestamp natural not notnull null offset on only or order outer overlaps placing primary references
  returning right select session_user similar some symmetric system_user table tablesample then to trailing true union
  unique user using variadic verbose when where window with`.split(/\s+/),
);
