/**
 * What a statement reads: the tables, sub-selects and functions after `from`, `join`, `update`, `into`, each with the
 * columns that it gives. Works on half-written text: what cannot be read is passed over.
 */
import { findRelation, type Known, type SchemaColumn, type SchemaIndex } from "./schema-index.ts";
import { identifier, type Token } from "./tokens.ts";

/** `of` is the table's own column where it is one. */
export type Column = {
  name: string;
  type: string | null;
  of: { known: Known; column: SchemaColumn } | null;
};

export type Source = {
  /** What its columns may be qualified with. */
  name: string;
  /** The name was given by the statement. */
  aliased: boolean;
  kind: "table" | "cte" | "subquery" | "function";
  known: Known | null;
  columns: Column[];
  /** Where its name stands among the tokens: the table's, or the opening bracket of a sub-select. */
  at: number;
};

/** What the text around a query has named: `with` queries by name. */
export type Environment = {
  index: SchemaIndex;
  ctes: ReadonlyMap<string, () => Column[]>;
  /** Columns of the query in these tokens: given by the reader of queries, which this one would otherwise import. */
  outputOf: (from: number, to: number, environment: Environment) => Column[];
};

/** Tokens without comments, and for each opening bracket where it closes; `tokens.length` when it does not. */
export type Text = { tokens: readonly Token[]; closing: readonly number[] };

export const isName = (token: Token | undefined): token is Token =>
  token !== undefined && (token.kind === "word" || token.kind === "quoted");
/** A word in lower case, a sign as it is, "" for everything else. */
export const wordAt = (text: Text, at: number): string => {
  const token = text.tokens[at];
  return token?.kind === "word" || token?.kind === "symbol" ? token.text.toLowerCase() : "";
};

/** Words behind a table that are the next clause and no alias. */
export const NOT_ALIAS = new Set(
  `on using where join inner left right full cross natural group order having limit offset union intersect except set
  values select returning window fetch for tablesample lateral as with when and or default from matched then do conflict
  only insert update delete`.split(/\s+/),
);
const QUERY_START = new Set([
  "select",
  "with",
  "values",
  "table",
  "insert",
  "update",
  "delete",
  "merge",
]);

export function readText(tokens: readonly Token[]): Text {
  const closing: number[] = new Array(tokens.length).fill(tokens.length);
  const open: number[] = [];
  tokens.forEach(({ text }, at) => {
    if (text === "(") open.push(at);
    else if (text === ")") {
      const start = open.pop();
      if (start !== undefined) closing[start] = at;
    }
  });
  return { tokens, closing };
}

/** Nobody opens more brackets in a row; a text may be made to hurt. */
const MOST_BRACKETS = 50;

/** Whether the bracket at `open` holds a query. Brackets around it do not count. */
export function holdsQuery(text: Text, open: number): boolean {
  let at = open;
  while (wordAt(text, at) === "(" && at - open < MOST_BRACKETS) at += 1;
  return QUERY_START.has(wordAt(text, at));
}

/** The sources of the token range at its own depth, those in brackets of joins included. */
export function readSources(
  text: Text,
  from: number,
  to: number,
  environment: Environment,
): Source[] {
  const sources: Source[] = [];
  for (let at = from; at < to; at += 1) {
    const word = wordAt(text, at);
    if (word === "(") {
      at = text.closing[at]!;
      continue;
    }
    if (!introduces(text, at, from)) continue;
    let next = at + 1;
    for (;;) {
      const read = readSource(text, next, to, environment);
      if (read === null) break;
      sources.push(...read.sources);
      if (wordAt(text, read.next) !== "," || !/^(from|using)$/.test(word)) {
        at = Math.max(at, read.next - 1);
        break;
      }
      next = read.next + 1;
      at = next - 1;
    }
  }
  return sources;
}

/** `is distinct from` and `on conflict do update` name no table; nor does `using (…)` of a join. */
function introduces(text: Text, at: number, from: number): boolean {
  const word = wordAt(text, at);
  const before = at > from ? wordAt(text, at - 1) : "";
  if (word === "from") return before !== "distinct";
  if (word === "using") return wordAt(text, at + 1) !== "(" || holdsQuery(text, at + 1);
  if (word === "update") return before !== "do" && before !== "for" && before !== "then";
  return word === "join" || word === "into" || (word === "table" && before !== "create");
}

function readSource(
  text: Text,
  from: number,
  to: number,
  environment: Environment,
): { sources: Source[]; next: number } | null {
  let at = from;
  while (/^(only|lateral)$/.test(wordAt(text, at))) at += 1;
  if (at >= to) return null;
  if (wordAt(text, at) === "(") return readBracket(text, at, to, environment);
  const first = text.tokens[at];
  if (!isName(first) || (first.kind === "word" && NOT_ALIAS.has(first.text.toLowerCase())))
    return null;
  const nameAt = at;
  let schema: string | null = null;
  let name = identifier(first);
  at += 1;
  while (wordAt(text, at) === "." && isName(text.tokens[at + 1]) && at + 1 < to) {
    schema = name;
    name = identifier(text.tokens[at + 1]!);
    at += 2;
  }
  // A schema whose table is not written yet.
  if (wordAt(text, at) === ".") return null;
  if (wordAt(text, at) === "(" && !isColumnList(text, nameAt)) {
    const close = text.closing[at]!;
    const named = readAlias(text, close + 1, to);
    const columns = functionColumns(environment.index, name, named.name ?? name);
    return {
      sources: [aliased({ name, kind: "function", known: null, columns, at: nameAt }, named)],
      next: named.next,
    };
  }
  const named = readAlias(text, at, to);
  const cte = schema === null ? environment.ctes.get(name) : undefined;
  const known = cte ? undefined : findRelation(environment.index, schema, name);
  const columns = cte ? cte() : known ? columnsOf(known) : [];
  const kind = cte ? "cte" : "table";
  return {
    sources: [aliased({ name, kind, known: known ?? null, columns, at: nameAt }, named)],
    next: named.next,
  };
}

/** `insert into t (a, b)`: what follows the name is no call. */
function isColumnList(text: Text, nameAt: number): boolean {
  return wordAt(text, nameAt - 1) === "into";
}

function readBracket(
  text: Text,
  open: number,
  to: number,
  environment: Environment,
): { sources: Source[]; next: number } {
  const close = text.closing[open]!;
  const named = readAlias(text, close + 1, to);
  if (holdsQuery(text, open)) {
    const columns = environment.outputOf(open + 1, close, environment);
    const source = { name: "", kind: "subquery" as const, known: null, columns, at: open };
    return { sources: [aliased(source, named)], next: named.next };
  }
  let inner = open;
  while (wordAt(text, inner) === "(" && inner - open < MOST_BRACKETS) inner += 1;
  if (inner - open === MOST_BRACKETS) return { sources: [], next: named.next };
  const first = readSource(text, open + 1, close, environment);
  const others = first ? readSources(text, first.next, close, environment) : [];
  return { sources: [...(first?.sources ?? []), ...others], next: named.next };
}

type Named = { name: string | null; columns: string[]; next: number };

/** `[as] name [(column [type], …)]` */
function readAlias(text: Text, from: number, to: number): Named {
  let at = from;
  const said = wordAt(text, at) === "as";
  if (said) at += 1;
  const token = text.tokens[at];
  const free =
    isName(token) &&
    at < to &&
    (token.kind === "quoted" || !NOT_ALIAS.has(token.text.toLowerCase()));
  if (!free) return { name: null, columns: [], next: said ? at : from };
  at += 1;
  const name = identifier(token);
  if (wordAt(text, at) !== "(") return { name, columns: [], next: at };
  const close = text.closing[at]!;
  return { name, columns: firstNames(text, at + 1, close), next: close + 1 };
}

/** The first name after each comma: of `(a, b)` and of `(a int, b text)`. */
export function firstNames(text: Text, from: number, to: number): string[] {
  const names: string[] = [];
  let expecting = true;
  for (let at = from; at < to; at += 1) {
    const token = text.tokens[at]!;
    if (wordAt(text, at) === "(") at = text.closing[at]!;
    else if (token.text === ",") expecting = true;
    else if (expecting && isName(token)) {
      names.push(identifier(token));
      expecting = false;
    }
  }
  return names;
}

function aliased(source: Omit<Source, "aliased">, named: Named): Source {
  const columns = source.columns.map((column, at) => ({
    ...column,
    name: named.columns[at] ?? column.name,
  }));
  const more = named.columns.slice(columns.length).map((name) => ({ name, type: null, of: null }));
  return {
    ...source,
    name: named.name ?? source.name,
    aliased: named.name !== null,
    columns: [...columns, ...more],
  };
}

export function columnsOf(known: Known): Column[] {
  return known.relation.columns.map((column) => ({
    name: column.name,
    type: column.source_type,
    of: { known, column },
  }));
}

/** `TABLE(a integer, b text)` gives its columns, any other function one that is called as it is. */
function functionColumns(index: SchemaIndex, name: string, called: string): Column[] {
  const result = index.functions.get(name)?.at(-1)?.result ?? "";
  const table = /^TABLE\((.*)\)$/i.exec(result)?.[1];
  if (table === undefined) return [{ name: called, type: null, of: null }];
  return table.split(/,\s*/).map((each) => {
    const [column = "", ...type] = each.trim().split(" ");
    return { name: column.replace(/^"|"$/g, ""), type: type.join(" ") || null, of: null };
  });
}
