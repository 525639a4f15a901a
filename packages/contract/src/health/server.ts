/** Sessions, locks, vacuum, replication, settings, schema: what belongs to the server, read through one of its databases. */
import { z } from "zod";
import { Session } from "../agent/activity.ts";
import { SchemaSnapshot } from "../agent/schema.ts";
import { ServerStats } from "../agent/server.ts";
import { route } from "../route.ts";
import { id, instant, text } from "../text.ts";
import { compare, RangeAnswer, range, SectionState, SeriesAnswer } from "./ranges.ts";

const tag = "health";
const byId = z.strictObject({ id });

/** A statement that a session was at: found by its database and query_hash, else by its fingerprint (before 14). */
export const SessionStatement = z
  .strictObject({
    id: z.string().describe("A number of ours"),
    database_id: id,
    database: z.string(),
    user_name: z.string(),
    query_hash: z.string(),
    fingerprint: z.string().nullable(),
    query: z.string().nullable(),
  })
  .meta({ id: "SessionStatement" });
export type SessionStatement = z.infer<typeof SessionStatement>;

export const readSessions = route({
  operation: "readDatabaseSessions",
  summary: "Sessions and locks as of a time: the sample at or before it",
  tag,
  method: "GET",
  path: "/api/v1/databases/:id/sessions",
  params: byId,
  query: z.strictObject({ at: instant.optional().describe("now when left out") }),
  replies: {
    200: z.strictObject({
      state: SectionState,
      at: instant.nullable(),
      previous_at: instant.nullable(),
      next_at: instant.nullable(),
      sessions: z.array(Session),
      idle: z.int(),
      omitted: z.int(),
      statements: z
        .array(SessionStatement)
        .describe("Those of the sessions that are known; the texts cut at 2,000 characters"),
    }),
  },
});

export const readSessionSamples = route({
  operation: "readDatabaseSessionSamples",
  summary:
    "When there are samples, how many sessions were active and how many blocked: for the scrubber",
  tag,
  method: "GET",
  path: "/api/v1/databases/:id/sessions/samples",
  params: byId,
  query: z.strictObject(range),
  replies: {
    200: z.strictObject({
      range: RangeAnswer,
      items: z.array(
        z.strictObject({
          at: instant,
          active: z.int(),
          blocked: z.int(),
          longest_wait_s: z.number().nullable(),
        }),
      ),
    }),
  },
});

export const readServer = route({
  operation: "readDatabaseServer",
  summary:
    "The server as last seen: vacuum and horizon, replicas and slots, WAL, checkpoints, connections",
  tag,
  method: "GET",
  path: "/api/v1/databases/:id/server",
  params: byId,
  replies: {
    200: z.strictObject({
      state: SectionState,
      at: instant.nullable(),
      server: ServerStats.nullable(),
      parts: z
        .record(z.string(), SectionState)
        .describe("Parts of it that could not be read, by the agent's name: server.replication …"),
    }),
  },
});

export const Setting = z
  .strictObject({
    name: z.string(),
    value: z.string().nullable(),
    unit: z.string().nullable(),
    category: z.string().nullable(),
    source: z.string().nullable(),
    default_value: z.string().nullable(),
    pending_restart: z.boolean(),
    context: z.string().nullable(),
    changed_at: instant.nullable(),
    history: z.array(
      z.strictObject({
        value: z.string().nullable(),
        from_at: instant,
        until_at: instant.nullable(),
      }),
    ),
  })
  .meta({ id: "HealthSetting" });
export type Setting = z.infer<typeof Setting>;

export const listSettings = route({
  operation: "listDatabaseSettings",
  summary: "Settings of the server with their history",
  tag,
  method: "GET",
  path: "/api/v1/databases/:id/settings",
  params: byId,
  query: z.strictObject({
    search: text(200).optional(),
    only: z.enum(["changed", "not_default", "pending_restart"]).optional(),
  }),
  replies: { 200: z.strictObject({ state: SectionState, items: z.array(Setting) }) },
});

export const readDatabaseSchema = route({
  operation: "readDatabaseSchema",
  summary: "The schema as of a time",
  tag,
  method: "GET",
  path: "/api/v1/databases/:id/schema",
  params: byId,
  query: z.strictObject({ at: instant.optional() }),
  replies: {
    200: z.strictObject({
      state: SectionState,
      hash: z.string().nullable(),
      from_at: instant.nullable(),
      versions: z.array(
        z.strictObject({ hash: z.string(), from_at: instant, last_seen_at: instant }),
      ),
      schema: SchemaSnapshot.nullable(),
    }),
  },
});

/** One thing that is in one of two schemas, or different in them. */
export const SchemaChange = z
  .strictObject({
    type: z.enum([
      "table",
      "column",
      "index",
      "constraint",
      "extension",
      "routine",
      "trigger",
      "publication",
      "schema",
    ]),
    change: z.enum(["added", "removed", "changed"]),
    object: z.string(),
    before: z.unknown().nullable(),
    after: z.unknown().nullable(),
    fields: z.array(z.string()),
  })
  .meta({ id: "SchemaChange" });
export type SchemaChange = z.infer<typeof SchemaChange>;

export const diffDatabaseSchema = route({
  operation: "diffDatabaseSchema",
  summary: "What differs between the schema of two times",
  tag,
  method: "GET",
  path: "/api/v1/databases/:id/schema/diff",
  params: byId,
  query: z.strictObject({ before: instant, after: instant.optional() }),
  replies: {
    200: z.strictObject({ before_at: instant, after_at: instant, changes: z.array(SchemaChange) }),
  },
});

export const readReplication = route({
  operation: "readDatabaseReplication",
  summary: "Lag of replicas, what slots keep, WAL and checkpoints over time",
  tag,
  method: "GET",
  path: "/api/v1/databases/:id/replication",
  params: byId,
  query: z.strictObject({ ...range, compare }),
  replies: { 200: z.strictObject({ state: SectionState, history: SeriesAnswer }) },
});
