/** What a click on a mark or a row of a tile does, as its settings say. */

import type { Parameter, ParameterValue, ParameterValues } from "@quern/contract/parameters";
import type { Cell, Column } from "@quern/contract/results";
import type { TileClick } from "@quern/contract/tiles";
import { sameValue, writeValue } from "../parameters/address.ts";

export type Clicked = { columns: Column[]; row: Cell[] };
type Set = Exclude<TileClick, { type: "link" }>["set"];

/** A cell as the value of a parameter: numbers and times as their text, so that no digit is lost. */
function cellValue(cell: Cell): ParameterValue {
  return cell === null || typeof cell === "boolean" ? cell : String(cell);
}

/** The values that `set` takes from the clicked row and from the dashboard; those of columns that are gone are left out. */
export function clickedValues(set: Set, clicked: Clicked, held: ParameterValues): ParameterValues {
  const values: ParameterValues = {};
  for (const [name, from] of Object.entries(set)) {
    const value = sourceValue(from, clicked, held);
    if (value !== undefined) values[name] = value;
  }
  return values;
}

function sourceValue(
  from: Set[string],
  { columns, row }: Clicked,
  held: ParameterValues,
): ParameterValue | undefined {
  switch (from.type) {
    case "fixed":
      return from.value;
    case "parameter":
      return held[from.name];
    case "column": {
      const at = columns.findIndex((column) => column.name === from.column);
      return at === -1 ? undefined : cellValue(row[at] ?? null);
    }
  }
}

/** A value as its parameter takes it: one of several becomes a list. */
function fitted(parameter: Parameter | undefined, value: ParameterValue): ParameterValue {
  if (parameter?.multiple === true && typeof value === "string") return [value];
  return value;
}

/**
 * What the values of the dashboard become: the clicked ones, or, when all of them are set already, without them, so that a
 * second click takes the first one back. undefined takes a value away. Parameters that the dashboard lacks are left out.
 */
export function filterChange(
  params: Parameter[],
  held: ParameterValues,
  values: ParameterValues,
): Record<string, ParameterValue | undefined> {
  const fitting = Object.entries(values).flatMap(([name, value]) => {
    const parameter = params.find((each) => each.name === name);
    return parameter === undefined ? [] : [[name, fitted(parameter, value)] as const];
  });
  const isSet = fitting.every(([name, value]) => sameValue(held[name], value));
  return Object.fromEntries(fitting.map(([name, value]) => [name, isSet ? undefined : value]));
}

/** The query of an address that has these values in its parameters. */
export function valuesQuery(values: ParameterValues): Record<string, string | string[]> {
  return Object.assign(
    {},
    ...Object.entries(values).map(([name, value]) => writeValue(name, value)),
  );
}

/**
 * The address that a link leads to, with each `{column}` replaced by the clicked row's value, percent-encoded; null when that
 * makes no address of the web. What stands before the first `/` after the host is never replaced.
 */
export function linkAddress(template: string, { columns, row }: Clicked): string | null {
  const origin = /^https?:\/\/[^/?#{}]+/.exec(template)?.[0];
  if (origin === undefined) return null;
  const rest = template.slice(origin.length);
  if (rest !== "" && !/^[/?#]/.test(rest)) return null;
  const filled = rest.replace(/\{([^{}]*)\}/g, (_, name: string) => {
    const cell = row[columns.findIndex((column) => column.name === name)] ?? null;
    return cell === null ? "" : encodeURIComponent(String(cell));
  });
  return URL.canParse(origin + filled) ? origin + filled : null;
}

/** Parameters that a click on some tile sets: their values are shown as chips that can be taken away. */
export function filterNames(clicks: (TileClick | null)[]): string[] {
  return [
    ...new Set(clicks.flatMap((click) => (click?.type === "filter" ? Object.keys(click.set) : []))),
  ];
}
