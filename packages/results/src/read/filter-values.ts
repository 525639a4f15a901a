/** Values of filters as their column's type reads them. The same types decide how stored cells compare: see `derive/`. */
import type { Column } from "@quern/contract/results";
import type { Filter } from "@quern/contract/run-results";
import { parseDate, parseTimestamp } from "./times.ts";

/** The text is no value of the column's type; the message says what would be. */
export class FilterValueError extends Error {
  override name = "FilterValueError";
}

/** How the values of a column compare. `number` is any decimal, `text` compares by UTF-8 bytes. */
export type Order = "bool" | "int" | "float" | "number" | "date" | "timestamp" | "text";

export function orderOf({ type, source_type }: Column): Order {
  switch (type) {
    case "bool":
    case "date":
      return type;
    case "int2":
    case "int4":
    case "int8":
      return "int";
    case "float4":
    case "float8":
      return "float";
    case "numeric":
      return "number";
    case "timestamp":
    case "timestamptz":
      return "timestamp";
    default:
      return NUMBERS_AS_TEXT.has(source_type) ? "number" : "text";
  }
}

/** Kept as text like all types that Quern has no own for, but their text is a number. */
const NUMBERS_AS_TEXT = new Set(["oid", "xid", "xid8", "cid"]);

const INT = /^[+-]?\d{1,19}$/;
const NUMBER = /^[+-]?(\d{1,131072}(\.\d{0,16383})?|\.\d{1,16383})(e[+-]?\d{1,5})?$/i;
const FLOAT = /^[+-]?(\d{1,400}(\.\d{0,400})?|\.\d{1,400})(e[+-]?\d{1,4})?$/i;
const UUID = /^\{?([0-9a-f]{4}-?){7}[0-9a-f]{4}\}?$/i;

/**
 * The canonical form of a value given as text: digits without a plus or leading zeros, days or microseconds since 1970
 * (`infinity` and `-infinity` stay words), lower-case UUIDs. Throws FilterValueError.
 */
export function parseFilterValue(column: Column, given: string): string {
  const value = orderOf(column) === "text" ? given : given.trim();
  switch (orderOf(column)) {
    case "bool": {
      if (/^(true|t|yes|on|1)$/i.test(value)) return "true";
      if (/^(false|f|no|off|0)$/i.test(value)) return "false";
      throw refused(column, given, "true or false");
    }
    case "int": {
      if (
        !INT.test(value) ||
        BigInt(value.replace("+", "")) !== BigInt.asIntN(64, BigInt(value.replace("+", "")))
      )
        throw refused(column, given, "a whole number between -2^63 and 2^63 - 1");
      return String(BigInt(value.replace("+", "")));
    }
    case "float": {
      const word = wordOf(value);
      if (word !== null) return word;
      if (!FLOAT.test(value)) throw refused(column, given, "a number, NaN, Infinity or -Infinity");
      return String(Number(value));
    }
    case "number": {
      const word = wordOf(value);
      if (word !== null) return word;
      if (!NUMBER.test(value))
        throw refused(column, given, "a decimal number, NaN, Infinity or -Infinity");
      return plainNumber(value);
    }
    case "date": {
      const days = parseDate(value);
      if (days === null)
        throw refused(column, given, "a date as 2026-11-21, 0044-03-15 BC, infinity or -infinity");
      return String(days);
    }
    case "timestamp": {
      const micros = parseTimestamp(value, column.type === "timestamptz");
      if (micros === null) {
        const zone = column.type === "timestamptz" ? "+00" : "";
        throw refused(
          column,
          given,
          `a time as 2026-11-21 03:54:00.123456${zone}, infinity or -infinity`,
        );
      }
      return String(micros);
    }
    case "text":
      return parseText(column, value);
  }
}

/** The filters with canonical values. Throws FilterValueError for one that its column cannot have. */
export function parseFilters(columns: Column[], filters: Filter[]): Filter[] {
  return filters.map((filter) => {
    const column = columns[filter.column];
    if (column === undefined)
      throw new FilterValueError(
        `there is no column ${filter.column}: the result has ${columns.length}`,
      );
    const { operator, value, values } = filter;
    switch (operator) {
      case "is_null":
      case "is_not_null":
        return { column: filter.column, operator };
      case "in":
        if (values === undefined) throw new FilterValueError("`in` needs `values`");
        return {
          column: filter.column,
          operator,
          values: [...new Set(values.map((each) => parseFilterValue(column, each)))].sort(),
        };
      default:
        if (value === undefined) throw new FilterValueError(`\`${operator}\` needs a \`value\``);
        if (!IN_TEXT.has(operator))
          return { column: filter.column, operator, value: parseFilterValue(column, value) };
        if (["bool", "float"].includes(orderOf(column)))
          throw new FilterValueError(
            `\`${operator}\` looks into text; column "${column.name}" is ${column.source_type}: compare it with = or <`,
          );
        return { column: filter.column, operator, value };
    }
  });
}

const IN_TEXT: ReadonlySet<string> = new Set(["contains", "not_contains", "starts_with"]);

function parseText(column: Column, value: string): string {
  if (column.type === "uuid") {
    if (!UUID.test(value.trim())) throw refused(column, value, "a UUID");
    const digits = value.toLowerCase().replace(/[^0-9a-f]/g, "");
    return digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
  }
  if (column.type === "bytea") {
    if (!/^\\x([0-9a-f]{2})*$/i.test(value.trim()))
      throw refused(column, value, "bytes as \\x00ff");
    return value.trim().toLowerCase();
  }
  return value;
}

function wordOf(value: string): string | null {
  if (/^nan$/i.test(value)) return "NaN";
  const infinite = /^([+-]?)inf(inity)?$/i.exec(value);
  return infinite === null ? null : infinite[1] === "-" ? "-Infinity" : "Infinity";
}

/** `+007.50` as `7.5`, `1e3` as `1000`. */
function plainNumber(value: string): string {
  const [mantissa = "", exponent = "0"] = value.toLowerCase().split("e");
  const [whole = "", fraction = ""] = mantissa.replace(/^[+-]/, "").split(".");
  const digits = whole + fraction;
  const point = whole.length + Number(exponent);
  const left = point > 0 ? digits.slice(0, point).padEnd(point, "0") : "";
  const right = point > 0 ? digits.slice(point) : "0".repeat(-point) + digits;
  const trimmed = `${left.replace(/^0+/, "") || "0"}.${right.replace(/0+$/, "")}`;
  const number = trimmed.endsWith(".") ? trimmed.slice(0, -1) : trimmed;
  return value.startsWith("-") && number !== "0" ? `-${number}` : number;
}

function refused({ name, source_type }: Column, value: string, what: string): FilterValueError {
  const shown = value.length > 100 ? `${value.slice(0, 100)}…` : value;
  return new FilterValueError(
    `"${shown}" is no value of column "${name}" (${source_type}): write ${what}`,
  );
}
