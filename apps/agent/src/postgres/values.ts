/** What only PostgreSQL writes so: times, booleans, JSON. */
import { columns, type Row } from "../engine/values.ts";

/** `2026-03-01 10:00:00.5+00` as `2026-03-01T10:00:00.500000Z`; `infinity` and `-infinity` as they are. */
export function time(text: string | null | undefined): string | null {
  if (text === null || text === undefined) return null;
  const parts = /^(\d{4,}-\d\d-\d\d) (\d\d:\d\d:\d\d)(?:\.(\d{1,6}))?\+00$/.exec(text);
  if (parts === null) return text.slice(0, 40);
  return `${parts[1]}T${parts[2]}.${(parts[3] ?? "").padEnd(6, "0")}Z`;
}

export function flag(text: string | null | undefined): boolean {
  return text === "t";
}

/** The JSON that a statement made of catalog entries; the type is a promise of that statement. */
export function json<T>(text: string | null | undefined): T | null {
  return text === null || text === undefined ? null : (JSON.parse(text) as T);
}

/** The named columns of `row` as times. */
export function times<K extends string>(row: Row, names: readonly K[]): Record<K, string | null> {
  return columns(row, names, time);
}
