/** Which relations a trial is about: those that the finding and its fix name, and what belongs to them. */

import type { SchemaSnapshot, SchemaTable } from "@quern/contract/agent/schema";
import { blankEnd, tokenAt } from "@quern/contract/postgres-lexer";

/** A whole schema up to so many tables is made once and serves the trials of all its findings. */
const WHOLE = 300;
const MOST = 1_000;

/** Names in `text` with their parts: `alter table "A".b` gives alter, table, A and b as `[["alter"], ["table"], ["A", "b"]]`. */
export function namesIn(text: string): string[][] {
  const names: string[][] = [];
  let joined = false;
  for (let at = 0; at < text.length; ) {
    const blank = blankEnd(text, at);
    const end = blank > at ? blank : Math.max(tokenAt(text, at).end, at + 1);
    const piece = text.slice(at, end);
    at = end;
    if (blank === end && piece.trim() === "") continue;
    if (piece === ".") {
      joined = true;
      continue;
    }
    const name = nameOf(piece);
    if (name !== null && joined && names.length > 0) names.at(-1)!.push(name);
    else if (name !== null) names.push([name]);
    joined = false;
  }
  return names;
}

function nameOf(piece: string): string | null {
  if (piece.startsWith('"') && piece.length > 2) return piece.slice(1, -1).replaceAll('""', '"');
  return /^[\p{L}_][\p{L}\p{N}_$]*$/u.test(piece) ? piece.toLowerCase() : null;
}

const keyOf = (schema: string, name: string) => JSON.stringify([schema, name]);

/** Tables that `texts` name, by themselves or by one of their indexes or constraints. */
export function tablesNamed(snapshot: SchemaSnapshot, texts: readonly string[]): SchemaTable[] {
  const tables = new Map(snapshot.tables.map((table) => [keyOf(table.schema, table.name), table]));
  const owners = new Map(
    snapshot.indexes.map(({ schema, name, table }) => [keyOf(schema, name), keyOf(schema, table)]),
  );
  const found = new Set<SchemaTable>();
  for (const [schema, name] of texts.flatMap(namesIn)) {
    if (schema === undefined || name === undefined) continue;
    const key = keyOf(schema, name);
    const table = tables.get(key) ?? tables.get(owners.get(key) ?? "");
    if (table) found.add(table);
  }
  return [...found];
}

/** Tables that statements write as `schema.table` or `table`. */
export function tablesWritten(snapshot: SchemaSnapshot, written: readonly string[]): SchemaTable[] {
  const wanted = new Set(written);
  return snapshot.tables.filter(
    ({ schema, name }) => wanted.has(name) || wanted.has(`${schema}.${name}`),
  );
}

/** All of a small schema; of a large one `of` with parents, partitions and what its foreign keys refer to. */
export function within(
  snapshot: SchemaSnapshot,
  of: readonly SchemaTable[],
): { snapshot: SchemaSnapshot; omitted: number } {
  if (snapshot.tables.length <= WHOLE) return { snapshot, omitted: 0 };
  const nameOfTable = ({ schema, name }: SchemaTable) => `${schema}.${name}`;
  const byName = new Map(snapshot.tables.map((table) => [nameOfTable(table), table]));
  const kept = new Set<SchemaTable>();
  const add = (table: SchemaTable | undefined) => {
    for (let at = table; at !== undefined && !kept.has(at) && kept.size < MOST; ) {
      kept.add(at);
      at = byName.get(at.parent ?? "");
    }
  };
  for (const table of of) add(table);
  for (const { type, schema, table, references } of snapshot.constraints ?? []) {
    const own = byName.get(`${schema}.${table}`);
    if (type !== "f" || references === null || own === undefined || !of.includes(own)) continue;
    add(byName.get(`${references.schema}.${references.table}`));
  }
  // Sorted by oid, parents come first.
  for (const table of snapshot.tables) {
    const parent = byName.get(table.parent ?? "");
    if (parent !== undefined && kept.has(parent)) add(table);
  }
  const names = new Set([...kept].map(nameOfTable));
  const own = ({ schema, table }: { schema: string; table: string }) =>
    names.has(`${schema}.${table}`);
  return {
    omitted: snapshot.tables.length - kept.size,
    snapshot: {
      ...snapshot,
      tables: snapshot.tables.filter((table) => kept.has(table)),
      indexes: snapshot.indexes.filter(own),
      constraints: (snapshot.constraints ?? []).filter(
        (key) =>
          own(key) &&
          (key.references === null ||
            names.has(`${key.references.schema}.${key.references.table}`)),
      ),
    },
  };
}
