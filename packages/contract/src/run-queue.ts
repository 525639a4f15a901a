import { z } from "zod";
import { route } from "./route.ts";
import { RunStatus } from "./run-started.ts";
import { id } from "./text.ts";

/** Why a queued run waits, and for how many others. */
export const QueuePlace = z
  .strictObject({
    status: RunStatus,
    position: z
      .number()
      .int()
      .nullable()
      .describe(
        "1 is next; exact within the datasource, by age among others; null when the run is not queued any more",
      ),
    position_is_exact: z
      .boolean()
      .describe("false: at least so many are ahead; no more than 10,000 are counted"),
    blocked_by: z
      .enum(["no_runner", "runner_slots", "datasource_concurrency"])
      .nullable()
      .describe("The cap that holds this run back; null when it may be claimed at any moment"),
    runners: z.number().int().describe("Runners that gave a sign of life lately"),
    slots: z.number().int().describe("Runs that they can execute at the same time"),
    running: z.number().int().describe("Runs that they execute now"),
    datasource_running: z.number().int(),
    datasource_max_concurrency: z.number().int().nullable(),
  })
  .meta({ id: "QueuePlace" });
export type QueuePlace = z.infer<typeof QueuePlace>;

export const readRunQueue = route({
  operation: "readRunQueue",
  summary: "A run's place in the queue, and what it waits for",
  tag: "runs",
  method: "GET",
  path: "/api/v1/runs/:id/queue",
  params: z.strictObject({ id }),
  replies: { 200: QueuePlace },
});
