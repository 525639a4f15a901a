/** Values of the agent's payload that occur in many sections. */
import { z } from "zod";
import { text } from "../text.ts";

/**
 * A counter or size of the server, which may be beyond 2^53: a JSON number as long as it is exact in JavaScript, the
 * decimal digits as a string otherwise. Negative only where the server says so (a clock of its own, -1 for "never").
 */
export const counter = z.union([z.int(), z.string().regex(/^-?\d{1,20}$/)]);
export type Counter = z.infer<typeof counter>;

/** A counter of a section that this server's version does not have, or that may not be read, is null. */
export const maybeCounter = counter.nullable();

/** Milliseconds, seconds, ratios. NaN and infinity of the server are null. */
export const measure = z.number();
export const maybeMeasure = measure.nullable();

/** A count of what is there at one time. */
export const smallCount = z.int32();

/** Two levels for each node of a plan; PostgreSQL itself refuses JSON from some thousands on. */
const DEEPEST = 1_000;

/** JSON as the server made it. */
export const json = z
  .unknown()
  .refine((value) => isWithin(value, DEEPEST), `is nested more than ${DEEPEST} deep`);

function isWithin(value: unknown, deepest: number): boolean {
  let level = [value];
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth > deepest) return false;
    level = level.flatMap((each) =>
      typeof each === "object" && each !== null ? Object.values(each) : [],
    );
  }
  return true;
}

/** Names are the server's own, at most 63 bytes there; 256 characters leave room for other engines. */
export const objectName = text(256);

/**
 * A time as PostgreSQL prints it in UTC with microseconds (`2026-03-01T10:00:00.123456Z`), or `infinity`, `-infinity`.
 */
export const serverTime = z.string().max(40);
export const maybeTime = serverTime.nullable();

/** A query's text after normalisation: no literal is left in it. */
export const normalisedText = text(100_000);
