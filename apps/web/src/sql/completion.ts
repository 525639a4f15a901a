import type { SchemaRelation, SchemaSnapshot } from "@quern/contract/datasources";
import { FUNCTIONS, KEYWORDS } from "./keywords.ts";
import { parameterPlace } from "./parameter-place.ts";
import { type Cte, findCtes, findTables, type TableRef } from "./scope.ts";
import { splitStatements } from "./statements.ts";
import { identifier, quoteIdentifier, type Token, tokenize } from "./tokens.ts";

export type CompletionKind =
  | "schema"
  | "table"
  | "view"
  | "column"
  | "function"
  | "keyword"
  | "cte";

export type Completion = {
  label: string;
  insert: string;
  kind: CompletionKind;
  detail: string;
  /** Smaller comes first. */
  rank: number;
};

const TABLE_PLACE = new Set(["from", "join", "update", "into", "table", "only"]);

/** What may be written at `offset`, given what is known of the database. Nothing inside strings, comments and `{{ }}`. */
export function complete(
  sql: string,
  offset: number,
  snapshot: SchemaSnapshot | null,
): Completion[] {
  if (parameterPlace(sql, offset) !== null) return [];
  const inside = tokenize(sql).find(
    (token) => offset > token.start && (offset < token.end || (token.open && offset <= token.end)),
  );
  if (inside?.kind === "string" || inside?.kind === "comment") return [];
  const statement = splitStatements(sql).find(
    (span) => offset >= span.start && offset <= span.end + 1,
  );
  const from = statement?.start ?? offset;
  const at = offset - from;
  const tokens = tokenize(sql.slice(from, Math.max(statement?.end ?? offset, offset))).filter(
    (token) => token.kind !== "comment",
  );
  const typed = tokens.findIndex(
    (token) =>
      (token.kind === "word" || token.kind === "quoted") && at > token.start && at <= token.end,
  );
  const before = typed === -1 ? tokens.filter((token) => token.end <= at) : tokens.slice(0, typed);
  const typedLength = typed === -1 ? 0 : at - tokens[typed]!.start;
  if (isNewName(before)) return [];
  if (isAliasPlace(before)) {
    // One letter is an alias more often than a keyword: Enter must not make `false` of it.
    return typedLength < 2 ? [] : KEYWORDS.map((word) => plain(word, "keyword", "", 0));
  }
  // The word under the cursor is not a name yet: it must not count as a table or an alias.
  const settled = typed === -1 ? tokens : tokens.filter((_, index) => index !== typed);
  const tables = findTables(settled);
  const ctes = findCtes(settled);
  if (before.at(-1)?.text === ".") return afterDot(before, tables, ctes, snapshot);
  if (isTablePlace(before))
    return [...cteNames(ctes), ...relationNames(snapshot), ...schemaNames(snapshot)];
  return [
    ...scopeColumns(tables, ctes, snapshot),
    ...FUNCTIONS.map(([name, detail]) => plain(name, "function", detail, 4)),
    ...KEYWORDS.map((word) => plain(word, "keyword", "", 3)),
    ...cteNames(ctes),
    ...relationNames(snapshot).map((item) => ({ ...item, rank: item.rank + 4 })),
    ...schemaNames(snapshot).map((item) => ({ ...item, rank: 7 })),
    ...snapshotFunctions(snapshot),
  ];
}

/** After `as` a name is made up: there is nothing to suggest. */
function isNewName(before: Token[]): boolean {
  return before.at(-1)?.text.toLowerCase() === "as";
}

/** `from flights |`, `join ohub.outages |`: an alias or the next clause comes here. */
function isAliasPlace(before: Token[]): boolean {
  const isName = (token: Token | undefined) => token?.kind === "word" || token?.kind === "quoted";
  if (!isName(before.at(-1))) return false;
  const head =
    before.at(-2)?.text === "." && isName(before.at(-3))
      ? before.slice(0, -3)
      : before.slice(0, -1);
  return isTablePlace(head) && !TABLE_PLACE.has(before.at(-1)!.text.toLowerCase());
}

function isTablePlace(before: Token[]): boolean {
  const last = before.at(-1);
  if (last?.kind === "word") return TABLE_PLACE.has(last.text.toLowerCase());
  if (last?.text !== ",") return false;
  // `from a, b|`: a comma counts when the clause that it stands in is `from`.
  const clause = before.findLast((token) =>
    /^(select|from|where|group|order|on|set|values|returning|using|having)$/i.test(token.text),
  );
  return clause?.text.toLowerCase() === "from";
}

function afterDot(
  before: Token[],
  tables: TableRef[],
  ctes: Cte[],
  snapshot: SchemaSnapshot | null,
): Completion[] {
  const qualifier = before.at(-2);
  if (qualifier === undefined || (qualifier.kind !== "word" && qualifier.kind !== "quoted"))
    return [];
  const name = identifier(qualifier);
  const ref = tables.find((table) => (table.alias ?? table.table) === name);
  if (ref) return columnsOf(ref, ctes, snapshot, 0);
  const schema = snapshot?.schemas.find((each) => each.name === name);
  if (schema) {
    return [
      ...schema.relations.map((relation) => relationItem(relation, null, 0)),
      ...schema.functions.map((each) =>
        plain(each.name, "function", `(${each.arguments}) → ${each.result}`, 1),
      ),
    ];
  }
  return columnsOf({ schema: null, table: name, alias: null }, ctes, snapshot, 0);
}

function scopeColumns(
  tables: TableRef[],
  ctes: Cte[],
  snapshot: SchemaSnapshot | null,
): Completion[] {
  const seen = new Set<string>();
  const columns = tables
    .flatMap((ref) => columnsOf(ref, ctes, snapshot, 0))
    .filter((item) => {
      const known = seen.has(item.label);
      seen.add(item.label);
      return !known;
    });
  const aliases = tables.map((ref) =>
    plain(ref.alias ?? ref.table, "table", ref.alias ? ref.table : "table in this statement", 1),
  );
  return [...columns, ...aliases];
}

function columnsOf(
  ref: TableRef,
  ctes: Cte[],
  snapshot: SchemaSnapshot | null,
  rank: number,
): Completion[] {
  const from = ref.alias ?? ref.table;
  const cte = ref.schema === null ? ctes.find((each) => each.name === ref.table) : undefined;
  if (cte) return cte.columns.map((name) => plain(name, "column", from, rank));
  const relation = findRelation(snapshot, ref);
  return (relation?.columns ?? []).map((column) => ({
    label: column.name,
    insert: quoteIdentifier(column.name),
    kind: "column" as const,
    detail: `${column.source_type} · ${from}`,
    rank,
  }));
}

/** A name without a schema means `public` first, then whatever schema has it. */
function findRelation(snapshot: SchemaSnapshot | null, ref: TableRef): SchemaRelation | undefined {
  const schemas = snapshot?.schemas ?? [];
  const wanted =
    ref.schema === null
      ? [...schemas].sort((a, b) => Number(b.name === "public") - Number(a.name === "public"))
      : schemas.filter((schema) => schema.name === ref.schema);
  for (const schema of wanted) {
    const relation = schema.relations.find((each) => each.name === ref.table);
    if (relation) return relation;
  }
  return undefined;
}

function relationNames(snapshot: SchemaSnapshot | null): Completion[] {
  return (snapshot?.schemas ?? []).flatMap((schema) =>
    schema.relations.map((relation) =>
      relationItem(relation, schema.name, schema.name === "public" ? 1 : 2),
    ),
  );
}

function relationItem(relation: SchemaRelation, schema: string | null, rank: number): Completion {
  const prefix = schema === null || schema === "public" ? "" : `${quoteIdentifier(schema)}.`;
  const isView = relation.kind === "view" || relation.kind === "materialized_view";
  return {
    label: prefix === "" ? relation.name : `${schema}.${relation.name}`,
    insert: prefix + quoteIdentifier(relation.name),
    kind: isView ? "view" : "table",
    detail: relation.kind.replaceAll("_", " "),
    rank,
  };
}

function schemaNames(snapshot: SchemaSnapshot | null): Completion[] {
  return (snapshot?.schemas ?? []).map((schema) => plain(schema.name, "schema", "schema", 3));
}

function snapshotFunctions(snapshot: SchemaSnapshot | null): Completion[] {
  return (snapshot?.schemas ?? []).flatMap((schema) =>
    schema.functions.map((each) =>
      plain(each.name, "function", `(${each.arguments}) → ${each.result}`, 5),
    ),
  );
}

function cteNames(ctes: Cte[]): Completion[] {
  return ctes.map((cte) => plain(cte.name, "cte", "with", 0));
}

function plain(name: string, kind: CompletionKind, detail: string, rank: number): Completion {
  const insert = kind === "keyword" || kind === "function" ? name : quoteIdentifier(name);
  return { label: name, insert, kind, detail, rank };
}
