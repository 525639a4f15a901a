/**
 * Values of parameters in the page's address, so that a link shows what its sender saw: `p.city=ATL`, repeated for
 * several values, `p.period=last-7-day`, `p.period.start=…&p.period.end=…`. What no text can say has a name of its own:
 * `p.city.null=1` is NULL, `p.city.all=1` is All, `p.city.none=1` is an empty list.
 */
import type {
  Parameter,
  ParameterValue,
  ParameterValues,
  RelativeRange,
} from "@quern/contract/parameters";

/** The shape of vue-router's query. */
export type AddressQuery = Record<string, string | null | (string | null)[] | undefined>;
type Shape = Pick<Parameter, "name" | "type" | "multiple">;

const PREFIX = "p.";
const MARKS = ["null", "all", "none", "start", "end"] as const;
const RELATIVE =
  /^(?:(last|next)-(\d{1,5})-(minute|hour|day|week|month|quarter|year)(-now)?|this-(minute|hour|day|week|month|quarter|year))$/;

export function isAll(value: ParameterValue | undefined): value is { all: true } {
  return typeof value === "object" && value !== null && "all" in value;
}

export function isRelative(value: ParameterValue | undefined): value is RelativeRange {
  return typeof value === "object" && value !== null && "relative" in value;
}

export function isFixedRange(
  value: ParameterValue | undefined,
): value is { start: string; end: string } {
  return typeof value === "object" && value !== null && "start" in value;
}

/** `last-7-day`, `last-7-day-now` with the unit that goes on now, `this-month`. */
export function relativeText(range: RelativeRange): string {
  if (range.relative === "this") return `this-${range.unit}`;
  return `${range.relative}-${range.count ?? 1}-${range.unit}${range.include_current ? "-now" : ""}`;
}

/** The range that `relativeText` wrote; null for other text. */
export function parseRelative(text: string): RelativeRange | null {
  const match = RELATIVE.exec(text);
  if (match === null) return null;
  const [, relative, count, unit, now, current] = match;
  if (current !== undefined) return { relative: "this", unit: current as RelativeRange["unit"] };
  const range: RelativeRange = {
    relative: relative as "last" | "next",
    count: Number(count),
    unit: unit as RelativeRange["unit"],
  };
  return now === undefined ? range : { ...range, include_current: true };
}

/** The parts of the address that say one value; none when there is no value. */
export function writeValue(
  name: string,
  value: ParameterValue | undefined,
): Record<string, string | string[]> {
  const key = PREFIX + name;
  if (value === undefined) return {};
  if (value === null) return { [`${key}.null`]: "1" };
  if (Array.isArray(value)) return value.length === 0 ? { [`${key}.none`]: "1" } : { [key]: value };
  if (typeof value !== "object") return { [key]: String(value) };
  if (isAll(value)) return { [`${key}.all`]: "1" };
  if (isRelative(value)) return { [key]: relativeText(value) };
  return { [`${key}.start`]: value.start, [`${key}.end`]: value.end };
}

const listOf = (value: AddressQuery[string]): string[] =>
  value === undefined ? [] : [value].flat().map((each) => each ?? "");

/** The value of one parameter in the address, by its type; undefined when the address does not name it. */
export function readValue(shape: Shape, query: AddressQuery): ParameterValue | undefined {
  const key = PREFIX + shape.name;
  const mark = (name: (typeof MARKS)[number]) => listOf(query[`${key}.${name}`])[0];
  if (mark("null") !== undefined) return null;
  if (mark("all") !== undefined) return { all: true };
  const list = listOf(query[key]);
  if (shape.multiple === true) {
    if (mark("none") !== undefined) return [];
    return list.length === 0 ? undefined : list;
  }
  const [first] = list;
  if (shape.type === "date_range") {
    const start = mark("start");
    const end = mark("end");
    if (start !== undefined || end !== undefined) return { start: start ?? "", end: end ?? "" };
    return (first === undefined ? null : parseRelative(first)) ?? undefined;
  }
  if (shape.type === "boolean" && (first === "true" || first === "false")) return first === "true";
  return first;
}

/** The values that the address gives to these parameters. */
export function readValues(shapes: Shape[], query: AddressQuery): ParameterValues {
  const values: ParameterValues = {};
  for (const shape of shapes) {
    const value = readValue(shape, query);
    if (value !== undefined) values[shape.name] = value;
  }
  return values;
}

/** What has to change in an address so that it says `values` and nothing else of parameters; null takes a part out. */
export function addressChanges(
  query: AddressQuery,
  values: ParameterValues,
): Record<string, string | string[] | null> {
  const changes: Record<string, string | string[] | null> = {};
  for (const key of Object.keys(query)) if (key.startsWith(PREFIX)) changes[key] = null;
  for (const [name, value] of Object.entries(values))
    Object.assign(changes, writeValue(name, value));
  return changes;
}

/** Whether two values mean the same: a number and its digits do. */
export function sameValue(a: ParameterValue | undefined, b: ParameterValue | undefined): boolean {
  return JSON.stringify(writeValue("x", a)) === JSON.stringify(writeValue("x", b));
}
