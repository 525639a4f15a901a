/**
 * Sorting and filters of a result in the page's address: `sort=2.desc,0.asc` by index of the column, and one
 * `filter=3:gte:100` a condition. The API knows operators as signs; the address has words for them.
 */
import type { Filter, SortKey } from "@quern/contract/run-results";

type Operator = Filter["operator"];

const WORDS: Record<Operator, string> = {
  "=": "eq",
  "<>": "ne",
  "<": "lt",
  "<=": "lte",
  ">": "gt",
  ">=": "gte",
  in: "in",
  contains: "contains",
  not_contains: "lacks",
  starts_with: "starts",
  is_null: "null",
  is_not_null: "set",
};
const OPERATORS = new Map(Object.entries(WORDS).map(([sign, word]) => [word, sign as Operator]));
const MAX_SORT_KEYS = 10;
const MAX_FILTERS = 50;

export function sortText(sort: SortKey[]): string | null {
  return sort.length === 0 ? null : sort.map((key) => `${key.column}.${key.direction}`).join(",");
}

/** The sort keys of the address; those of columns that the result does not have are left out. */
export function parseSort(text: string | null, columns: number): SortKey[] {
  const keys: SortKey[] = [];
  for (const part of (text ?? "").split(",")) {
    const match = /^(\d{1,4})\.(asc|desc)$/.exec(part);
    const column = Number(match?.[1]);
    if (match === null || column >= columns || keys.some((key) => key.column === column)) continue;
    keys.push({ column, direction: match[2] as SortKey["direction"] });
  }
  return keys.slice(0, MAX_SORT_KEYS);
}

/** What a press on a column's head does: up, down, off. `add` keeps the other keys, otherwise this is the only one. */
export function nextSort(sort: SortKey[], column: number, add: boolean): SortKey[] {
  const known = sort.find((key) => key.column === column);
  const others = add ? sort.filter((key) => key.column !== column) : [];
  if (known?.direction === "desc") return others;
  const next: SortKey = { column, direction: known ? "desc" : "asc" };
  if (!add || known === undefined) return [...others, next].slice(-MAX_SORT_KEYS);
  return sort.map((key) => (key.column === column ? next : key));
}

export function filterText(filter: Filter): string {
  const head = `${filter.column}:${WORDS[filter.operator]}`;
  if (filter.operator === "in") return `${head}:${JSON.stringify(filter.values ?? [])}`;
  return filter.value === undefined ? head : `${head}:${filter.value}`;
}

/** The filter that `filterText` wrote; null for other text. */
export function parseFilter(text: string): Filter | null {
  const match = /^(\d{1,4}):([a-z]+)(?::([\s\S]*))?$/.exec(text);
  const operator = OPERATORS.get(match?.[2] ?? "");
  if (match === null || operator === undefined) return null;
  const column = Number(match[1]);
  const rest = match[3];
  if (operator === "is_null" || operator === "is_not_null") return { column, operator };
  if (rest === undefined) return null;
  if (operator !== "in") return { column, operator, value: rest };
  const values = parseList(rest);
  return values === null ? null : { column, operator, values };
}

export function parseFilters(texts: string[], columns: number): Filter[] {
  return texts
    .map(parseFilter)
    .filter((filter): filter is Filter => filter !== null && filter.column < columns)
    .slice(0, MAX_FILTERS);
}

function parseList(text: string): string[] | null {
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) && value.every((each) => typeof each === "string") ? value : null;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}
