import { z } from "zod";
import { SECTIONS } from "../collector.ts";
import type { Pace } from "./agent-config.ts";

export const PACES = [...SECTIONS, "activity"] as const;

/** The names of the original agent, and its aliases of them. */
const ORIGINAL_NAMES: Record<string, Pace> = {
  query_stats: "statements",
  pg_stat_statements: "statements",
  table_stats: "tables",
  pg_stat_user_tables: "tables",
  index_stats: "indexes",
  pg_stat_user_indexes: "indexes",
  pg_settings: "settings",
  schema_metadata: "schema",
};

/** One name of `collection.metrics`. */
export const metric = z.string().transform((name, context): Pace => {
  const known = PACES.find((it) => it === name) ?? ORIGINAL_NAMES[name];
  if (known !== undefined) return known;
  const names = [...PACES, ...Object.keys(ORIGINAL_NAMES)].join(", ");
  context.addIssue(`${JSON.stringify(name)} is none of ${names}`);
  return z.NEVER;
});

const SECOND = 1_000;
const MINUTE = 60 * SECOND;

/** How often each part is read when nothing else is configured. */
export const DEFAULT_PACES: Readonly<Record<Pace, number>> = {
  activity: 10 * SECOND,
  statements: MINUTE,
  server: MINUTE,
  tables: 5 * MINUTE,
  indexes: 5 * MINUTE,
  sequences: 5 * MINUTE,
  // Looked at often, sent when it has changed and once a day.
  settings: 5 * MINUTE,
  schema: 10 * MINUTE,
  column_statistics: 10 * MINUTE,
  bloat: 60 * MINUTE,
  plans: 10 * MINUTE,
  custom_metrics: MINUTE,
};
