/** What differs between two states, in words. */
import type { JobResult, StateDifference } from "@quern/contract/job-results";
import type { Fingerprint, StateObject, TableRows } from "./fingerprint.ts";

type Diff = Extract<JobResult, { type: "diff" }>;
export type StateDiff = Pick<Diff, "identical" | "objects" | "tables" | "truncated">;

/** A definition longer than this is cut: a difference is to be read by a person. */
const LONGEST_DEFINITION = 4000;
const MOST_DIFFERENCES = 2000;

/** Every object and table that is not the same, for verify mode. Empty: the states are equal. */
export function compareFingerprints(left: Fingerprint, right: Fingerprint): StateDifference[] {
  const differences = objectDifferences(left.objects, right.objects);
  for (const { schema, name, ...table } of tablePairs(left.tables, right.tables)) {
    if (table.same_rows === true) continue;
    if (table.left_rows === null || table.right_rows === null) continue;
    differences.push({
      kind: "rows",
      name: `${schema}.${name}`,
      change: "changed",
      left: rowsInWords(table.left_rows),
      right: rowsInWords(table.right_rows),
    });
  }
  return differences.slice(0, MOST_DIFFERENCES);
}

/** Schema differences, and the row counts of every table of either state. */
export function diffStates(left: Fingerprint, right: Fingerprint): StateDiff {
  const objects = objectDifferences(left.objects, right.objects);
  const tables = tablePairs(left.tables, right.tables);
  return {
    identical: objects.length === 0 && tables.every(({ same_rows }) => same_rows === true),
    objects: objects.slice(0, MOST_DIFFERENCES),
    tables: tables.slice(0, MOST_DIFFERENCES),
    truncated: objects.length > MOST_DIFFERENCES || tables.length > MOST_DIFFERENCES,
  };
}

function objectDifferences(
  left: readonly StateObject[],
  right: readonly StateObject[],
): StateDifference[] {
  const before = new Map(left.map((object) => [idOf(object), object]));
  const after = new Map(right.map((object) => [idOf(object), object]));
  const differences: StateDifference[] = [];
  for (const [id, object] of before) {
    const other = after.get(id);
    if (other?.definition !== object.definition) differences.push(difference(object, other));
  }
  for (const [id, object] of after)
    if (!before.has(id)) differences.push(difference(undefined, object));
  return differences.sort((a, b) => compare(a.kind, b.kind) || compare(a.name, b.name));
}

function difference(
  left: StateObject | undefined,
  right: StateObject | undefined,
): StateDifference {
  const { kind, name } = (left ?? right)!;
  const change = !left ? "added" : right ? "changed" : "removed";
  return { kind, name, change, left: cut(left?.definition), right: cut(right?.definition) };
}

function tablePairs(left: readonly TableRows[], right: readonly TableRows[]): Diff["tables"] {
  const after = new Map(right.map((table) => [`${table.schema}.${table.name}`, table]));
  const pairs = left.map((table) => {
    const id = `${table.schema}.${table.name}`;
    const other = after.get(id);
    after.delete(id);
    return pair(table, other);
  });
  pairs.push(...[...after.values()].map((table) => pair(undefined, table)));
  return pairs.sort((a, b) => compare(a.schema, b.schema) || compare(a.name, b.name));
}

function pair(left: TableRows | undefined, right: TableRows | undefined): Diff["tables"][number] {
  const { schema, name } = (left ?? right)!;
  const both = left !== undefined && right !== undefined;
  const compared = both && left.digest !== null && right.digest !== null;
  const differ = both && left.rows !== right.rows;
  return {
    schema,
    name,
    left_rows: left?.rows ?? null,
    right_rows: right?.rows ?? null,
    same_rows: !both || differ ? false : compared ? left.digest === right.digest : null,
  };
}

function idOf({ kind, name }: StateObject): string {
  return `${kind} ${name}`;
}

function cut(definition: string | undefined): string | null {
  if (definition === undefined) return null;
  return definition.length > LONGEST_DEFINITION
    ? `${definition.slice(0, LONGEST_DEFINITION)}…`
    : definition;
}

function rowsInWords(rows: number): string {
  return rows === 1 ? "1 row" : `${rows} rows`;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
