import { blankEnd, tokenAt } from "@quern/contract/postgres-lexer";

type TokenKind = "word" | "quoted" | "string" | "number" | "comment" | "symbol";

/** A piece of SQL: `start` and `end` are offsets in UTF-16 code units. */
export type Token = { kind: TokenKind; start: number; end: number; text: string; open: boolean };

/**
 * Cuts PostgreSQL text into tokens, by the lexer that the server side splits and sends it by; blanks are left out. It never
 * fails: what is not closed yet runs to the end and is `open`, as it is while somebody types.
 */
export function tokenize(sql: string): Token[] {
  const tokens: Token[] = [];
  for (let start = 0; start < sql.length; ) {
    const isComment = sql.startsWith("--", start) || sql.startsWith("/*", start);
    const blank = blankEnd(sql, start);
    const end = blank > start ? blank : tokenEnd(sql, start);
    if (isComment || blank === start) {
      const text = sql.slice(start, end);
      const kind = isComment ? "comment" : kindOf(text);
      tokens.push({ kind, start, end, text, open: end === sql.length && isOpen(text, kind) });
    }
    start = end;
  }
  return tokens;
}

function tokenEnd(sql: string, start: number): number {
  return sql.startsWith("::", start) ? start + 2 : tokenAt(sql, start).end;
}

function kindOf(text: string): TokenKind {
  if (/^(?:"|[uU]&")/.test(text)) return "quoted";
  if (/^(?:'|[eEbBxXnN]'|[uU]&'|\$(?![0-9]|$))/.test(text)) return "string";
  if (/^(?:\.?[0-9]|\$[0-9])/.test(text)) return "number";
  return /^[A-Za-z_\u0080-\uffff]/.test(text) ? "word" : "symbol";
}

/** Whether more text behind it would belong to it. A line comment that nothing follows is still being written. */
function isOpen(text: string, kind: TokenKind): boolean {
  const more = `${text} `;
  if (kind === "comment") return blankEnd(more, 0) === more.length;
  if (kind !== "string" && kind !== "quoted") return false;
  return tokenAt(more, 0).end === more.length;
}

/** The name that a word or quoted token stands for: unquoted words fold to lower case. */
export function identifier(token: Token): string {
  if (token.kind !== "quoted") return token.text.toLowerCase();
  const quoted = token.text.replace(/^[uU]&/, "");
  return quoted.slice(1, token.open ? undefined : -1).replaceAll('""', '"');
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
