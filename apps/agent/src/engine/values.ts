/** Values as a server wrote them, as the payload has them. Nothing goes through a double that may not be exact in one. */
import type { Counter } from "@quern/contract/agent/values";

/** A row as the server wrote it: every value is text. */
export type Row = Record<string, string | null>;

/** The count as a number while that is exact, as its digits beyond; null for what is no whole number. */
export function counter(text: string | null | undefined): Counter | null {
  if (text === null || text === undefined || !/^-?\d{1,20}$/.test(text)) return null;
  const number = Number(text);
  return Number.isSafeInteger(number) ? number : text;
}

/** As `counter`, of a column that is never null. */
export function count(text: string | null | undefined): Counter {
  return counter(text) ?? 0;
}

/** A whole number that fits: a pid, an oid, a limit. */
export function whole(text: string | null | undefined): number | null {
  const value = counter(text);
  return typeof value === "number" ? value : null;
}

/** NaN and the infinities, which JSON does not have, are null. */
export function measure(text: string | null | undefined): number | null {
  if (text === null || text === undefined || text === "") return null;
  const number = Number(text);
  return Number.isFinite(number) ? number : null;
}

/** The named columns of `row` as counters. */
export function counters<K extends string>(
  row: Row,
  names: readonly K[],
): Record<K, Counter | null> {
  return columns(row, names, counter);
}

/** The named columns of `row` as numbers with a fraction. */
export function measures<K extends string>(
  row: Row,
  names: readonly K[],
): Record<K, number | null> {
  return columns(row, names, measure);
}

/** The named columns of `row`, each as `read` reads it. */
export function columns<K extends string, V>(
  row: Row,
  names: readonly K[],
  read: (text: string | null | undefined) => V,
): Record<K, V> {
  const values: Partial<Record<K, V>> = {};
  for (const name of names) values[name] = read(row[name]);
  return values as Record<K, V>;
}

/** Every column of `row` that is a number: of views whose columns differ between versions. */
export function numbers(row: Row): Record<string, Counter | number | null> {
  const found: Record<string, Counter | number | null> = {};
  for (const [name, text] of Object.entries(row)) {
    const value = counter(text) ?? measure(text);
    if (value !== null) found[name] = value;
  }
  return found;
}
