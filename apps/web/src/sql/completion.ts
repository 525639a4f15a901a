import {
  type Completion,
  columnChoice,
  cteChoices,
  functionChoice,
  keywordChoices,
  relationChoice,
  relationChoices,
  type SnippetChoice,
  schemaChoices,
  snippetChoices,
  sourceChoice,
  typeChoices,
} from "./candidates.ts";
import { joinConditions } from "./joins.ts";
import {
  DEFINITION_WORDS,
  STATEMENT_WORDS,
  TYPES,
  wordsAfterTable,
  wordsAfterValue,
  wordsOfValue,
} from "./keyword-places.ts";
import { parameterPlace } from "./parameter-place.ts";
import { type Place, placeAfter } from "./place.ts";
import { rankNames } from "./ranking.ts";
import { findRelation, type SchemaIndex } from "./schema-index.ts";
import { type Scope, scopeAt } from "./scope.ts";
import { columnsOf, readText, type Source } from "./sources.ts";
import { splitStatements } from "./statements.ts";
import { type Token, tokenize } from "./tokens.ts";

/**
 * What may be written, best first; it takes the place of the text from `start` to `end`. `whole`: it is all that there is for
 * this place, what does not fit the letters included, so that the list stays right for the next letters.
 */
export type Completions = { items: Completion[]; start: number; end: number; whole: boolean };

export type CompletionRequest = {
  sql: string;
  offset: number;
  index: SchemaIndex;
  snippets?: readonly SnippetChoice[];
  /** A blank was typed: only what surely is wanted is offered, so that lists do not get in the way of writing. */
  afterBlank?: boolean;
};

const MOST_ITEMS = 200;
/** Places whose lists do not depend on what was typed so far. */
const WHOLE_LISTS = new Set<Place["kind"]>(["member", "target_columns", "shared_columns", "type"]);
/** From so many letters on, columns of tables that the statement does not name yet are offered, too. */
const LETTERS_FOR_ALL_COLUMNS = 2;
const MOST_FAR_COLUMNS = 50;

/** What may be written at `offset`, best first. Nothing inside strings, comments and `{{ }}`. */
export function complete(request: CompletionRequest): Completions {
  const { sql, offset } = request;
  const nothing = { items: [], start: offset, end: offset, whole: false };
  if (parameterPlace(sql, offset) !== null) return nothing;
  const read = readPlace(sql, offset);
  if (read === null) return nothing;
  const { typed, start, end, tokens, before } = read;
  const place = placeAfter(tokens.slice(0, before));
  const quick = request.afterBlank === true;
  if (quick && place.kind !== "join_condition" && place.kind !== "shared_columns") return nothing;
  const scope = scopeAt(readText(tokens), before, request.index);
  const candidates = candidatesAt(place, { ...scope, place: before }, request, typed);
  const items = rankNames(candidates, typed, MOST_ITEMS);
  const whole = WHOLE_LISTS.has(place.kind) && candidates.length <= MOST_ITEMS;
  if (!whole) return { items, start, end, whole };
  const fitting = new Set(items);
  const rest = candidates.filter((each) => !fitting.has(each));
  return { items: [...items, ...rest], start, end, whole };
}

/** The statement around the offset, without the word that is being typed, which is no name yet. */
function readPlace(sql: string, offset: number) {
  const statement = splitStatements(sql).find(
    (span) => offset >= span.start && offset <= span.end + 1,
  );
  const behind =
    statement !== undefined && offset > statement.end && sql.charAt(statement.end) === ";";
  const from = statement === undefined || behind ? offset : statement.start;
  const to = statement === undefined || behind ? offset : Math.max(statement.end, offset);
  const all = tokenize(sql.slice(from, to));
  const at = offset - from;
  const touching = (token: Token) =>
    at > token.start && (at < token.end || (token.open && at <= token.end));
  const inside =
    all.find(touching) ??
    all.find((token) => token.kind === "comment" && token.open && token.end === at);
  if (inside?.kind === "string" || inside?.kind === "comment") return null;
  // A comment before the cursor that is not part of a statement hides it as well.
  if (statement === undefined && isInComment(sql, offset)) return null;
  const tokens = all.filter((token) => token.kind !== "comment");
  const writing = tokens.find(
    (token) =>
      (token.kind === "word" || token.kind === "quoted") &&
      at > token.start &&
      at <= token.end &&
      !(token.kind === "quoted" && !token.open && at === token.end),
  );
  if (tokens.some((token) => token.kind === "number" && at > token.start && at <= token.end))
    return null;
  const start = writing ? writing.start : at;
  // A quote that is not closed yet must not hide the rest of the statement.
  const cut = writing?.open ? at : (writing?.end ?? at);
  const text = sql.slice(from, to);
  const settled = writing
    ? tokenize(text.slice(0, start) + " ".repeat(cut - start) + text.slice(cut)).filter(
        (token) => token.kind !== "comment",
      )
    : tokens;
  const before = settled.filter((token) => token.end <= start).length;
  const raw = writing ? writing.text.slice(0, at - writing.start) : "";
  const typed =
    writing?.kind === "quoted"
      ? raw
          .replace(/^[uU]&/, "")
          .slice(1)
          .replaceAll('""', '"')
      : raw;
  return { typed, start: from + start, end: from + cut, tokens: settled, before };
}

function isInComment(sql: string, offset: number): boolean {
  return tokenize(sql).some(
    (token) =>
      token.kind === "comment" && offset > token.start && (offset < token.end || token.open),
  );
}

/** `place`: the number of tokens before it. */
type PlacedScope = Scope & { place: number };

function candidatesAt(
  place: Place,
  scope: PlacedScope,
  { index, snippets = [] }: CompletionRequest,
  typed: string,
): Completion[] {
  switch (place.kind) {
    case "nothing":
      return [];
    case "statement":
      return [...keywordChoices(STATEMENT_WORDS, 0), ...snippetChoices(snippets, 1)];
    case "type":
      return typeChoices(TYPES);
    case "member":
      return members(place.chain, scope, index);
    case "table":
      return [
        ...cteChoices(scope.ctes, 0),
        ...relationChoices(index, place.join ? scope.sources : [], 1),
        ...schemaChoices(index, 4),
        ...rowFunctions(index),
        ...keywordChoices(["lateral", "only", "select", "unnest", "if exists", "if not exists"], 5),
        ...snippetChoices(snippets, 6),
      ];
    case "after_table":
      // One letter is an alias more often than a keyword: Enter must not make `full join` of it.
      return typed.length === 1 && !place.aliased
        ? []
        : [...wholeJoins(place.join, scope), ...keywordChoices(wordsAfterTable(place.join), 1)];
    case "join_condition":
      return [...joins(scope), ...valueChoices(scope, index, "on", snippets, typed)];
    case "shared_columns":
      return shared(scope);
    case "target_columns":
      return (scope.sources[0]?.columns ?? []).map((column) =>
        columnChoice(column, scope.sources[0]!.name, 0),
      );
    case "value":
      return valueChoices(scope, index, place.clause, snippets, typed);
    case "after_value":
      return [
        ...keywordChoices(wordsAfterValue(place.clause), 0),
        ...keywordChoices(DEFINITION_WORDS, 2),
        ...snippetChoices(snippets, 3),
      ];
  }
}

function valueChoices(
  scope: Scope,
  index: SchemaIndex,
  clause: string,
  snippets: readonly SnippetChoice[],
  typed: string,
): Completion[] {
  const named = /^(order|group)$/.test(clause)
    ? scope.output.map((column) => columnChoice(column, "select", 0))
    : [];
  const columns = distinct([
    ...named,
    ...columnsOfSources(scope.sources, 1),
    ...columnsOfSources(scope.outer, 3),
  ]);
  const far =
    scope.sources.length === 0 && typed.length >= LETTERS_FOR_ALL_COLUMNS
      ? allColumns(index, typed)
      : [];
  return [
    ...columns,
    ...scope.sources.filter((each) => each.name !== "").map((each) => sourceChoice(each, 2)),
    ...scope.outer.filter((each) => each.name !== "").map((each) => sourceChoice(each, 3)),
    ...keywordChoices(wordsOfValue(clause), 4),
    ...[...index.functions].map(([name, all]) =>
      functionChoice(name, all, all[0]?.of === null ? 4 : 5),
    ),
    ...snippetChoices(snippets, 5),
    ...far,
    ...relationChoices(index, [], 7),
    ...schemaChoices(index, 9),
  ];
}

const columnsOfSources = (sources: readonly Source[], rank: number): Completion[] =>
  sources.flatMap((source) =>
    source.columns.map((column) => columnChoice(column, source.name, rank)),
  );

function distinct(items: Completion[]): Completion[] {
  const seen = new Set<string>();
  return items.filter(({ label }) => !seen.has(label) && seen.add(label));
}

/** No table is named yet: columns of all tables, each with its table, those that fit best. */
function allColumns(index: SchemaIndex, typed: string): Completion[] {
  const all = index.relations.flatMap((known) =>
    columnsOf(known).map((column) => columnChoice(column, known.relation.name, 6)),
  );
  return rankNames(all, typed, MOST_FAR_COLUMNS);
}

function members(chain: string[], scope: Scope, index: SchemaIndex): Completion[] {
  const name = chain.at(-1);
  if (name === undefined) return [];
  if (chain.length > 1) {
    const known = findRelation(index, chain.at(-2)!, name);
    return known ? columnsOf(known).map((column) => columnChoice(column, name, 0)) : [];
  }
  const source = [...scope.sources, ...scope.outer].find((each) => each.name === name);
  if (source) return source.columns.map((column) => columnChoice(column, source.name, 0));
  if (index.schemas.has(name)) {
    const functions = [...index.functions].flatMap(([each, all]) => {
      const own = all.filter(({ of }) => of === name);
      return own.length > 0 ? [functionChoice(each, own, 1, true)] : [];
    });
    const relations = index.relations.filter(({ schema }) => schema === name);
    return [...relations.map((known) => relationChoice(known, 0, true)), ...functions];
  }
  const known = findRelation(index, null, name);
  return known ? columnsOf(known).map((column) => columnChoice(column, name, 0)) : [];
}

/** The joined table is the last source that stands before the place. */
function joins(scope: PlacedScope): Completion[] {
  const before = scope.sources.filter(({ at }) => at < scope.place);
  const last = before.at(-1);
  if (!last) return [];
  return joinConditions(last, before.slice(0, -1)).map(({ text, key }) => ({
    label: text,
    insert: text,
    kind: "join",
    detail: key ?? "",
    rank: key === null ? 1 : 0,
  }));
}

function wholeJoins(join: boolean, scope: PlacedScope): Completion[] {
  if (!join) return [];
  return joins(scope).map((item) => ({
    ...item,
    label: `on ${item.label}`,
    insert: `on ${item.insert}`,
  }));
}

/** The columns that the joined table has in common with those before it. */
function shared(scope: PlacedScope): Completion[] {
  const before = scope.sources.filter(({ at }) => at < scope.place);
  const last = before.at(-1);
  if (!last) return [];
  const others = new Set(
    before.slice(0, -1).flatMap((each) => each.columns.map(({ name }) => name)),
  );
  return last.columns.map((column) =>
    columnChoice(column, last.name, others.has(column.name) ? 0 : 1),
  );
}

/** Functions that are read like tables. */
function rowFunctions(index: SchemaIndex): Completion[] {
  return [...index.functions].flatMap(([name, all]) =>
    all.some(({ result }) => /^(rows|TABLE|SETOF)/.test(result))
      ? [functionChoice(name, all, 4)]
      : [],
  );
}
