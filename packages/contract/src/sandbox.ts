import { z } from "zod";
import { route } from "./route.ts";
import { id, instant } from "./text.ts";

export const SandboxEngine = z
  .strictObject({
    major: z.number().int(),
    version: z.string().describe("Such as 18.4"),
    extensions: z.array(
      z.strictObject({
        name: z.string(),
        version: z.string(),
        trusted: z.boolean().describe("A script may create it by itself"),
      }),
    ),
  })
  .meta({ id: "SandboxEngine" });
export type SandboxEngine = z.infer<typeof SandboxEngine>;

export const SandboxCapacity = z
  .strictObject({
    slots: z.number().int().describe("Jobs at the same time"),
    running: z.number().int(),
    clone: z.enum(["reflink", "overlay", "copy"]).describe("How instances are made of layers"),
    isolation: z
      .string()
      .describe("How instances are kept apart, in words: own user, network namespace, cgroup"),
    superuser: z.boolean().describe("Whether an environment may ask for a superuser"),
    cache_bytes: z.number().int(),
    cache_max_bytes: z.number().int(),
    disk_free_bytes: z.number().int().nullable(),
    pool: z.number().int().describe("Instances kept started ahead of need, at most"),
  })
  .meta({ id: "SandboxCapacity" });
export type SandboxCapacity = z.infer<typeof SandboxCapacity>;

export const SandboxProcess = z
  .strictObject({
    id: z.string(),
    store_id: id.describe("Its cache; processes on one data folder share one"),
    hostname: z.string(),
    started_at: instant,
    seen_at: instant,
    alive: z.boolean().describe("It gave a sign of life within the last 15 seconds"),
    engines: z.array(SandboxEngine),
    capacity: SandboxCapacity,
    proxy: z
      .strictObject({ host: z.string(), port: z.number().int(), tls: z.boolean() })
      .nullable()
      .describe("Where its instances are reached"),
  })
  .meta({ id: "SandboxProcess" });
export type SandboxProcess = z.infer<typeof SandboxProcess>;

export const readSandbox = route({
  operation: "readSandbox",
  summary:
    "The processes that run projects, and what they have; none: jobs wait until one is started",
  tag: "jobs",
  method: "GET",
  path: "/api/v1/sandbox",
  replies: {
    200: z
      .strictObject({
        available: z.boolean().describe("At least one process is alive"),
        engines: z.array(SandboxEngine).describe("Of all processes that are alive"),
        default_engine: z.number().int().nullable(),
        processes: z.array(SandboxProcess),
        waiting: z.number().int().describe("Jobs that wait to be claimed"),
        active: z.number().int().describe("Jobs that a process works on"),
      })
      .meta({ id: "Sandbox" }),
  },
});
