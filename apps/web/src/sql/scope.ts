import { identifier, type Token } from "./tokens.ts";

/** A table that a statement reads, by the name that its columns may be qualified with. */
export type TableRef = { schema: string | null; table: string; alias: string | null };
export type Cte = { name: string; columns: string[] };

const BEFORE_TABLE = new Set(["from", "join", "update", "into", "using", "table"]);
const NOT_ALIAS = new Set(
  `on using where join inner left right full cross natural group order having limit offset union intersect except
  set values select returning window fetch for tablesample lateral as with when and or default`.split(
    /\s+/,
  ),
);

const isName = (token: Token | undefined): token is Token =>
  token !== undefined && (token.kind === "word" || token.kind === "quoted");

/** The tables after `from`, `join`, `update`, `into`, and in comma lists of `from`, at any depth. */
export function findTables(tokens: Token[]): TableRef[] {
  const refs: TableRef[] = [];
  for (let at = 0; at < tokens.length; at += 1) {
    const token = tokens[at]!;
    if (token.kind !== "word" || !BEFORE_TABLE.has(token.text.toLowerCase())) continue;
    let next = at + 1;
    for (;;) {
      const read = readTable(tokens, next);
      if (read === null) break;
      refs.push(read.ref);
      if (tokens[read.next]?.text !== ",") break;
      next = read.next + 1;
    }
  }
  return refs;
}

function readTable(tokens: Token[], from: number): { ref: TableRef; next: number } | null {
  let at = from;
  if (/^(only|lateral)$/i.test(tokens[at]?.text ?? "")) at += 1;
  const first = tokens[at];
  if (!isName(first) || (first.kind === "word" && /^(select|values|with)$/i.test(first.text)))
    return null;
  let schema: string | null = null;
  let table = identifier(first);
  at += 1;
  if (tokens[at]?.text === "." && isName(tokens[at + 1])) {
    schema = table;
    table = identifier(tokens[at + 1]!);
    at += 2;
  }
  // A call of a function, or a schema whose table is not written yet.
  if (tokens[at]?.text === "(" || tokens[at]?.text === ".") return null;
  if (/^as$/i.test(tokens[at]?.text ?? "")) at += 1;
  const after = tokens[at];
  let alias: string | null = null;
  if (isName(after) && (after.kind === "quoted" || !NOT_ALIAS.has(after.text.toLowerCase()))) {
    alias = identifier(after);
    at += 1;
  }
  return { ref: { schema, table, alias }, next: at };
}

/** The names that `with` gives, and the columns that each one's select list or column list spells out. */
export function findCtes(tokens: Token[]): Cte[] {
  const ctes: Cte[] = [];
  for (let at = 0; at < tokens.length; at += 1) {
    const name = tokens[at];
    const before = tokens[at - 1]?.text.toLowerCase();
    if (!isName(name) || !(before === "with" || before === "recursive" || before === ",")) continue;
    let next = at + 1;
    let columns: string[] = [];
    if (tokens[next]?.text === "(") {
      const close = closing(tokens, next);
      columns = tokens
        .slice(next + 1, close)
        .filter(isName)
        .map(identifier);
      next = close + 1;
    }
    if (tokens[next]?.text.toLowerCase() !== "as") continue;
    next += 1;
    while (/^(not|materialized)$/i.test(tokens[next]?.text ?? "")) next += 1;
    if (tokens[next]?.text !== "(") continue;
    const close = closing(tokens, next);
    if (columns.length === 0) columns = outputColumns(tokens.slice(next + 1, close));
    ctes.push({ name: identifier(name), columns });
    at = next;
  }
  return ctes;
}

function closing(tokens: Token[], open: number): number {
  let depth = 0;
  for (let at = open; at < tokens.length; at += 1) {
    if (tokens[at]!.text === "(") depth += 1;
    if (tokens[at]!.text === ")") depth -= 1;
    if (depth === 0) return at;
  }
  return tokens.length;
}

/** The last name of each item of the first select list: `a.b` gives b, `x as y` gives y, `count(*)` gives count. */
function outputColumns(tokens: Token[]): string[] {
  const start = tokens.findIndex((token) => /^select$/i.test(token.text));
  if (start === -1) return [];
  const names: string[] = [];
  let depth = 0;
  let item: Token[] = [];
  const close = () => {
    const last = item.at(-1);
    const call = item.length > 2 && last?.text === ")" ? item[0] : last;
    if (isName(call)) names.push(identifier(call));
    item = [];
  };
  for (const token of tokens.slice(start + 1)) {
    if (token.text === "(") depth += 1;
    if (token.text === ")") depth -= 1;
    if (
      depth === 0 &&
      token.kind === "word" &&
      /^(from|where|group|union|order|limit)$/i.test(token.text)
    )
      break;
    if (depth === 0 && token.text === ",") close();
    else item.push(token);
  }
  close();
  return names;
}
