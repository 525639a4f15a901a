/** One value of one parameter: checked, read, and written anew as what PostgreSQL is sent. */
import type { Parameter, ParameterValue, RelativeRange, RunParameter } from "../parameters.ts";
import { isStorableText } from "../text.ts";
import { ValueError } from "./errors.ts";
import { float8Text, int8Text, numericText } from "./numbers.ts";
import { demandMatch } from "./pattern.ts";
import { isDayUnit, relativeDays, relativeInstants } from "./relative-range.ts";
import { dateText, isDateText, timestampText, timestamptzText } from "./times.ts";

export type Bound = RunParameter["bound"];
/** The SQL types that values are declared as. */
export type SqlType =
  | "text"
  | "text[]"
  | "int8"
  | "numeric"
  | "float8"
  | "bool"
  | "date"
  | "timestamp"
  | "timestamptz";

export function isAll(value: ParameterValue | undefined): value is { all: true } {
  return typeof value === "object" && value !== null && "all" in value;
}

/** What is bound for a value other than all. Throws `ValueError`. */
export function boundValue(definition: Parameter, value: ParameterValue, now: Date): Bound {
  const { name, type } = definition;
  if (type === "date_range") return boundRange(definition, value, now);
  if (type === "identifier") {
    const names = optionValues(definition);
    if (typeof value !== "string" || !names.includes(value)) throw notAmong(names);
    return [];
  }
  if (type === "enum" && definition.multiple) {
    return [{ name, sql_type: "text[]", value: listOfOptions(definition, value) }];
  }
  const text = value === null ? null : scalarText(definition, value);
  return [{ name, sql_type: scalarType(type), value: text }];
}

/** NULL for every name that the parameter has, for one that may be left out. */
export function boundNull(definition: Parameter): Bound {
  const { name, type } = definition;
  if (type !== "date_range") {
    const sql_type = type === "enum" && definition.multiple ? "text[]" : scalarType(type);
    return [{ name, sql_type, value: null }];
  }
  const sql_type = definition.bound_as ?? "date";
  return [`${name}.start`, `${name}.end`].map((part) => ({ name: part, sql_type, value: null }));
}

function scalarType(type: Parameter["type"]): SqlType {
  switch (type) {
    case "boolean":
      return "bool";
    case "enum":
    case "identifier":
    case "date_range":
      return "text";
    default:
      return type;
  }
}

function scalarText(definition: Parameter, value: NonNullable<ParameterValue>): string {
  switch (definition.type) {
    case "int8":
      return int8Text(value);
    case "numeric":
      return numericText(value);
    case "float8":
      return float8Text(value);
    case "boolean":
      if (typeof value !== "boolean") throw new ValueError("must be true or false");
      return String(value);
    case "date":
      return dateText(value);
    case "timestamp":
      return timestampText(value);
    case "timestamptz":
      return timestamptzText(value, definition.time_zone ?? "UTC");
    case "enum":
      return option(definition, value);
    default:
      return textOf(definition, value);
  }
}

function textOf(definition: Parameter, value: ParameterValue): string {
  if (typeof value !== "string") throw new ValueError("must be text");
  if (!isStorableText(value)) {
    throw new ValueError("must not contain a NUL character or half of a surrogate pair");
  }
  if (definition.pattern !== undefined) demandMatch(definition.pattern, value);
  return value;
}

/** Options out of a query are not looked up: they are bound, and what the query gives changes. */
function option(definition: Parameter, value: ParameterValue): string {
  const text = textOf({ ...definition, type: "text" }, value);
  if (definition.options_query !== undefined) return text;
  const options = optionValues(definition);
  if (!options.includes(text)) throw notAmong(options);
  return text;
}

function listOfOptions(definition: Parameter, value: ParameterValue): string[] {
  if (!Array.isArray(value)) throw new ValueError("must be a list of options");
  return value.map((each) => option(definition, each));
}

export function optionValues(definition: Parameter): string[] {
  return (definition.options ?? []).map(({ value }) => value);
}

function notAmong(options: string[]): ValueError {
  const shown = options.slice(0, 10).join(", ");
  return new ValueError(`must be one of: ${shown}${options.length > 10 ? " …" : ""}`);
}

/**
 * A range's two ends, as `bound_as` says; without it as dates when they are days, else as instants. The start is in the
 * range and the end is not.
 */
function boundRange(definition: Parameter, value: ParameterValue, now: Date): Bound {
  const zone = definition.time_zone ?? "UTC";
  const { sql_type, start, end } = isRelative(value)
    ? relativeEnds(definition, value, zone, now)
    : fixedEnds(definition, value, zone);
  if (moment(start, sql_type) > moment(end, sql_type)) {
    throw new ValueError(`must begin before it ends: ${start} is after ${end}`);
  }
  const { name } = definition;
  return [
    { name: `${name}.start`, sql_type, value: start },
    { name: `${name}.end`, sql_type, value: end },
  ];
}

function isRelative(value: ParameterValue): value is RelativeRange {
  return typeof value === "object" && value !== null && "relative" in value;
}

function relativeEnds(definition: Parameter, range: RelativeRange, zone: string, now: Date) {
  const sql_type = definition.bound_as ?? (isDayUnit(range.unit) ? "date" : "timestamptz");
  if (sql_type === "timestamptz") return { sql_type, ...relativeInstants(range, zone, now) };
  if (!isDayUnit(range.unit)) {
    throw new ValueError(
      `must be of days or longer: this parameter is bound as ${sql_type}; choose timestamptz for ${range.unit}s`,
    );
  }
  const days = relativeDays(range, zone, now);
  if (sql_type === "date") return { sql_type, ...days };
  return { sql_type, start: timestampText(days.start), end: timestampText(days.end) };
}

function fixedEnds(definition: Parameter, value: ParameterValue, zone: string) {
  if (typeof value !== "object" || value === null || !("start" in value)) {
    throw new ValueError(
      'must be {"start", "end"}, or a range such as {"relative": "last", "count": 7, "unit": "day"}',
    );
  }
  const areDays = isDateText(value.start) && isDateText(value.end);
  const sql_type = definition.bound_as ?? (areDays ? "date" : "timestamptz");
  const read = (text: string) => {
    if (sql_type === "timestamptz") return timestamptzText(text, zone);
    if (sql_type === "timestamp") return timestampText(text);
    if (!isDateText(text)) throw new ValueError("must be of days, such as 2026-11-21");
    return dateText(text);
  };
  return { sql_type, start: read(value.start), end: read(value.end) };
}

/** Texts of one type in their order: as long as they go down to the same digit, that is the order of the text. */
function moment(text: string, sql_type: string): string {
  if (sql_type === "date") return text;
  const [seconds = "", fraction = ""] = text.replace("Z", "").split(".");
  return `${seconds}.${fraction.padEnd(6, "0")}`;
}
