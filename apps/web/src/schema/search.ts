/**
 * Searching a schema as somebody types: names and comments that contain every word; where there is none, names whose
 * letters come in this order (`custord` finds `customer_orders`). Lower-case texts are made once for each snapshot.
 */
import type { SchemaRelation, SchemaSnapshot } from "@quern/contract/datasources";

type Schema = SchemaSnapshot["schemas"][number];
type Column = SchemaRelation["columns"][number];

/** A name as it is searched: in lower case, qualified; the own name begins at `own`. */
type Name = { name: string; own: number; comment: string };
/** A relation, a function, a sequence, a type or a schema itself. `inside` are names and comments of its columns. */
type Entry = Name & {
  schema: Schema;
  relation: SchemaRelation | null;
  other: object | null;
  inside: string;
};

/** What a search found. `named` is true where the relation itself is, and not only some of its columns. */
export type Finding = {
  schemas: Set<Schema>;
  relations: Map<SchemaRelation, { named: boolean; columns: Column[] }>;
  others: Set<object>;
};

const indexes = new WeakMap<SchemaSnapshot, Entry[]>();

function nameIn(above: string, name: string, comment: string | null | undefined): Name {
  return {
    name: `${above}${name}`.toLowerCase(),
    own: above.length,
    comment: comment?.toLowerCase() ?? "",
  };
}

// The columns of a relation are one text: a hundred thousand entries would take long to make.
function indexOf(snapshot: SchemaSnapshot): Entry[] {
  const known = indexes.get(snapshot);
  if (known !== undefined) return known;
  const entries: Entry[] = [];
  const plain = { relation: null, other: null, inside: "" };
  for (const schema of snapshot.schemas) {
    const above = `${schema.name}.`;
    entries.push({ ...nameIn("", schema.name, schema.comment), ...plain, schema });
    for (const relation of schema.relations) {
      let inside = "";
      for (const { name, comment } of relation.columns)
        inside += comment === null ? `${name}\n` : `${name}\n${comment}\n`;
      const own = nameIn(above, relation.name, relation.comment);
      entries.push({ ...own, ...plain, schema, relation, inside: inside.toLowerCase() });
    }
    for (const each of [...schema.functions, ...(schema.sequences ?? []), ...(schema.types ?? [])])
      entries.push({ ...nameIn(above, each.name, each.comment), ...plain, schema, other: each });
  }
  indexes.set(snapshot, entries);
  return entries;
}

/** So many findings at most: nobody reads more, and each costs. */
export const MOST_FOUND = 2_000;

/** null where nothing is searched for. */
export function findIn(snapshot: SchemaSnapshot, search: string): Finding | null {
  const words = search
    .toLowerCase()
    .split(/[\s.]+/)
    .filter(Boolean);
  if (words.length === 0) return null;
  const entries = indexOf(snapshot);
  const exact = collect(entries, contains, words, true);
  return exact.schemas.size > 0 ? exact : collect(entries, isLike, words, false);
}

function collect(
  entries: Entry[],
  matches: (name: Name, words: string[]) => boolean,
  words: string[],
  literally: boolean,
): Finding {
  const finding: Finding = { schemas: new Set(), relations: new Map(), others: new Set() };
  let count = 0;
  for (const entry of entries) {
    if (count > MOST_FOUND) break;
    const { schema, relation, other, inside } = entry;
    const named = matches(entry, words);
    const columns: Column[] = [];
    // Only where every word is somewhere can a column have them all.
    const worth =
      !literally || words.every((word) => inside.includes(word) || entry.name.includes(word));
    if (relation !== null && worth)
      for (const column of relation.columns)
        if (matches(nameIn(`${entry.name}.`, column.name, column.comment), words))
          columns.push(column);
    if (!named && columns.length === 0) continue;
    count += columns.length + 1;
    finding.schemas.add(schema);
    if (other !== null) finding.others.add(other);
    if (relation !== null) finding.relations.set(relation, { named, columns });
  }
  return finding;
}

/** Every word somewhere, and at least one in the own name or in the comment: else a table's name would find all its columns. */
function contains({ name, own, comment }: Name, words: string[]): boolean {
  let isOwn = false;
  for (const word of words) {
    const inComment = comment !== "" && comment.includes(word);
    const at = name.lastIndexOf(word);
    if (at === -1 && !inComment) return false;
    if (inComment || at + word.length > own) isOwn = true;
  }
  return isOwn;
}

function isLike({ name, own }: Name, words: string[]): boolean {
  const last = words.at(-1) ?? "";
  return (
    last.length > 1 &&
    hasInOrder(name.slice(own), last) &&
    words.slice(0, -1).every((word) => hasInOrder(name, word))
  );
}

/** The letters in this order, each at the start of a part of the name or right after the one before. */
function hasInOrder(name: string, letters: string): boolean {
  const from = (at: number, place: number): boolean => {
    if (place === letters.length) return true;
    for (let next = at; next < name.length; next += 1) {
      if (name[next] !== letters[place]) continue;
      const starts =
        next === 0 || !/[a-z0-9]/.test(name[next - 1] ?? "") || /\d/.test(name[next] ?? "");
      if ((starts || (place > 0 && next === at)) && from(next + 1, place + 1)) return true;
    }
    return false;
  };
  return from(0, 0);
}
