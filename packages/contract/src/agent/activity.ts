/** Sessions and locks, sampled every few seconds between two payloads. */
import { z } from "zod";
import { maybeCounter, maybeTime, objectName, smallCount } from "./values.ts";

/** One session that was not idle, or that holds a transaction or blocks another. Its query is never sent. */
export const Session = z.object({
  pid: z.int(),
  backend_type: z.string().max(64),
  database: objectName.nullable(),
  user_name: objectName.nullable(),
  /** A program that the agent knows by its name (psql, pg_dump, …); any other is `other`: the text is its user's. */
  application: z.string().max(64).nullable(),
  state: z.string().max(40).nullable(),
  wait_event_type: z.string().max(64).nullable(),
  wait_event: z.string().max(64).nullable(),
  query_hash: z.string().max(64).nullable().describe("query_id in hexadecimal (14 and later)"),
  fingerprint: z.string().max(64).nullable(),
  kind: z.string().max(40).nullable().describe("The statement's first word or two: `alter table`"),
  run_id: z.uuid().nullable().optional(),
  backend_start: maybeTime,
  xact_start: maybeTime,
  query_start: maybeTime,
  state_change: maybeTime,
  xid_age: maybeCounter,
  xmin_age: maybeCounter,
  blocked_by: z.array(z.int()).max(1_000).optional(),
  waits_for: z
    .object({
      lock_type: z.string().max(40),
      mode: z.string().max(40),
      schema: objectName.nullable(),
      relation: objectName.nullable(),
      since: maybeTime,
    })
    .nullable()
    .optional(),
});
export type Session = z.infer<typeof Session>;

export const ActivitySample = z.object({
  at: z.string().max(40).describe("The server's clock"),
  sessions: z.array(Session).max(5_000),
  /** Sessions beyond the limit, by state. */
  omitted: smallCount.optional(),
  idle: smallCount.describe("Idle client sessions, which are only counted"),
});
export type ActivitySample = z.infer<typeof ActivitySample>;
