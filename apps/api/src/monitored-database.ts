/** What the routes of monitored databases share: which one it is, which time they are asked about, pages of lists. */
import { type DatabaseRow, findDatabases } from "@quern/health/read-databases";
import { BadRange, type Range, readRange } from "@quern/health/read-range";
import type { Actor } from "@quern/store/actor";
import type { Database } from "@quern/store/db";
import { ApiError, notFound } from "./problems.ts";

/** Throws not_found for one of another organisation, as for none. */
export async function theDatabase(db: Database, actor: Actor, id: string): Promise<DatabaseRow> {
  const [row] = await findDatabases(db, actor.org_id, { id });
  if (row === undefined) throw notFound("monitored database");
  return row;
}

/** Throws invalid_request for one that cannot be. */
export async function theRange(
  db: Database,
  query: { from?: string | undefined; to?: string | undefined },
): Promise<Range> {
  try {
    return await readRange(db, query);
  } catch (error) {
    if (!(error instanceof BadRange)) throw error;
    throw new ApiError("invalid_request", error.message, [
      { path: "query.from", message: error.message },
    ]);
  }
}

/** A cursor of the parts that say where a page ended. */
export function cursorOf(...parts: readonly string[]): string {
  return Buffer.from(JSON.stringify(parts)).toString("base64url");
}

/** The parts of a cursor; undefined without one. Throws invalid_request for what `cursorOf` did not make. */
export function partsOf(cursor: string | undefined, count: number): string[] | undefined {
  if (cursor === undefined) return undefined;
  const parts = jsonOf(Buffer.from(cursor, "base64url").toString());
  const whole =
    Array.isArray(parts) &&
    parts.length === count &&
    parts.every((part) => typeof part === "string");
  if (whole) return parts;
  throw new ApiError("invalid_request", "The cursor is not one of this list: leave it out.", [
    { path: "query.cursor", message: "is not one of this list" },
  ]);
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
