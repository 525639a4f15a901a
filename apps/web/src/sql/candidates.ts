/** The things that completion may offer, each made out of what is known of it. */
import { qualified } from "./first-query.ts";
import { type Known, keyOf, type SchemaIndex, type Signature } from "./schema-index.ts";
import type { Column, Source } from "./sources.ts";
import { quoteIdentifier } from "./tokens.ts";

export type CompletionKind =
  | "schema"
  | "table"
  | "view"
  | "column"
  | "function"
  | "keyword"
  | "cte"
  | "join"
  | "type"
  | "snippet";

export type Completion = {
  label: string;
  insert: string;
  kind: CompletionKind;
  /** A word or two beside the label: a type, a table. */
  detail: string;
  /** More, for the panel beside the list. */
  words?: string;
  /** `insert` has places to fill in, `${1:name}` and `$0`. */
  places?: boolean;
  /** Smaller comes first. */
  rank: number;
};

/** What a snippet of the organisation needs to be offered. */
export type SnippetChoice = { name: string; trigger: string; description: string; sql: string };

export function columnChoice(column: Column, from: string, rank: number): Completion {
  const { type, of } = column;
  const marks = of ? keyWords(of.known, column.name) : [];
  return {
    label: column.name,
    insert: quoteIdentifier(column.name),
    kind: "column",
    detail: [type, ...marks, from].filter(Boolean).join(" · "),
    ...(of?.column.comment ? { words: of.column.comment } : {}),
    rank,
  };
}

/** `PK` and `FK → customers`, by the name of a column. */
export function keyWords({ relation }: Known, column: string): string[] {
  return relation.keys
    .filter((key) => key.columns.includes(column) && key.type !== "unique")
    .map((key) => (key.references ? `FK → ${key.references.table}` : "PK"));
}

export function sourceChoice(source: Source, rank: number): Completion {
  const what = source.known?.relation.name ?? source.kind;
  return {
    label: source.name,
    insert: quoteIdentifier(source.name),
    kind: source.kind === "cte" ? "cte" : "table",
    detail: source.aliased ? what : source.kind,
    rank,
  };
}

/** A relation by the name that it has to be written with; `bare` where its schema is written already. */
export function relationChoice(
  { schema, relation }: Known,
  rank: number,
  bare = false,
): Completion {
  const isView = relation.kind === "view" || relation.kind === "materialized_view";
  const plain = bare || schema === "public";
  return {
    label: plain ? relation.name : `${schema}.${relation.name}`,
    insert: bare ? quoteIdentifier(relation.name) : qualified(schema, relation.name),
    kind: isView ? "view" : "table",
    detail: relation.kind.replaceAll("_", " "),
    ...(relation.comment ? { words: relation.comment } : {}),
    rank,
  };
}

/** Relations in the order of schemas; those that a foreign key ties to `sources` come first. */
export function relationChoices(
  index: SchemaIndex,
  sources: readonly Source[],
  rank: number,
): Completion[] {
  const tied = new Set<Known>();
  for (const { known } of sources) {
    if (!known) continue;
    for (const each of index.referring.get(keyOf(known.schema, known.relation.name)) ?? [])
      tied.add(each);
    for (const { references } of known.relation.keys) {
      const target =
        references &&
        index.named.get(references.table)?.find((each) => each.schema === references.schema);
      if (target) tied.add(target);
    }
  }
  return index.relations.map((known) => {
    const far = known.schema === "public" ? 1 : 2;
    return relationChoice(known, rank + (tied.has(known) ? 0 : far));
  });
}

export function functionChoice(
  name: string,
  signatures: readonly Signature[],
  rank: number,
  bare = false,
): Completion {
  const first = signatures[0]!;
  const own = first.of === null || first.of === "public" || bare;
  const call = own ? quoteIfOdd(name) : `${quoteIdentifier(first.of!)}.${quoteIfOdd(name)}`;
  const takesNone = signatures.length === 1 && first.arguments.trim() === "";
  return {
    label: own ? name : `${first.of}.${name}`,
    insert: takesNone ? `${escapePlaces(call)}()$0` : `${escapePlaces(call)}($0)`,
    places: true,
    kind: "function",
    detail: `(${first.arguments}) → ${first.result}`,
    rank,
  };
}

/** Built-in functions such as `left` are reserved words that are called without quotes. */
function quoteIfOdd(name: string): string {
  return /^[a-z_][a-z0-9_]*$/.test(name) ? name : quoteIdentifier(name);
}

export function keywordChoices(list: readonly string[], rank: number): Completion[] {
  return list.map((word) => ({ label: word, insert: word, kind: "keyword", detail: "", rank }));
}

export function snippetChoices(snippets: readonly SnippetChoice[], rank: number): Completion[] {
  return snippets.map(({ name, trigger, description, sql }) => ({
    label: trigger,
    insert: sql,
    places: true,
    kind: "snippet",
    detail: name,
    words: [description, sql].filter(Boolean).join("\n\n"),
    rank,
  }));
}

export function cteChoices(ctes: readonly { name: string }[], rank: number): Completion[] {
  return ctes.map(({ name }) => ({
    label: name,
    insert: quoteIdentifier(name),
    kind: "cte",
    detail: "with",
    rank,
  }));
}

export function schemaChoices(index: SchemaIndex, rank: number): Completion[] {
  return [...index.schemas].map((name) => ({
    label: name,
    insert: quoteIdentifier(name),
    kind: "schema",
    detail: "schema",
    rank,
  }));
}

export function typeChoices(types: readonly string[]): Completion[] {
  return types.map((name) => ({
    label: name,
    insert: name,
    kind: "type",
    detail: "type",
    rank: 0,
  }));
}

/** Text in which `$` and `}` are no places to fill in. */
function escapePlaces(text: string): string {
  return text.replace(/[\\$}]/g, "\\$&");
}
