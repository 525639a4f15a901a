/**
 * What DuckDB sorts, groups and compares stored cells by, so that the order is that of the column's own type in
 * PostgreSQL: infinite and far times, NaN and decimals of any length included, which are kept as text.
 */
import type { Column } from "@quern/contract/results";
import type { Physical } from "../physical.ts";
import { type Order, orderOf } from "../read/filter-values.ts";
import { quote } from "../write/duckdb.ts";

/** A column of a source: how it compares, is kept, and whether it has a side column in some part. */
export type StoredColumn = {
  index: number;
  column: Column;
  order: Order;
  kind: Physical;
  side: boolean;
};

export function storedColumns(
  columns: Column[],
  kinds: Physical[],
  sides: ReadonlySet<number>,
): StoredColumn[] {
  return columns.map((column, index) => ({
    index,
    column,
    order: orderOf(column),
    kind: kinds[index] ?? { kind: "text" },
    side: sides.has(index),
  }));
}

const INFINITE = "1000000000000000000000000000000";
/** 400 years, a whole cycle of the calendar. */
const CYCLE_MICROS = "12622780800000000";

/**
 * A decimal as a text whose bytes are in the order of the numbers: its sign, the number of digits before the point, the
 * digits (their complements when it is negative).
 */
export const NUMBER_KEY_MACROS = [
  `create macro digits_key(t) as
     lpad(length(split_part(t, '.', 1))::varchar, 6, '0') || split_part(t, '.', 1) || '.' || rtrim(split_part(t, '.', 2), '0')`,
  `create macro number_key(t) as case
     when t = 'NaN' then '5' when t = 'Infinity' then '4' when t = '-Infinity' then '1'
     when starts_with(t, '-') then '2' || translate(digits_key(substr(t, 2)), '0123456789', '9876543210') || '~'
     else '3' || digits_key(t) end`,
];

/** SQL of the key of a cell; NULL for NULL. */
export function keyOf(stored: StoredColumn): string {
  const cell = `c${stored.index}`;
  const side = stored.side ? `x${stored.index}` : null;
  switch (stored.order) {
    case "date":
      return withSide(`(${cell} - date '1970-01-01')::hugeint`, side, infinities(side));
    case "timestamp":
      return withSide(
        microsOf(cell),
        side,
        `${infinities(side)} when true then ${farMicros(side)}`,
      );
    case "number":
      if (stored.kind.kind === "text") return `number_key(${cell})`;
      return decimalKey(stored, side);
    default:
      return cell;
  }
}

/** More than any decimal of 18 digits, and in the order of PostgreSQL: NaN is the greatest. */
const BEYOND: Record<string, string> = {
  "-Infinity": "-10000000000000000000",
  Infinity: "10000000000000000000",
  NaN: "20000000000000000000",
};

function decimalKey(stored: StoredColumn, side: string | null): string {
  const type = decimalType(stored);
  const cases = Object.entries(BEYOND).map(
    ([word, value]) => `when ${side} = '${word}' then '${value}'::${type}`,
  );
  return withSide(
    `c${stored.index}::${type}`,
    side,
    `${cases.join(" ")} else try_cast(${side} as ${type})`,
  );
}

export function scaleOf({ kind }: StoredColumn): number {
  return kind.kind === "decimal" ? kind.scale : 0;
}

function decimalType(stored: StoredColumn): string {
  return `decimal(38, ${scaleOf(stored)})`;
}

function withSide(main: string, side: string | null, cases: string): string {
  return side === null ? main : `case when ${side} is null then ${main} ${cases} end`;
}

function infinities(side: string | null): string {
  return `when ${side} = 'infinity' then ${INFINITE}::hugeint when ${side} = '-infinity' then -${INFINITE}::hugeint`;
}

/** DuckDB takes the two ends of 64 bits for its own infinities; here they are times. */
export function microsOf(cell: string): string {
  return `case when isinf(${cell}) then 9223372036854775807::hugeint else epoch_us(${cell})::hugeint end`;
}

/** A time beyond the year 294246, counted one cycle of the calendar earlier. Its year has six digits. */
function farMicros(side: string | null): string {
  return `(epoch_us(((left(${side}, 6)::integer - 400)::varchar || replace(substr(${side}, 7), '+00', ''))::timestamp)::hugeint + ${CYCLE_MICROS}::hugeint)`;
}

/** SQL of the key of a canonical filter value. */
export function keyOfValue(stored: StoredColumn, value: string): string {
  switch (stored.order) {
    case "bool":
      return `${quote(value)}::boolean`;
    case "int":
      return `${quote(value)}::bigint`;
    case "float":
      return `${quote(value)}::${stored.kind.kind === "float4" ? "float" : "double"}`;
    case "date":
    case "timestamp":
      if (value === "infinity") return `${INFINITE}::hugeint`;
      return value === "-infinity" ? `-${INFINITE}::hugeint` : `${quote(value)}::hugeint`;
    case "number":
      return fitsDecimal(stored, value)
        ? `'${BEYOND[value] ?? value}'::${decimalType(stored)}`
        : `number_key(${quote(value)})`;
    default:
      return quote(value);
  }
}

/** The key to compare with these values: one of them may have more digits than its column. */
export function comparedKeyOf(stored: StoredColumn, values: string[]): string {
  return stored.order !== "number" || values.every((value) => fitsDecimal(stored, value))
    ? keyOf(stored)
    : `number_key(${textOf(stored)})`;
}

function fitsDecimal(stored: StoredColumn, value: string): boolean {
  if (stored.kind.kind !== "decimal") return false;
  if (Object.hasOwn(BEYOND, value)) return true;
  const match = /^-?(\d{1,18})(?:\.(\d+))?$/.exec(value);
  return match !== null && (match[2]?.length ?? 0) <= scaleOf(stored);
}

/** SQL of the text of a cell, as the API gives it; of floats, DuckDB's. */
export function textOf(stored: StoredColumn): string {
  const cell = `c${stored.index}`;
  const text = plainText(cell, stored.kind);
  return stored.side ? `coalesce(x${stored.index}, ${text})` : text;
}

function plainText(cell: string, kind: Physical): string {
  switch (kind.kind) {
    case "text":
      return cell;
    case "date":
      return `replace(${cell}::varchar, '(BC)', 'BC')`;
    case "timestamp":
    case "timestamptz":
      return timestampText(cell, kind.kind === "timestamptz" ? "+00" : "");
    default:
      return `${cell}::varchar`;
  }
}

function timestampText(cell: string, zone: string): string {
  // A timestamptz is shifted to no zone by `at time zone 'UTC'`; DuckDB writes the era before the clock or after it.
  const naive = zone === "" ? cell : `(${cell} at time zone 'UTC')`;
  return `(replace(${naive}::varchar, ' (BC)', '') || '${zone}' || case when year(${naive}) <= 0 then ' BC' else '' end)`;
}
