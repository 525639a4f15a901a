import type { ResultView } from "@quern/contract/run-results";
import { quote } from "../write/duckdb.ts";
import { comparedKeyOf, keyOf, keyOfValue, type StoredColumn, textOf } from "./order-keys.ts";
import type { Relation } from "./source.ts";

/** The rows of a view: equal ones stay in the order of the source. Values of filters are canonical (`parseFilters`). */
export function viewSql(
  { columns, names, sql }: Relation,
  view: Omit<ResultView, "statement">,
): string {
  const conditions = (view.filters ?? []).map((filter) =>
    conditionSql(must(columns, filter.column), filter),
  );
  const keys = (view.sort ?? []).map(({ column, direction, nulls }) => {
    // PostgreSQL's default: NULL is greater than everything.
    const place = nulls ?? (direction === "asc" ? "last" : "first");
    return `${keyOf(must(columns, column))} ${direction} nulls ${place}`;
  });
  const where = conditions.length === 0 ? "" : `where ${conditions.join(" and ")}`;
  const order = keys.length === 0 ? "" : `order by ${[...keys, "pos"].join(", ")}`;
  return `select ${names.join(", ")} from ${sql} ${where} ${order}`;
}

function conditionSql(
  stored: StoredColumn,
  filter: NonNullable<ResultView["filters"]>[number],
): string {
  const { operator, value = "", values = [] } = filter;
  switch (operator) {
    case "is_null":
      return `${presence(stored)} is null`;
    case "is_not_null":
      return `${presence(stored)} is not null`;
    case "in": {
      if (values.length === 0) return "false";
      const key = comparedKeyOf(stored, values);
      const isPlain = key === keyOf(stored);
      return `${key} in (${values.map((each) => valueSql(stored, each, isPlain)).join(", ")})`;
    }
    case "contains":
      return `contains(lower(${textOf(stored)}), lower(${quote(value)}))`;
    case "not_contains":
      return `not contains(lower(${textOf(stored)}), lower(${quote(value)}))`;
    case "starts_with":
      return `starts_with(lower(${textOf(stored)}), lower(${quote(value)}))`;
    default: {
      const key = comparedKeyOf(stored, [value]);
      return `${key} ${operator} ${valueSql(stored, value, key === keyOf(stored))}`;
    }
  }
}

function valueSql(stored: StoredColumn, value: string, isPlain: boolean): string {
  return isPlain ? keyOfValue(stored, value) : `number_key(${quote(value)})`;
}

/** NULL where the cell is: a value that its type cannot hold is in the side column. */
function presence({ index, side }: StoredColumn): string {
  return side ? `coalesce(x${index}, c${index}::varchar)` : `c${index}`;
}

function must(columns: StoredColumn[], index: number): StoredColumn {
  const column = columns[index];
  if (column === undefined) throw new Error(`the result has no column ${index}`);
  return column;
}
