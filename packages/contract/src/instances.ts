import { z } from "zod";
import { PersonRef } from "./members.ts";
import { route } from "./route.ts";
import { cursor, id, instant, page, wholeNumber } from "./text.ts";

/** A job of type `instance` makes one; this is what one does with it afterwards. */
export const InstanceStatus = z
  .enum(["starting", "running", "resetting", "ended"])
  .meta({ id: "InstanceStatus" });
export type InstanceStatus = z.infer<typeof InstanceStatus>;

export const InstanceEnd = z
  .enum([
    "stopped",
    "expired",
    "disk_limit",
    "memory_limit",
    "crashed",
    "not_started",
    "sandbox_lost",
  ])
  .meta({ id: "InstanceEnd" });
export type InstanceEnd = z.infer<typeof InstanceEnd>;

/** Also what one signs in as: lower-case letters, digits and hyphens, a letter first, 2 to 48 of them. */
export const instanceName = z
  .string()
  .regex(
    /^[a-z][a-z0-9-]{1,47}$/,
    "must begin with a letter and go on with lower-case letters, digits or hyphens, 2 to 48 in all",
  );

/** A PostgreSQL that a person keeps for a while: a clone of a state, theirs alone. Changes are lost when it ends. */
export const Instance = z
  .strictObject({
    id,
    name: instanceName,
    status: InstanceStatus,
    owner: PersonRef.nullable(),
    project: z.strictObject({ id, name: z.string() }).nullable(),
    job_id: id.nullable().describe("The job that made it"),
    state_key: z.string().describe("The state it began with, in hexadecimal"),
    engine: z.string().describe("Exact version of PostgreSQL, such as 18.4"),
    environment: z.strictObject({
      extensions: z.array(z.string()),
      settings: z.record(z.string(), z.string()),
      superuser: z.boolean(),
    }),
    connection: z
      .strictObject({
        host: z.string(),
        port: z.number().int(),
        database: z.literal("project"),
        user: z.string(),
        sslmode: z.enum(["disable", "require"]),
        url: z.string().describe("A connection URL without the password"),
        has_password: z.boolean().describe("Whether one was made; it was shown then and only then"),
      })
      .nullable()
      .describe(
        "Where programs reach it; null when the sandbox has no proxy or the instance ended",
      ),
    datasource_id: id
      .nullable()
      .describe("As which it can be queried here, once somebody has opened it in the editor"),
    ttl_s: z.number().int(),
    expires_at: instant,
    remaining_s: z.number().int().describe("Until it ends by itself, by the server's clock"),
    may_extend_to: instant.describe("The latest time that it can be extended to now"),
    connections: z.number().int().describe("Sessions through the proxy that are open now"),
    last_used_at: instant.nullable(),
    resets: z.number().int(),
    created_at: instant,
    started_at: instant.nullable(),
    ended_at: instant.nullable(),
    end_reason: InstanceEnd.nullable(),
    end_detail: z.string().nullable(),
    may_change: z.boolean().describe("Whether the asking person may reset, extend or stop it"),
  })
  .meta({ id: "Instance" });
export type Instance = z.infer<typeof Instance>;

/** The only place that shows the password. */
export const InstanceLogin = z
  .strictObject({
    user: z.string(),
    password: z.string(),
    host: z.string(),
    port: z.number().int(),
    database: z.literal("project"),
    sslmode: z.enum(["disable", "require"]),
    url: z.string().describe("A connection URL with the password, for psql, drivers and tools"),
  })
  .meta({ id: "InstanceLogin" });
export type InstanceLogin = z.infer<typeof InstanceLogin>;

/** Seconds that an instance lives: a minute to 30 days; an admin sets the default and the maximum. */
export const instanceTtl = z.number().int().min(60).max(2_592_000);

const tag = "instances";
const byId = z.strictObject({ id });

export const listInstances = route({
  operation: "listInstances",
  summary: "Instances, the newest first: your own, or as an admin all",
  tag,
  method: "GET",
  path: "/api/v1/instances",
  query: z.strictObject({
    status: z.enum(["live", "ended", "all"]).optional().describe("live when left out"),
    owner: z.enum(["me", "all"]).optional().describe("me when left out; all only helps an admin"),
    project_id: id.optional(),
    limit: wholeNumber({ min: 1, max: 200 }).optional(),
    cursor,
  }),
  replies: { 200: page(Instance) },
});

export const readInstance = route({
  operation: "readInstance",
  summary: "One instance",
  tag,
  method: "GET",
  path: "/api/v1/instances/:id",
  params: byId,
  replies: { 200: Instance },
});

export const makeInstancePassword = route({
  operation: "makeInstancePassword",
  summary:
    "Make a password for connecting from outside; one made before holds no more for new connections",
  tag,
  method: "POST",
  path: "/api/v1/instances/:id/password",
  params: byId,
  replies: { 201: InstanceLogin },
});

export const openInstanceDatasource = route({
  operation: "openInstanceDatasource",
  summary:
    "Make it a datasource of its owner's, to query and chart it here; the same one when it is one. It ends with the instance, and so do queries that are saved on it",
  tag,
  method: "POST",
  path: "/api/v1/instances/:id/datasource",
  params: byId,
  replies: { 200: z.strictObject({ datasource_id: id }) },
});

export const resetInstance = route({
  operation: "resetInstance",
  summary: "Go back to the state it began with; open sessions end, name and password stay",
  tag,
  method: "POST",
  path: "/api/v1/instances/:id/reset",
  params: byId,
  replies: { 202: Instance },
});

export const extendInstance = route({
  operation: "extendInstance",
  summary: "Let it live so many seconds from now",
  tag,
  method: "POST",
  path: "/api/v1/instances/:id/extend",
  params: byId,
  body: z.strictObject({ ttl: instanceTtl }),
  replies: { 200: Instance },
});

export const stopInstance = route({
  operation: "stopInstance",
  summary: "End it now; what is in it is lost",
  tag,
  method: "POST",
  path: "/api/v1/instances/:id/stop",
  params: byId,
  replies: { 202: Instance },
});
