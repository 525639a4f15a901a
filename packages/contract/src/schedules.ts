import { z } from "zod";
import { PersonRef } from "./members.ts";
import { ParameterValues } from "./parameters.ts";
import { route } from "./route.ts";
import { RunStatus } from "./run-started.ts";
import { cursor, id, instant, name, page, text, wholeNumber } from "./text.ts";

export const OverlapPolicy = z
  .enum(["skip", "queue", "cancel_previous"])
  .describe(
    "When the runs of the firing before go on: do not run, run after them, or cancel them and run",
  )
  .meta({ id: "OverlapPolicy" });
export type OverlapPolicy = z.infer<typeof OverlapPolicy>;

export const MisfirePolicy = z
  .enum(["run_latest", "run_all", "skip"])
  .describe("Times that passed while no runner was up: run the last of them, every one, or none")
  .meta({ id: "MisfirePolicy" });
export type MisfirePolicy = z.infer<typeof MisfirePolicy>;

export const FiringOutcome = z
  .enum(["enqueued", "waiting", "skipped_overlap", "skipped_misfire", "failed"])
  .describe("waiting: it runs when the runs of the firing before have ended")
  .meta({ id: "FiringOutcome" });
export type FiringOutcome = z.infer<typeof FiringOutcome>;

/** One time that a schedule was due, or was run by hand. */
export const Firing = z
  .strictObject({
    id,
    schedule_id: id,
    trigger: z.enum(["schedule", "manual"]),
    fire_at: instant.describe("When it was due"),
    fired_at: instant,
    outcome: FiringOutcome,
    message: z.string().nullable().describe("Why nothing was run, in a sentence"),
    status: RunStatus.nullable().describe("Of all its runs together; null when there are none"),
    finished_at: instant.nullable().describe("When the last of its runs ended"),
    rows: z.number().int(),
    runs: z.array(
      z.strictObject({
        id,
        status: RunStatus,
        tile_id: id.nullable(),
        title: z.string().describe("Of the tile, or the name of the query"),
        rows: z.number().int(),
        error: z.string().nullable(),
      }),
    ),
  })
  .meta({ id: "Firing" });
export type Firing = z.infer<typeof Firing>;

const ScheduleTarget = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("query"), query_id: id }),
  z.strictObject({
    type: z.literal("dashboard"),
    dashboard_id: id,
    tile_ids: z
      .array(id)
      .min(1)
      .max(200)
      .nullable()
      .describe("null: every tile, also those of later"),
  }),
]);

const recurrence = text(200).describe(
  "Cron of five fields, or words: `every 15m`, `hourly :20`, `daily 03:00`, `weekdays 08:30`, `weekly mon,thu 09:00`, `every 2 weeks fri 09:00 from 2026-11-27`, `monthly 1 06:00`, `monthly last 06:00`, `monthly first mon 09:00`, `yearly mar 1 06:00`",
);
const timeZone = text(64).describe("IANA name, such as America/Toronto");

export const ScheduleInput = z.strictObject({
  name,
  target: ScheduleTarget,
  recurrence,
  time_zone: timeZone,
  params: ParameterValues.optional(),
  overlap_policy: OverlapPolicy.optional().describe("skip when left out"),
  misfire_policy: MisfirePolicy.optional().describe("run_latest when left out"),
  paused: z.boolean().optional(),
});
export type ScheduleInput = z.infer<typeof ScheduleInput>;

export const Schedule = z
  .strictObject({
    id,
    name: z.string(),
    target: z.discriminatedUnion("type", [
      ScheduleTarget.options[0].extend({ name: z.string() }),
      ScheduleTarget.options[1].extend({ name: z.string() }),
    ]),
    recurrence: z.string(),
    time_zone: z.string(),
    params: ParameterValues,
    overlap_policy: OverlapPolicy,
    misfire_policy: MisfirePolicy,
    paused_at: instant.nullable(),
    next_fire_at: instant.nullable().describe("null: paused, or it can never fire again"),
    trouble: z
      .string()
      .nullable()
      .describe("Why it cannot run now, in a sentence: its query is gone, its owner left, …"),
    owner: PersonRef.nullable().describe("With whose rights it runs"),
    last_firing: Firing.omit({ runs: true }).nullable(),
    recent: z
      .array(
        z.strictObject({
          id,
          fire_at: instant,
          outcome: FiringOutcome,
          status: RunStatus.nullable(),
        }),
      )
      .describe("The last 30 firings, the oldest first"),
    created_at: instant,
    updated_at: instant,
  })
  .meta({ id: "Schedule" });
export type Schedule = z.infer<typeof Schedule>;

const byId = z.strictObject({ id });
const tag = "schedules";

export const listSchedules = route({
  operation: "listSchedules",
  summary: "Schedules, the next to fire first",
  tag,
  method: "GET",
  path: "/api/v1/schedules",
  query: z.strictObject({
    search: text(200).optional(),
    query_id: id.optional(),
    dashboard_id: id.optional(),
    state: z.enum(["active", "paused", "failing"]).optional(),
    limit: wholeNumber({ min: 1, max: 200 }).optional(),
    cursor,
  }),
  replies: { 200: page(Schedule) },
});

export const createSchedule = route({
  operation: "createSchedule",
  summary: "Run a query, a dashboard or some of its tiles again and again, with your rights",
  tag,
  method: "POST",
  path: "/api/v1/schedules",
  body: ScheduleInput,
  replies: { 201: Schedule },
});

export const readSchedule = route({
  operation: "readSchedule",
  summary: "One schedule",
  tag,
  method: "GET",
  path: "/api/v1/schedules/:id",
  params: byId,
  replies: { 200: Schedule },
});

export const changeSchedule = route({
  operation: "changeSchedule",
  summary:
    "Change, pause or resume a schedule. Who says what it runs, by `target` or `params`, owns it from then on: it runs with their rights",
  tag,
  method: "PATCH",
  path: "/api/v1/schedules/:id",
  params: byId,
  body: ScheduleInput.partial(),
  replies: { 200: Schedule },
});

export const deleteSchedule = route({
  operation: "deleteSchedule",
  summary: "Delete a schedule and its firing history; its runs stay",
  tag,
  method: "DELETE",
  path: "/api/v1/schedules/:id",
  params: byId,
  replies: { 204: z.null() },
});

export const fireSchedule = route({
  operation: "fireSchedule",
  summary: "Run it now; when it fires next stays as it is",
  tag,
  method: "POST",
  path: "/api/v1/schedules/:id/fire",
  params: byId,
  replies: { 202: Firing },
});

export const listFirings = route({
  operation: "listFirings",
  summary: "When a schedule fired, the last first",
  tag,
  method: "GET",
  path: "/api/v1/schedules/:id/firings",
  params: byId,
  query: z.strictObject({ limit: wholeNumber({ min: 1, max: 200 }).optional(), cursor }),
  replies: { 200: page(Firing) },
});

export const previewRecurrence = route({
  operation: "previewRecurrence",
  summary: "What a recurrence means, and when it fires next",
  tag,
  method: "POST",
  path: "/api/v1/schedules/preview",
  body: z.strictObject({ recurrence, time_zone: timeZone, from: instant.optional() }),
  replies: {
    200: z.strictObject({
      words: z.string().describe("In English"),
      next: z
        .array(
          z.strictObject({
            fire_at: instant,
            note: z
              .enum(["moved_out_of_gap", "first_of_two"])
              .nullable()
              .describe("Around a change of the clocks"),
          }),
        )
        .describe("Up to five"),
    }),
  },
});
