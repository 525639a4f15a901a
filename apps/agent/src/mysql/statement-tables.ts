import type { Token } from "./tokens.ts";

const MOST = 200;
/** Behind these comes a table, or several with commas between. */
const BEFORE_TABLES = new Set(["from", "join", "into", "update", "straight_join"]);
/** May stand between `update` or `into` and the table. */
const MODIFIERS = new Set(["low_priority", "ignore", "quick", "delayed", "lateral", "table"]);
const KEYWORDS = new Set(
  "select set where on using values value as join left right inner cross natural group order limit union".split(
    " ",
  ),
);

/**
 * The tables that a query names, as it names them and without backticks; common table expressions are none. `from` of
 * `extract(year from x)` names no table: its parentheses hold no query.
 */
export function tablesIn(tokens: readonly Token[]): string[] {
  const found = new Set<string>();
  const expressions = new Set<string>();
  const queries = [true];
  for (const [index, token] of tokens.entries()) {
    const word = token.kind === "word" ? token.text.toLowerCase() : "";
    if (token.text === "(") queries.push(opensQuery(tokens, index));
    if (token.text === ")" && queries.length > 1) queries.pop();
    if (word === "as" && tokens[index + 1]?.text === "(" && opensQuery(tokens, index + 1)) {
      expressions.add(nameBefore(tokens, index));
    }
    if (!BEFORE_TABLES.has(word) || queries.at(-1) !== true) continue;
    // `on duplicate key update a = 1`, `for update`: no table.
    const before = tokens[index - 1]?.text.toLowerCase();
    if (word === "update" && (before === "key" || before === "for")) continue;
    for (const name of listAt(tokens, index + 1)) found.add(name);
  }
  return [...found].filter((name) => !expressions.has(name)).slice(0, MOST);
}

function opensQuery(tokens: readonly Token[], open: number): boolean {
  let next = open + 1;
  while (tokens[next]?.text === "(") next += 1;
  const word = tokens[next]?.text.toLowerCase() ?? "";
  // Tables that are joined in parentheses belong to the query around them.
  return ["select", "with", "values", "table"].includes(word) || isJoined(tokens, open);
}

function isJoined(tokens: readonly Token[], open: number): boolean {
  return BEFORE_TABLES.has(tokens[open - 1]?.text.toLowerCase() ?? "");
}

/** `with a as (`, `with a (x, y) as (`: the name before the parentheses of its columns. */
function nameBefore(tokens: readonly Token[], index: number): string {
  let at = index - 1;
  if (tokens[at]?.text === ")") {
    while (at > 0 && tokens[at]?.text !== "(") at -= 1;
    at -= 1;
  }
  return plain(tokens[at]);
}

function listAt(tokens: readonly Token[], start: number): string[] {
  const names: string[] = [];
  let at = start;
  const into = tokens[start - 1]?.text.toLowerCase() === "into";
  while (MODIFIERS.has(tokens[at]?.text.toLowerCase() ?? "") || tokens[at]?.text === "(") at += 1;
  while (isName(tokens[at])) {
    const dotted = tokens[at + 1]?.text === "." && isName(tokens[at + 2]);
    const end = at + (dotted ? 3 : 1);
    // A function that gives rows is none of the tables; behind `into` there are columns.
    const called = tokens[end]?.text === "(" && !into;
    if (!called) {
      names.push(dotted ? `${plain(tokens[at])}.${plain(tokens[at + 2])}` : plain(tokens[at]));
    }
    at = called ? closing(tokens, end) + 1 : end;
    if (tokens[at]?.text.toLowerCase() === "as") at += 1;
    if (isName(tokens[at])) at += 1;
    if (tokens[at]?.text !== ",") break;
    at += 1;
  }
  return names;
}

/** The place of the parenthesis that closes the one at `open`. */
function closing(tokens: readonly Token[], open: number): number {
  let depth = 0;
  for (let at = open; at < tokens.length; at += 1) {
    if (tokens[at]?.text === "(") depth += 1;
    if (tokens[at]?.text === ")") depth -= 1;
    if (depth === 0) return at;
  }
  return tokens.length;
}

function isName(token: Token | undefined): boolean {
  if (token?.kind === "name") return true;
  return token?.kind === "word" && !KEYWORDS.has(token.text.toLowerCase());
}

function plain(token: Token | undefined): string {
  if (token === undefined) return "";
  return token.kind === "name"
    ? token.text.slice(1, -1).replaceAll("``", "`").slice(0, 256)
    : token.text.slice(0, 256);
}
