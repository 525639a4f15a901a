import { z } from "zod";
import { JobStage, JobStatus } from "./job-status.ts";
import { route } from "./route.ts";
import { id, instant, wholeNumber } from "./text.ts";

export const LogLevel = z.enum(["debug", "info", "warn", "error"]).meta({ id: "LogLevel" });
export type LogLevel = z.infer<typeof LogLevel>;

/** A line of a job's log. It never holds SQL, values or variables; `server` lines are what scripts made PostgreSQL say. */
export const LogLine = z
  .strictObject({
    id: z.number().int().describe("1, 2, 3 … within the job"),
    at: instant,
    stage: JobStage,
    level: LogLevel,
    source: z.enum(["quern", "server", "script"]).describe("script: of \\echo and \\warn"),
    message: z.string(),
    path: z.string().nullable(),
    line: z.number().int().nullable(),
    statement: z.number().int().nullable(),
    sqlstate: z.string().nullable(),
  })
  .meta({ id: "LogLine" });
export type LogLine = z.infer<typeof LogLine>;

/** `data:` of an `event: status` of the log stream. */
export const JobStatusEvent = z
  .strictObject({ id, status: JobStatus, stage: JobStage, steps_done: z.number().int() })
  .meta({ id: "JobStatusEvent" });
export type JobStatusEvent = z.infer<typeof JobStatusEvent>;

export const JobLogsPage = z.strictObject({
  items: z.array(LogLine),
  next_after: z.number().int().describe("To ask for what comes next"),
  finished: z.boolean().describe("The job has ended, and there is nothing after these"),
});
export type JobLogsPage = z.infer<typeof JobLogsPage>;

export const readJobLogs = route({
  operation: "readJobLogs",
  summary:
    "Lines of a job's log after one of them. With `Accept: text/event-stream` they are sent as they come: events `log`, `status` and `end`; `Last-Event-ID` goes on after a line",
  tag: "jobs",
  method: "GET",
  path: "/api/v1/jobs/:id/logs",
  params: z.strictObject({ id }),
  query: z.strictObject({
    after: wholeNumber({ min: 0, max: 1_000_000_000 }).optional().describe("0 when left out"),
    limit: wholeNumber({ min: 1, max: 1000 }).optional().describe("200 when left out"),
  }),
  replies: { 200: JobLogsPage },
});
