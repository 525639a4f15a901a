import { z } from "zod";
import { JobSummary } from "./jobs.ts";
import { PersonRef } from "./members.ts";
import { route } from "./route.ts";
import { RunSummary } from "./runs.ts";
import { id } from "./text.ts";

/**
 * What the event stream says: each `event:` is a type, each `data:` its JSON. `run` comes when a run that you may
 * see is queued, starts, makes progress or ends; it has no rows, SQL or statements. `dashboard` comes when somebody saved
 * or deleted one that you may see. `job` comes when a job that you may see begins, gets further or ends. After a reconnect,
 * read anew.
 */
export const RunEvent = RunSummary.pick({
  id: true,
  kind: true,
  status: true,
  datasource: true,
  query: true,
  rows: true,
  bytes: true,
  truncated: true,
  queued_at: true,
  claimed_at: true,
  started_at: true,
  first_row_at: true,
  finished_at: true,
  created_by: true,
}).meta({ id: "RunEvent" });
export type RunEvent = z.infer<typeof RunEvent>;

export const DashboardEvent = z
  .strictObject({ id, version: z.number().int(), updated_by: PersonRef.nullable() })
  .meta({ id: "DashboardEvent" });
export type DashboardEvent = z.infer<typeof DashboardEvent>;

export const JobEvent = JobSummary.pick({
  id: true,
  type: true,
  status: true,
  stage: true,
  project: true,
  head_path: true,
  hit: true,
  run_id: true,
  error_code: true,
  created_by: true,
  created_at: true,
  queued_at: true,
  finished_at: true,
  duration_ms: true,
}).meta({ id: "JobEvent" });
export type JobEvent = z.infer<typeof JobEvent>;

export const streamEvents = route({
  operation: "streamEvents",
  summary:
    "Server-sent events: one stream for a tab (`hello`, `run`, `dashboard`, `job`, and a comment every 15 s)",
  tag: "events",
  method: "GET",
  path: "/api/v1/events",
  query: z.strictObject({}),
  media: ["text/event-stream"],
  replies: {},
});
