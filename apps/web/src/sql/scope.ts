/**
 * What may be named at a place of a statement: the sources of the query around it, those of the queries around that one,
 * and the `with` queries before it.
 */
import type { SchemaIndex } from "./schema-index.ts";
import {
  type Column,
  type Environment,
  firstNames,
  holdsQuery,
  isName,
  readSources,
  type Source,
  type Text,
  wordAt,
} from "./sources.ts";
import { identifier } from "./tokens.ts";

export type Scope = {
  /** Of the query that the place is in, in their order. */
  sources: Source[];
  /** Of the queries around it, the nearest first. */
  outer: Source[];
  ctes: { name: string; columns: () => Column[] }[];
  /** The names of the query's own result, which `order by` and `group by` may use. */
  output: Column[];
  /** Where the query begins and ends among the tokens. */
  from: number;
  to: number;
};

/** Deeper than anybody nests queries; a text may be made to hurt. */
const MOST_DEPTH = 30;
/** PostgreSQL has no wider results. */
const MOST_COLUMNS = 1664;
const SET_OPERATION = /^(union|intersect|except)$/;

/** The scope at `place`: the number of tokens before it. */
export function scopeAt(text: Text, place: number, index: SchemaIndex): Scope {
  const environment: Environment = { index, ctes: new Map(), outputOf: outputReader(text, 0) };
  return readScope(text, 0, text.tokens.length, place, environment, []);
}

function readScope(
  text: Text,
  from: number,
  to: number,
  place: number,
  around: Environment,
  outer: Source[],
  depth = 0,
): Scope {
  const { environment, body, inside } = readWith(text, from, to, place, around);
  // In the body of a `with` query: nothing of the main query is known there.
  if (inside && depth < MOST_DEPTH)
    return readScope(text, inside.from, inside.to, place, environment, outer, depth + 1);
  const branch = branches(text, body, to).find(({ end }) => place <= end) ?? {
    start: body,
    end: to,
  };
  const sources = readSources(text, branch.start, branch.end, environment);
  const open = innermostQuery(text, branch.start, branch.end, place);
  if (open !== null && depth < MOST_DEPTH) {
    // A sub-select in `from` sees the sources before it only when it is lateral; people write that word last.
    const seen = [...sources.filter((each) => each.at !== open), ...outer];
    return readScope(text, open + 1, text.closing[open]!, place, environment, seen, depth + 1);
  }
  const ctes = [...environment.ctes].map(([name, columns]) => ({ name, columns }));
  const output = outputColumns(text, branch.start, branch.end, environment, sources);
  return { sources, outer, ctes, output, from: branch.start, to: branch.end };
}

/** The bracket around `place` that holds a query: the outermost of those within the range, whose own are read next. */
function innermostQuery(text: Text, from: number, to: number, place: number): number | null {
  for (let at = from; at < Math.min(to, place); at += 1) {
    if (wordAt(text, at) !== "(") continue;
    const close = text.closing[at]!;
    if (place > close) at = close;
    else if (holdsQuery(text, at)) return at;
  }
  return null;
}

/** The parts of a query between `union`, `intersect` and `except`. */
function branches(text: Text, from: number, to: number): { start: number; end: number }[] {
  const found: { start: number; end: number }[] = [];
  let start = from;
  for (let at = from; at < to; at += 1) {
    const word = wordAt(text, at);
    if (word === "(") at = Math.min(text.closing[at]!, to);
    else if (SET_OPERATION.test(word)) {
      found.push({ start, end: at });
      start = at + 1;
      while (/^(all|distinct)$/.test(wordAt(text, start))) start += 1;
    }
  }
  return [...found, { start, end: to }];
}

/** Reads `with a as (…), b(x) as (…)`; `inside` is the body that `place` is in, whose environment holds those before it. */
function readWith(
  text: Text,
  from: number,
  to: number,
  place: number,
  around: Environment,
): { environment: Environment; body: number; inside: { from: number; to: number } | null } {
  if (wordAt(text, from) !== "with") return { environment: around, body: from, inside: null };
  let at = from + 1;
  const recursive = wordAt(text, at) === "recursive";
  if (recursive) at += 1;
  const ctes = new Map(around.ctes);
  for (; at < to; ) {
    const token = text.tokens[at];
    if (!isName(token)) break;
    const name = identifier(token);
    let next = at + 1;
    let given: string[] = [];
    if (wordAt(text, next) === "(") {
      given = firstNames(text, next + 1, text.closing[next]!);
      next = text.closing[next]! + 1;
    }
    if (wordAt(text, next) !== "as") break;
    next += 1;
    while (/^(not|materialized)$/.test(wordAt(text, next))) next += 1;
    if (wordAt(text, next) !== "(") break;
    const open = next;
    const close = text.closing[open]!;
    const before: Environment = { ...around, ctes: new Map(ctes) };
    const columns = once(() => renamed(around.outputOf(open + 1, close, before), given));
    if (place > open && place <= close) {
      if (recursive) ctes.set(name, columns);
      return { environment: { ...around, ctes }, body: to, inside: { from: open + 1, to: close } };
    }
    ctes.set(name, columns);
    at = close + 1;
    if (wordAt(text, at) === ",") at += 1;
    else break;
  }
  return { environment: { ...around, ctes }, body: Math.min(at, to), inside: null };
}

/** Reads the columns that a query gives; deep down they are unknown. */
function outputReader(text: Text, depth: number): Environment["outputOf"] {
  return (from, to, given) => {
    if (depth > MOST_DEPTH) return [];
    const around = { ...given, outputOf: outputReader(text, depth + 1) };
    let start = from;
    while (wordAt(text, start) === "(" && holdsQuery(text, start)) start += 1;
    const { environment, body } = readWith(text, start, to, -1, around);
    const first = branches(text, body, to)[0]!;
    const sources = readSources(text, first.start, first.end, environment);
    return outputColumns(text, first.start, first.end, environment, sources);
  };
}

const LIST_END =
  /^(from|where|group|having|window|order|limit|offset|fetch|for|into|union|intersect|except)$/;

/** The columns of the select list, or of `returning`, or of the first row of `values`. */
function outputColumns(
  text: Text,
  from: number,
  to: number,
  environment: Environment,
  sources: Source[],
): Column[] {
  let start = from;
  const verb = wordAt(text, from);
  if (verb === "table") return sources[0]?.columns ?? [];
  if (verb === "values") {
    const open = from + 1;
    if (wordAt(text, open) !== "(") return [];
    const items = splitItems(text, open + 1, Math.min(text.closing[open]!, to));
    return items.map((_, at) => ({ name: `column${at + 1}`, type: null, of: null }));
  }
  const opener = verb === "select" ? "select" : "returning";
  while (start < to && wordAt(text, start) !== opener) {
    start = wordAt(text, start) === "(" ? text.closing[start]! + 1 : start + 1;
  }
  if (start >= to) return [];
  start += 1;
  if (/^(all|distinct)$/.test(wordAt(text, start))) start += 1;
  if (wordAt(text, start) === "on" && wordAt(text, start + 1) === "(")
    start = text.closing[start + 1]! + 1;
  let end = start;
  while (end < to && !LIST_END.test(wordAt(text, end)))
    end = wordAt(text, end) === "(" ? text.closing[end]! + 1 : end + 1;
  const items = splitItems(text, start, Math.min(end, to));
  const columns = items.flatMap((item) =>
    columnsOfItem(text, item.start, item.end, sources, environment),
  );
  return columns.slice(0, MOST_COLUMNS);
}

/** Words that a value comes after: what follows them is no name of the column. */
const NEEDS_VALUE =
  /^(and|or|not|is|in|like|ilike|between|from|then|else|when|case|collate|zone|all|any|distinct|to)$/;

function splitItems(text: Text, from: number, to: number): { start: number; end: number }[] {
  const items: { start: number; end: number }[] = [];
  let start = from;
  for (let at = from; at < to; at += 1) {
    const word = wordAt(text, at);
    if (word === "(") at = Math.min(text.closing[at]!, to);
    else if (word === ",") {
      items.push({ start, end: at });
      start = at + 1;
    }
  }
  return [...items, { start, end: to }].filter((item) => item.end > item.start);
}

function columnsOfItem(
  text: Text,
  start: number,
  end: number,
  sources: Source[],
  environment: Environment,
): Column[] {
  const last = text.tokens[end - 1]!;
  if (last.text === "*" && end - start === 1) return sources.flatMap((each) => each.columns);
  if (last.text === "*" && wordAt(text, end - 2) === ".") {
    const qualifier = text.tokens[end - 3];
    if (!isName(qualifier)) return [];
    return sources.find((each) => each.name === identifier(qualifier))?.columns ?? [];
  }
  const before = text.tokens[end - 2];
  const endsValue =
    before !== undefined &&
    (before.text === ")" || (before.kind !== "symbol" && !NEEDS_VALUE.test(wordAt(text, end - 2))));
  const said = wordAt(text, end - 2) === "as";
  const named =
    isName(last) && end - start > 1 && (said || endsValue) && wordAt(text, end - 1) !== "end";
  const bodyEnd = named ? end - (said ? 2 : 1) : end;
  const value = valueColumn(text, start, bodyEnd, sources, environment);
  if (named) return [{ ...(value ?? { type: null, of: null }), name: identifier(last) }];
  return value ? [value] : [];
}

/** What an expression is called when it has no name: `a.b` b, `f(x)` f, `x::date` x. Null when PostgreSQL has no name either. */
function valueColumn(
  text: Text,
  start: number,
  end: number,
  sources: Source[],
  environment: Environment,
): Column | null {
  let at = start;
  const first = text.tokens[at];
  if (wordAt(text, at) === "case") return { name: "case", type: null, of: null };
  if (!isName(first)) return null;
  const names = [identifier(first)];
  while (wordAt(text, at + 1) === "." && isName(text.tokens[at + 2]) && at + 2 < end) {
    at += 2;
    names.push(identifier(text.tokens[at]!));
  }
  const name = names.at(-1)!;
  const rest = at + 1;
  if (rest >= end) {
    const from = sources.filter((each) => names.length === 1 || each.name === names.at(-2));
    const found = from.flatMap((each) => each.columns).find((each) => each.name === name);
    return found ?? { name, type: null, of: null };
  }
  if (wordAt(text, rest) === "(") {
    const over = text.closing[rest]! + 1;
    if (over < end && !/^(over|filter|within|::)$/.test(wordAt(text, over))) return null;
    return { name, type: environment.index.functions.get(name)?.[0]?.result ?? null, of: null };
  }
  if (wordAt(text, rest) !== "::") return null;
  const type = text.tokens.slice(rest + 1, end).map((token) => token.text);
  return { name, type: type.join(" ").replace(/ ?([(),]) ?/g, "$1"), of: null };
}

function renamed(columns: Column[], names: string[]): Column[] {
  if (names.length === 0) return columns;
  return names.map((name, at) => ({ ...(columns[at] ?? { type: null, of: null }), name }));
}

function once<T>(read: () => T): () => T {
  let known: { value: T } | null = null;
  return () => {
    known ??= { value: read() };
    return known.value;
  };
}
