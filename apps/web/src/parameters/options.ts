import type { Parameter, ParameterOption } from "@quern/contract/parameters";
import type { Cell, Column } from "@quern/contract/results";

type Source = Pick<NonNullable<Parameter["options_query"]>, "value_column" | "label_column">;

function place(columns: Column[], names: (string | undefined)[]): number {
  for (const name of names) {
    if (name === undefined) continue;
    const at = columns.findIndex((column) => column.name.toLowerCase() === name.toLowerCase());
    if (at !== -1) return at;
  }
  return -1;
}

const textOf = (cell: Cell): string => (typeof cell === "string" ? cell : String(cell));

/**
 * The options that rows of a query stand for: values out of `value_column`, else the column `value`, else the first;
 * labels out of `label_column`, else `name` or `label`. Rows whose value is NULL and repeats are left out.
 */
export function optionsOfRows(
  columns: Column[],
  rows: Cell[][],
  source: Source,
): ParameterOption[] {
  const valueAt = Math.max(0, place(columns, [source.value_column, "value"]));
  const labelAt = place(columns, [source.label_column, "name", "label"]);
  const options = new Map<string, ParameterOption>();
  for (const row of rows) {
    const cell = row[valueAt] ?? null;
    if (cell === null) continue;
    const value = textOf(cell);
    if (options.has(value)) continue;
    const label = labelAt === -1 || row[labelAt] == null ? null : textOf(row[labelAt] ?? null);
    options.set(value, label === null || label === value ? { value } : { value, label });
  }
  return [...options.values()];
}
