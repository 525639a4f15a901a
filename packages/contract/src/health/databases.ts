/** Monitored databases: the fleet, one of them, its numbers over time, and its link to a datasource. */
import { z } from "zod";
import { DatabaseType } from "../agent/payload.ts";
import { route } from "../route.ts";
import { cursor, id, instant, page, text, wholeNumber } from "../text.ts";
import { compare, RangeAnswer, range, SectionState, SeriesAnswer } from "./ranges.ts";

export const Category = z
  .enum([
    "connections",
    "performance",
    "storage",
    "replication",
    "maintenance",
    "horizon",
    "wal",
    "locks",
  ])
  .meta({ id: "HealthCategory" });
export type Category = z.infer<typeof Category>;

/** 100 less what findings cost. `coverage` is the share of the rules that could be judged, 0 to 1. */
export const HealthScore = z
  .strictObject({
    score: z.int(),
    coverage: z.number(),
    capped_by: z
      .string()
      .nullable()
      .describe("The rule of a critical fact that caps the score at 30"),
    categories: z.array(
      z.strictObject({
        category: Category,
        score: z
          .int()
          .nullable()
          .describe("null: nothing in it could be judged, its weight went to the others"),
        weight: z.number(),
        lost: z.array(z.strictObject({ rule: z.string(), finding_id: id, points: z.number() })),
      }),
    ),
    at: instant,
  })
  .meta({ id: "HealthScore" });
export type HealthScore = z.infer<typeof HealthScore>;

export const AgentState = z.enum(["live", "late", "silent", "paused", "revoked", "none"]);

const database = {
  id,
  name: z.string(),
  server: z.strictObject({
    id,
    name: z.string(),
    type: DatabaseType,
    version: z.string().describe("Short: 18.4"),
    provider: z.string(),
    in_recovery: z.boolean().nullable(),
  }),
  agent: z.strictObject({ id, name: z.string(), state: AgentState }).nullable(),
  datasource: z.strictObject({ id, name: z.string() }).nullable(),
  is_main: z.boolean(),
  interval_s: z.number().nullable(),
  last_taken_at: instant.nullable(),
  first_seen_at: instant,
  score: HealthScore.pick({ score: true, coverage: true }).nullable(),
  findings: z.strictObject({ critical: z.int(), warning: z.int(), info: z.int() }),
};

export const MonitoredDatabase = z
  .strictObject({
    ...database,
    /** For the fleet's sparkline: the last 24 hours, an hour a place, average active sessions or null. */
    load: z.array(z.number().nullable()),
    size_bytes: z.number().nullable(),
  })
  .meta({ id: "MonitoredDatabase" });
export type MonitoredDatabase = z.infer<typeof MonitoredDatabase>;

export const MonitoredDatabaseDetails = z
  .strictObject({
    ...database,
    score: HealthScore.nullable(),
    version: z.string().describe("The whole text of version()"),
    provider_metadata: z.record(z.string(), z.unknown()),
    /** By section: statements, tables, indexes, schema, settings, server, activity, sequences, bloat. */
    sections: z.record(z.string(), SectionState),
    siblings: z
      .array(z.strictObject({ id, name: z.string() }))
      .describe("Others of the same server"),
    replicas: z
      .array(
        z.strictObject({ server_id: id, name: z.string(), in_recovery: z.boolean().nullable() }),
      )
      .describe("Others of the same cluster"),
  })
  .meta({ id: "MonitoredDatabaseDetails" });
export type MonitoredDatabaseDetails = z.infer<typeof MonitoredDatabaseDetails>;

/** What is different from the same length of time before. */
export const Change = z.strictObject({
  type: z.enum(["metric", "statement", "finding", "event"]),
  title_key: z
    .string()
    .describe(
      "What changed: a metric's name, a rule's, an event's type; slower_statement or new_statement",
    ),
  subject: z.string().nullable().describe("Of a statement its id, of a finding its object"),
  before: z.number().nullable(),
  after: z.number().nullable(),
  at: instant.nullable(),
});

export const Overview = z
  .strictObject({
    range: RangeAnswer,
    changes: z.array(Change),
    load_by_wait: SeriesAnswer.describe(
      "Average active sessions by type of wait; CPU is no wait. With `compare` all of them a week before as `load:week`",
    ),
    load_by_statement: z.array(
      z.strictObject({
        statement_id: z.string().nullable(),
        query: z.string().nullable(),
        query_hash: z.string().nullable(),
        load: z.number(),
        share: z.number(),
      }),
    ),
    throughput: SeriesAnswer,
    agent_share: z
      .number()
      .nullable()
      .describe("Of the time of the server that the agent's own statements took"),
  })
  .meta({ id: "HealthOverview" });
export type Overview = z.infer<typeof Overview>;

const tag = "health";
const byId = z.strictObject({ id });

export const listDatabases = route({
  operation: "listDatabases",
  summary: "Monitored databases with their score, findings and load",
  tag,
  method: "GET",
  path: "/api/v1/databases",
  query: z.strictObject({
    search: text(200).optional(),
    datasource_id: id.optional(),
    limit: wholeNumber({ min: 1, max: 500 }).optional(),
    cursor,
  }),
  replies: { 200: page(MonitoredDatabase) },
});

export const readDatabase = route({
  operation: "readDatabase",
  summary: "A monitored database: score, state of each section",
  tag,
  method: "GET",
  path: "/api/v1/databases/:id",
  params: byId,
  replies: { 200: MonitoredDatabaseDetails },
});

export const linkDatabase = route({
  operation: "linkDatabase",
  summary: "Say which datasource a monitored database is; null undoes it",
  tag,
  method: "PATCH",
  path: "/api/v1/databases/:id",
  params: byId,
  body: z.strictObject({ datasource_id: id.nullable() }),
  replies: { 200: MonitoredDatabaseDetails },
});

export const forgetDatabase = route({
  operation: "forgetDatabase",
  summary: "Forget a monitored database with its history; it comes back when an agent sends for it",
  tag,
  method: "DELETE",
  path: "/api/v1/databases/:id",
  params: byId,
  replies: { 204: z.null() },
});

export const readOverview = route({
  operation: "readDatabaseOverview",
  summary: "What changed, and the load by wait and by statement",
  tag,
  method: "GET",
  path: "/api/v1/databases/:id/overview",
  params: byId,
  query: z.strictObject({ ...range, compare }),
  replies: { 200: Overview },
});

export const readMetrics = route({
  operation: "readDatabaseMetrics",
  summary: "Numbers of the database and its server over time (names: HEALTH_METRICS)",
  tag,
  method: "GET",
  path: "/api/v1/databases/:id/metrics",
  params: byId,
  query: z.strictObject({
    ...range,
    names: text(2_000).describe("Comma-separated; counters are answered per second"),
    compare,
  }),
  replies: { 200: SeriesAnswer },
});
