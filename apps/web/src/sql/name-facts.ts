/** What is known of the name at a place: for the hover, and the arguments of the call that is being written. */
import { keyWords } from "./candidates.ts";
import { findRelation, type Known, type SchemaIndex, type Signature } from "./schema-index.ts";
import { type Scope, scopeAt } from "./scope.ts";
import { type Column, isName, readText, type Source, wordAt } from "./sources.ts";
import { type Span, splitStatements } from "./statements.ts";
import { identifier, type Token, tokenize } from "./tokens.ts";

export type NameFacts =
  | {
      kind: "column";
      name: string;
      type: string | null;
      notNull: boolean;
      keys: string[];
      usual: string | null;
      comment: string | null;
      from: string;
    }
  | {
      kind: "relation";
      name: string;
      what: Known["relation"]["kind"];
      rows: number | null;
      columns: number;
      comment: string | null;
    }
  | { kind: "source"; name: string; what: Source["kind"]; columns: string[] }
  | { kind: "schema"; name: string; relations: number }
  | { kind: "function"; signatures: readonly Signature[] };

export type Hovered = { facts: NameFacts[]; start: number; end: number };

/** The facts of the name at `offset`; null when there is none, or nothing is known of it. */
export function factsAt(sql: string, offset: number, index: SchemaIndex): Hovered | null {
  const statement = splitStatements(sql).find((span) => offset >= span.start && offset <= span.end);
  if (!statement) return null;
  const tokens = codeOf(sql, statement);
  const at = tokens.findIndex(
    (token) => offset - statement.start >= token.start && offset - statement.start < token.end,
  );
  const token = tokens[at];
  if (!isName(token)) return null;
  const span = { start: token.start + statement.start, end: token.end + statement.start };
  const text = readText(tokens);
  const chain = [identifier(token)];
  for (let dot = at - 1; wordAt(text, dot) === "." && isName(tokens[dot - 1]); dot -= 2)
    chain.unshift(identifier(tokens[dot - 1]!));
  const name = chain.at(-1)!;
  if (wordAt(text, at + 1) === "(") {
    const all = index.functions.get(name) ?? [];
    const named = chain.length > 1 ? all.filter(({ of }) => of === chain.at(-2)) : all;
    if (named.length > 0) return { facts: [{ kind: "function", signatures: named }], ...span };
  }
  const facts =
    chain.length > 1
      ? factsOfChain(chain, text, at, index)
      : factsOfName(name, token, text, at, index);
  return facts.length === 0 ? null : { facts, ...span };
}

function codeOf(sql: string, statement: Span): Token[] {
  return tokenize(sql.slice(statement.start, statement.end)).filter(
    ({ kind }) => kind !== "comment",
  );
}

type TextOf = ReturnType<typeof readText>;

function factsOfChain(chain: string[], text: TextOf, at: number, index: SchemaIndex): NameFacts[] {
  const [owner, name] = [chain.at(-2)!, chain.at(-1)!];
  const scope = scopeAt(text, at, index);
  const source = [...scope.sources, ...scope.outer].find((each) => each.name === owner);
  const column = source?.columns.find((each) => each.name === name);
  if (source && column) return [columnFacts(column, source.known?.relation.name ?? source.name)];
  const known = findRelation(index, owner, name);
  if (known) return [relationFacts(known)];
  const schema = chain.length > 2 ? chain.at(-3)! : null;
  const table = findRelation(index, schema, owner);
  const own = table?.relation.columns.find((each) => each.name === name);
  if (!table || !own) return [];
  const found = { name, type: own.source_type, of: { known: table, column: own } };
  return [columnFacts(found, owner)];
}

function factsOfName(
  name: string,
  token: Token,
  text: TextOf,
  at: number,
  index: SchemaIndex,
): NameFacts[] {
  const scope = scopeAt(text, at, index);
  const here = [...scope.sources, ...scope.outer].find(
    (each) => each.at === at || isLastOfSource(each, text, at),
  );
  const qualifies = here === undefined || here.at === at;
  if (qualifies && index.schemas.has(name) && wordAt(text, at + 1) === ".") {
    const relations = index.relations.filter(({ schema }) => schema === name).length;
    return [{ kind: "schema", name, relations }];
  }
  if (here?.known) return [relationFacts(here.known)];
  const columns = columnsNamed(name, scope);
  if (columns.length > 0) return columns;
  const source = [...scope.sources, ...scope.outer].find((each) => each.name === name);
  if (source) return source.known ? [relationFacts(source.known)] : [sourceFacts(source)];
  const cte = scope.ctes.find((each) => each.name === name);
  if (cte)
    return [{ kind: "source", name, what: "cte", columns: cte.columns().map((each) => each.name) }];
  // A word such as `order` is a table only where one may stand, which the sources have told.
  return token.kind === "quoted" ? tableNamed(name, index) : [];
}

/** `ohub.outages`: the source begins at the schema's name. */
function isLastOfSource(source: Source, text: TextOf, at: number): boolean {
  return at > source.at && at - source.at <= 4 && wordAt(text, at - 1) === ".";
}

function tableNamed(name: string, index: SchemaIndex): NameFacts[] {
  const known = findRelation(index, null, name);
  return known ? [relationFacts(known)] : [];
}

function columnsNamed(name: string, scope: Scope): NameFacts[] {
  const find = (sources: Source[]) =>
    sources.flatMap((source) => {
      const column = source.columns.find((each) => each.name === name);
      return column ? [columnFacts(column, source.known?.relation.name ?? source.name)] : [];
    });
  const own = find(scope.sources);
  return own.length > 0 ? own : find(scope.outer).slice(0, 1);
}

function columnFacts(column: Column, from: string): NameFacts {
  const own = column.of?.column;
  return {
    kind: "column",
    name: column.name,
    type: column.type,
    notNull: own?.not_null ?? false,
    keys: column.of ? keyWords(column.of.known, own?.name ?? column.name) : [],
    usual: own?.default ?? null,
    comment: own?.comment ?? null,
    from,
  };
}

function relationFacts({ schema, relation }: Known): NameFacts {
  const { name, kind, row_estimate, columns, comment } = relation;
  const full = schema === "public" ? name : `${schema}.${name}`;
  return {
    kind: "relation",
    name: full,
    what: kind,
    rows: row_estimate,
    columns: columns.length,
    comment,
  };
}

function sourceFacts({ name, kind, columns }: Source): NameFacts {
  return { kind: "source", name, what: kind, columns: columns.map((each) => each.name) };
}

export type CallFacts = {
  signatures: Signature[] /** Which argument is being written, from 0. */;
  argument: number;
};

/** The call that the cursor is in the brackets of. */
export function callAt(sql: string, offset: number, index: SchemaIndex): CallFacts | null {
  const statement = splitStatements(sql).find(
    (span) => offset >= span.start && offset <= span.end + 1,
  );
  if (!statement) return null;
  const tokens = codeOf(sql, statement).filter((token) => token.start + statement.start < offset);
  let argument = 0;
  let depth = 0;
  for (let at = tokens.length - 1; at > 0; at -= 1) {
    const { text } = tokens[at]!;
    if (text === ")" || text === "]") depth += 1;
    else if (text === "(" && depth === 0) {
      const name = tokens[at - 1];
      const signatures = isName(name) ? index.functions.get(identifier(name)) : undefined;
      return signatures ? { signatures: [...signatures], argument } : null;
    } else if (text === "(" || text === "[") depth -= 1;
    else if (text === "," && depth === 0) argument += 1;
  }
  return null;
}

/** Where each argument stands in the words of a signature: `a integer, b text` in two. Brackets keep theirs together. */
export function argumentSpans(list: string): Span[] {
  const spans: Span[] = [];
  let depth = 0;
  let start = 0;
  for (let at = 0; at <= list.length; at += 1) {
    const char = list.charAt(at);
    if (char === "(") depth += 1;
    if (char === ")") depth -= 1;
    if (at < list.length && (char !== "," || depth > 0)) continue;
    const lead = /^\s*/.exec(list.slice(start, at))![0].length;
    if (list.slice(start, at).trim() !== "") spans.push({ start: start + lead, end: at });
    start = at + 1;
  }
  return spans;
}
