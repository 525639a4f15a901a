import { z } from "zod";
import { route } from "../route.ts";
import { cursor, id, instant, page, text, wholeNumber } from "../text.ts";
import { range } from "./ranges.ts";

/** What happened at a time. New types may come: show an unknown one by its name. */
export const EVENT_TYPES = [
  "restart",
  "crash",
  "failover",
  "statistics_reset",
  "statements_reset",
  "setting",
  "schema",
  "version",
  "extension",
  "gap",
  "clock_step",
  "agent",
  "finding",
  "deploy",
  "note",
] as const;

export const HealthEvent = z
  .strictObject({
    id,
    at: instant,
    type: z.string(),
    subject: z.string().nullable().describe("The setting, the relation, the version deployed"),
    details: z.record(z.string(), z.unknown()),
    source: z.enum(["agent", "api", "advisor"]),
    database: z.strictObject({ id, name: z.string() }).nullable(),
    server: z.strictObject({ id, name: z.string() }).nullable(),
    created_by: z.string().nullable(),
  })
  .meta({ id: "HealthEvent" });
export type HealthEvent = z.infer<typeof HealthEvent>;

const tag = "health";

export const listEvents = route({
  operation: "listDatabaseEvents",
  summary: "What happened to a database and its server, the newest first",
  tag,
  method: "GET",
  path: "/api/v1/databases/:id/events",
  params: z.strictObject({ id }),
  query: z.strictObject({
    ...range,
    type: text(500).optional().describe("One type, or several with commas between"),
    limit: wholeNumber({ min: 1, max: 500 }).optional(),
    cursor,
  }),
  replies: {
    200: page(HealthEvent).extend({
      counts: z.record(z.string(), z.int()).describe("By type, of the whole range and all types"),
    }),
  },
});

export const createEvent = route({
  operation: "createHealthEvent",
  summary: "Mark a deploy or leave a note on the timeline, of one database or of all",
  tag,
  method: "POST",
  path: "/api/v1/health/events",
  body: z.strictObject({
    type: z.enum(["deploy", "note"]),
    subject: text(200).min(1),
    at: instant.optional(),
    database_id: id.optional(),
    details: z.record(z.string().max(64), text(2_000)).optional(),
    source_key: text(200)
      .optional()
      .describe("The same key is stored once: a pipeline that is run again"),
  }),
  replies: { 201: HealthEvent },
});
