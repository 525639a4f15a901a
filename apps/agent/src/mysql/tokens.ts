/**
 * SQL of MySQL and MariaDB, taken apart far enough to tell literals and comments from names. Where the server's own
 * reading hangs on a setting of somebody's session that cannot be seen from here, the text is unclear.
 */

/** `blank` is white space and comments; `name` a name in backticks; `word` a keyword or a name without them. */
export type Token = { kind: "blank" | "literal" | "name" | "word" | "sign"; text: string };

/** Whether a backslash takes the meaning of a quote away, in '…' and in "…": sql_mode of the session says so. */
type Escapes = { single: boolean; double: boolean };

/** The default, ANSI_QUOTES, and NO_BACKSLASH_ESCAPES. */
const READINGS: Escapes[] = [
  { single: true, double: true },
  { single: true, double: false },
  { single: false, double: false },
];

const WORD = /[\w$\u0080-\uffff]+/y;
const NUMBER = /(?:0[xb][\w$]*|\.?\d[\w$.\u0080-\uffff]*)/iy;
const SPACE = /[ \t\n\v\f\r]+/y;
/** Two dashes begin a comment only before white space. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: the server takes them for white space there
const LINE_COMMENT = /(?:#|--(?=[\s\u0000-\u001f]|$))[^\n]*/y;
/** Of MySQL 9: `$$ … $$`, `$tag$ … $tag$`. */
const DOLLAR_QUOTE = /^\$[^$]*\$/;
/** In a comment that the server may run, these would be its to read. */
const AMBIGUOUS = /['"`#$]|--|\/\*/;

/** The tokens of `text`, to its end; null where the server may read it in a way that cannot be told. */
export function tokensOf(text: string): Token[] | null {
  const [first, ...others] = text.includes("\\") ? READINGS : READINGS.slice(0, 1);
  const tokens = first === undefined ? null : read(text, first);
  const key = JSON.stringify(tokens);
  return others.every((escapes) => JSON.stringify(read(text, escapes)) === key) ? tokens : null;
}

function read(text: string, escapes: Escapes): Token[] | null {
  const tokens: Token[] = [];
  let position = 0;
  while (position < text.length) {
    const token = tokenAt(text, position, escapes, tokens.at(-1));
    if (token === null) return null;
    tokens.push(token);
    position += token.text.length;
  }
  return tokens;
}

function tokenAt(
  text: string,
  at: number,
  escapes: Escapes,
  before: Token | undefined,
): Token | null {
  const sign = text.charAt(at);
  const blank = match(SPACE, text, at) ?? match(LINE_COMMENT, text, at);
  if (blank !== null) return { kind: "blank", text: blank };
  if (text.startsWith("/*", at)) return comment(text, at);
  if (sign === "'") return quoted(text, at, escapes.single);
  if (sign === '"') return quoted(text, at, escapes.double);
  if (sign === "`") {
    const token = quoted(text, at, false);
    const closed = token.text.length > 1 && token.text.endsWith("`");
    return closed ? { ...token, kind: "name" } : token;
  }
  const number = match(NUMBER, text, at);
  // `t.1st`: behind a dot there is a name, which may begin with a digit, and before it there may be one.
  const qualified =
    before?.text === "." || (sign === "." && (before?.kind === "name" || before?.kind === "word"));
  if (number !== null && !qualified) return { kind: "literal", text: number };
  const word = match(WORD, text, at);
  if (word === null) return { kind: "sign", text: sign };
  return DOLLAR_QUOTE.test(word) ? null : { kind: "word", text: word };
}

function match(pattern: RegExp, text: string, at: number): string | null {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0] ?? null;
}

/** `/*!50001 …` is run by servers of that version and later, and `/*+ …` read: their quotes count or do not. */
function comment(text: string, at: number): Token | null {
  const end = text.indexOf("*/", at + 2);
  const whole = text.slice(at, end === -1 ? text.length : end + 2);
  const runs = /^\/\*(?:M?!|\+)/.test(whole);
  if (runs && (end === -1 || AMBIGUOUS.test(whole.slice(3)))) return null;
  return { kind: "blank", text: whole };
}

/** From the quote at `at` to its end, a doubled one being none; to the end of the text where there is no end. */
function quoted(text: string, at: number, backslash: boolean): Token {
  const quote = text.charAt(at);
  let end = at + 1;
  while (end < text.length) {
    const sign = text.charAt(end);
    if (sign === "\\" && backslash) end += 1;
    else if (sign === quote) {
      if (text.charAt(end + 1) !== quote) return { kind: "literal", text: text.slice(at, end + 1) };
      end += 1;
    }
    end += 1;
  }
  return { kind: "literal", text: text.slice(at) };
}
