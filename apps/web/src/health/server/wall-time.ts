/** Times as the clock on somebody's wall shows them, for fields of the type datetime-local. */
import { instantAt, wallOf } from "../../chart/instants.ts";

/** `2026-03-01T09:30:05` of an instant, in `zone`. */
export function wallText(instant: string, zone: string): string {
  return new Date(wallOf(Date.parse(instant), zone)).toISOString().slice(0, 19);
}

const WHOLE = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?$/;
/** PostgreSQL knows no server before: somebody who types a year goes by 0002, 0020 and 0202. */
const FIRST_YEAR = 1996;

/** The instant that `text` stands for in `zone`; null for what is no time, or none of these days. */
export function instantOfWall(text: string, zone: string): string | null {
  if (!WHOLE.test(text)) return null;
  const wall = Date.parse(`${text}Z`);
  if (Number.isNaN(wall) || new Date(wall).getUTCFullYear() < FIRST_YEAR) return null;
  return new Date(instantAt(wall, zone)).toISOString();
}

/** The instant that an address says; null for none, and for what is none. */
export function instantOfAddress(text: string | null): string | null {
  const time = Date.parse(text ?? "");
  return Number.isNaN(time) ? null : new Date(time).toISOString();
}
