import type { SchemaIndex } from "@quern/contract/agent/schema";
import { documentOf, schemaOf } from "../facts.ts";
import { fact, fixBy, found, judged, notEnough, say } from "../finding.ts";
import { dropStatement, isDroppable, keyIdentity } from "../index-shape.ts";
import { qualified, quoted } from "../names.ts";
import type { Rule } from "../rule.ts";

type Keyed = SchemaIndex & { keys: NonNullable<SchemaIndex["keys"]> };
type Pair = { drop: SchemaIndex; keeper: SchemaIndex; exact: boolean };

export const rule: Rule = {
  id: "duplicate-index",
  title: "Index that another index makes superfluous",
  category: "performance",
  explanation:
    "Another index of the same table answers everything that this one can: it has the same columns, or begins with them. Every write keeps both up to date, and both take up memory and disk.",
  source:
    "Catalog facts: same access method, predicate, operator classes and collations; the keeper's columns begin with the candidate's. No threshold.",
  weight: { info: 1, warning: 4, critical: 4 },
  caps: false,
  of: "database",
  every_s: 3600,
  needs: ["schema"],
  engines: ["postgres"],
  async judge(subject) {
    const { indexes, tables } = (await schemaOf(subject))!;
    if (indexes.length > 0 && indexes.every(({ keys }) => keys === undefined))
      return notEnough("This agent does not say how indexes are made; Quern's own does.");
    const sizes = await documentOf(subject, "indexes");
    const sizeOf = ({ schema, name, size_bytes }: SchemaIndex) =>
      sizes?.body.find((each) => each.schema === schema && each.index === name)?.size_bytes ??
      size_bytes;
    return judged(
      duplicateIndexes(indexes).map(({ drop, keeper, exact }) => {
        const evidence = [
          fact("kind", exact ? "duplicate" : "redundant prefix", "text"),
          fact("table", qualified({ schema: drop.schema, name: drop.table }), "text"),
          fact("keeper", quoted(keeper.name), "text"),
          fact("size_bytes", Number(sizeOf(drop) ?? 0), "bytes"),
          ...(drop.definition ? [fact("definition", drop.definition, "sql")] : []),
          ...(keeper.definition ? [fact("keeper_definition", keeper.definition, "sql")] : []),
        ];
        const words = say(
          "Drop it: {keeper} serves the same conditions. Look first whether anything names it, such as a hint of pg_hint_plan.",
          { keeper: keeper.name },
        );
        const fix = fixBy(dropStatement(drop, tables), words, true);
        return found(qualified(drop), "warning", evidence, { fix });
      }),
    );
  },
};

/** Indexes that could be dropped, each with the one that serves for it. Of two that are alike exactly one is named. */
export function duplicateIndexes(all: readonly SchemaIndex[]): Pair[] {
  const usable = all.filter(
    (index): index is Keyed => index.keys !== undefined && index.is_valid !== false,
  );
  const byTable = new Map<string, Keyed[]>();
  for (const index of usable) {
    const key = `${index.schema}\u0001${index.table}`;
    byTable.set(key, [...(byTable.get(key) ?? []), index]);
  }
  return [...byTable.values()].flatMap((own) =>
    own.filter(isDroppable).flatMap((drop) => {
      const keepers = own
        .filter((keeper) => keeper !== drop && serves(keeper, drop))
        .filter((keeper) => !serves(drop, keeper) || isKept(keeper, drop))
        .sort((left, right) => (isKept(left, right) ? -1 : 1));
      const [keeper] = keepers;
      return keeper ? [{ drop, keeper, exact: keeper.keys.length === drop.keys.length }] : [];
    }),
  );
}

/** Whether `keeper` can do all that `index` does. */
function serves(keeper: Keyed, index: Keyed): boolean {
  const count = index.keys.length;
  const btree = index.access_method === "btree";
  if (keeper.access_method !== index.access_method) return false;
  if ((keeper.predicate?.hash ?? "") !== (index.predicate?.hash ?? "")) return false;
  if (keeper.keys.length < count || (keeper.keys.length > count && !btree)) return false;
  const same = index.keys.every((key, place) => {
    const other = keeper.keys[place]!;
    return (
      keyIdentity(key) === keyIdentity(other) &&
      key.operator_class === other.operator_class &&
      key.collation === other.collation
    );
  });
  return same && ordered(keeper, index, btree) && included(keeper, index);
}

/** In the same order, or, in a B-tree, exactly in reverse. */
function ordered(keeper: Keyed, index: Keyed, btree: boolean): boolean {
  const turned = index.keys.map((key, place) => {
    const other = keeper.keys[place]!;
    const descending = key.descending !== other.descending;
    return descending === (key.nulls_first !== other.nulls_first) ? descending : null;
  });
  return turned.every((each) => each === false) || (btree && turned.every((each) => each === true));
}

function included(keeper: Keyed, index: Keyed): boolean {
  const has = new Set([...keeper.keys.map(({ column }) => column), ...(keeper.include ?? [])]);
  return (index.include ?? []).every((column) => has.has(column));
}

/** Which of two that serve each other stays: what has a duty, then what is wider, then what is older. */
function isKept(left: Keyed, right: Keyed): boolean {
  const rank = (index: Keyed) => [
    isDroppable(index) ? 0 : 1,
    index.is_unique ? 1 : 0,
    index.is_clustered ? 1 : 0,
    index.keys.length + (index.include?.length ?? 0),
    -(index.relid ?? 0),
  ];
  const [ours, theirs] = [rank(left), rank(right)];
  const place = ours.findIndex((value, at) => value !== theirs[at]);
  return place === -1 ? left.name < right.name : ours[place]! > theirs[place]!;
}
