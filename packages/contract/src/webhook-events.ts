/** What webhooks are told: the registry of events, and the body of a message. */
import { z } from "zod";
import { JobType } from "./job-status.ts";
import { id, instant } from "./text.ts";

/** A new kind of event is one entry here and one in `WebhookPayload`. */
export const WebhookEvent = z
  .enum(["job.completed", "job.failed", "job.canceled"])
  .meta({ id: "WebhookEvent" });
export type WebhookEvent = z.infer<typeof WebhookEvent>;

/** What the test button sends; nobody subscribes to it. */
export const TEST_EVENT = "webhook.test";

/** A job that ended: what it was and how it went, without SQL, rows or messages of the engine, which may quote both. */
export const JobNews = z
  .strictObject({
    id,
    type: JobType,
    request_id: z.string().nullable(),
    project_id: id.nullable(),
    user_id: id.nullable(),
    status: z.enum(["completed", "failed", "canceled"]),
    head_path: z.string().nullable(),
    tail_hash: z.string().nullable(),
    snapshot: z
      .strictObject({
        state_key: z.string().nullable(),
        layer_id: z.string().nullable(),
        hit: z.enum(["full", "prefix", "miss"]).nullable(),
        replayed_steps: z.number().int().nullable(),
        reproducible: z.boolean().nullable(),
      })
      .nullable(),
    run_id: id.nullable().describe("Where the rows are: GET /api/v1/runs/{run_id}/rows"),
    rows: z.number().int().nullable().describe("How many rows the head returned"),
    error: z
      .strictObject({
        code: z.string(),
        sqlstate: z.string().nullable(),
        path: z.string().nullable(),
        line: z.number().int().nullable(),
      })
      .nullable()
      .describe("Why it failed; the words are in GET /api/v1/jobs/{id}"),
    metrics: z.record(z.string(), z.union([z.number(), z.boolean(), z.null()])),
    telemetry_context: z.json().describe("As the caller sent it"),
    created_at: instant,
    finished_at: instant,
  })
  .meta({ id: "JobNews" });
export type JobNews = z.infer<typeof JobNews>;

const envelope = {
  version: z.literal(1).describe("Of this format; fields may be added without a new one"),
  id: id.describe("Of the event: the same in every attempt, and in the header webhook-id"),
  created_at: instant,
};

/** The body of a message. */
export const WebhookPayload = z
  .discriminatedUnion("event", [
    z.strictObject({
      ...envelope,
      event: z.enum(["job.completed", "job.failed", "job.canceled"]),
      job: JobNews,
    }),
    z.strictObject({
      ...envelope,
      event: z.literal(TEST_EVENT),
      webhook: z.strictObject({ id, name: z.string() }),
    }),
  ])
  .meta({ id: "WebhookPayload" });
export type WebhookPayload = z.infer<typeof WebhookPayload>;
