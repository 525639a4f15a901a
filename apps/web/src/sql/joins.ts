/** Conditions that join two tables, out of their foreign keys; where there are none, out of names that say the same. */
import type { Known } from "./schema-index.ts";
import type { Source } from "./sources.ts";
import { quoteIdentifier } from "./tokens.ts";

export type JoinCondition = {
  text: string /** The name of the foreign key, or null for a guess. */;
  key: string | null;
};

/** What may stand behind `join last on`, for the sources before it: foreign keys first, the nearest table first. */
export function joinConditions(last: Source, before: readonly Source[]): JoinCondition[] {
  const near = [...before].reverse();
  const keys = near.flatMap((other) => [...along(last, other), ...along(other, last, true)]);
  const guessed = near.flatMap((other) => sameNames(last, other));
  const seen = new Set<string>();
  return [...keys, ...guessed].filter(({ text }) => {
    const known = seen.has(text);
    seen.add(text);
    return !known;
  });
}

/** The foreign keys of `from` that refer to `to`. The joined table stands at the left. */
function along(from: Source, to: Source, swapped = false): JoinCondition[] {
  if (from.known === null || to.known === null) return [];
  const target = to.known;
  return from.known.relation.keys.flatMap(({ name, columns, references }) => {
    if (!references || !isOf(references, target)) return [];
    const pairs = columns.map((column, at) => {
      const sides = [qualify(from, column), qualify(to, references.columns[at] ?? "")];
      return (swapped ? sides.reverse() : sides).join(" = ");
    });
    return [{ text: pairs.join(" and "), key: name }];
  });
}

const isOf = (references: { schema: string; table: string }, { schema, relation }: Known) =>
  references.schema === schema && references.table === relation.name;

/** `a.customer_id = b.customer_id`, and `a.customer_id = customers.id`. */
function sameNames(last: Source, other: Source): JoinCondition[] {
  const found: JoinCondition[] = [];
  const offer = (left: string, right: string) =>
    found.push({ text: `${qualify(last, left)} = ${qualify(other, right)}`, key: null });
  const names = new Set(other.columns.map(({ name }) => name));
  for (const { name } of last.columns)
    if (name !== "id" && /_(id|key|code|no)$/.test(name) && names.has(name)) offer(name, name);
  for (const { name } of last.columns) if (pointsTo(name, other)) offer(name, "id");
  for (const { name } of other.columns) if (pointsTo(name, last)) offer("id", name);
  return found;
}

/** `customer_id` points to a table customers, or customer, that has an `id`. */
function pointsTo(column: string, { known, columns }: Source): boolean {
  const stem = /^(.+)_id$/.exec(column)?.[1];
  if (stem === undefined || known === null || !columns.some(({ name }) => name === "id"))
    return false;
  const table = known.relation.name;
  return table === stem || table === `${stem}s` || table === `${stem}es`;
}

function qualify(source: Source, column: string): string {
  return `${quoteIdentifier(source.name)}.${quoteIdentifier(column)}`;
}
