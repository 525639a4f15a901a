/** Sorting of rows that are all here, by the column's own order. */
import type { Cell, ColumnType } from "@quern/contract/results";
import { compareDecimals, type Decimal, parseDecimal } from "../format/decimal.ts";
import { instantOf } from "../format/time.ts";
import { language } from "../i18n/language.ts";
import { isNumeric } from "./cell-look.ts";

export type LocalSort = { column: number; direction: "asc" | "desc" };

const words = new Intl.Collator(language, { numeric: true });
const TIMES = new Set<ColumnType>(["date", "timestamp", "timestamptz"]);

type Key = { rank: number; value: Decimal | number | string | null };
const LOW = 0;
const VALUE = 1;
const HIGH = 2;
const NAN = 3;
const NULL = 4;

/** As PostgreSQL orders: -Infinity, values, Infinity, NaN. */
function keyOf(cell: Cell, type: ColumnType): Key {
  if (cell === null) return { rank: NULL, value: null };
  if (typeof cell === "boolean") return { rank: VALUE, value: Number(cell) };
  const text = String(cell);
  const isTime = TIMES.has(type);
  if ((isNumeric(type) || isTime) && /^-?inf/i.test(text))
    return { rank: text.startsWith("-") ? LOW : HIGH, value: null };
  if (isTime) return { rank: VALUE, value: timeKey(text) };
  if (!isNumeric(type)) return { rank: VALUE, value: text };
  const value = parseDecimal(text);
  return value === null ? { rank: NAN, value } : { rank: VALUE, value };
}

/** Years BC and beyond 9999 have no instant: a number that puts them before and after all others, by their year. */
function timeKey(text: string): number {
  const at = instantOf(text);
  if (at !== null)
    return at + Number(/\.\d{3}(\d{1,3})/.exec(text)?.[1]?.padEnd(3, "0") ?? 0) / 1000;
  const year = Number(/^(\d+)/.exec(text)?.[1] ?? 0);
  return (text.endsWith("BC") ? -year : year) * 31_556_952_000 - 62_167_219_200_000;
}

function compareKeys(a: Key, b: Key): number {
  if (a.rank !== b.rank || a.value === null || b.value === null) return a.rank - b.rank;
  if (typeof a.value === "object" && typeof b.value === "object")
    return compareDecimals(a.value, b.value);
  if (typeof a.value === "number" && typeof b.value === "number") return a.value - b.value;
  return words.compare(String(a.value), String(b.value));
}

/** The places of `rows` in their order; equal ones stay as they came. NULL stays last either way. */
export function orderOf(rows: Cell[][], type: ColumnType, sort: LocalSort | null): number[] {
  const places = rows.map((_, place) => place);
  if (sort === null) return places;
  const keys = rows.map((row) => keyOf(row[sort.column] ?? null, type));
  const factor = sort.direction === "asc" ? 1 : -1;
  return places.sort((a, b) => {
    const [x, y] = [keys[a]!, keys[b]!];
    if (x.rank === NULL || y.rank === NULL) return x.rank - y.rank;
    return factor * compareKeys(x, y);
  });
}
