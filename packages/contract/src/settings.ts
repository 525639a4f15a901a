import { z } from "zod";
import { DEFAULT_LIMITS, Limits } from "./datasources.ts";
import { instanceTtl } from "./instances.ts";
import { route } from "./route.ts";

/** Seconds that the rows of a result are kept after its run has ended: a minute to ten years. */
export const resultTtl = z.number().int().min(60).max(315_360_000);

/** What the limits of runs are bounded by whatever an admin sets. */
const bound = { ...Limits.shape, result_ttl_s: resultTtl };

function limitSetting<T extends z.ZodType>(value: T, meaning: string) {
  return z
    .strictObject({
      default: value.describe("Of runs that ask for nothing else"),
      maximum: value.describe("The most that a query, a datasource or a run may ask for"),
    })
    .describe(meaning);
}

/** Limits that an admin sets for the whole organisation. */
export const LimitSettings = z
  .strictObject({
    timeout_ms: limitSetting(bound.timeout_ms, "How long a run may take"),
    max_rows: limitSetting(bound.max_rows, "Rows of each statement"),
    max_bytes: limitSetting(bound.max_bytes, "Uncompressed bytes of each statement"),
    result_ttl_s: limitSetting(bound.result_ttl_s, "How long a result is kept, in seconds"),
  })
  .meta({ id: "LimitSettings" });
export type LimitSettings = z.infer<typeof LimitSettings>;
export type LimitName = keyof LimitSettings;

/** Seconds of a job or a state in the cache: a minute to ten years. */
const kept = z.number().int().min(60).max(315_360_000);

function jobSetting<T extends z.ZodType>(value: T, meaning: string) {
  return z
    .strictObject({
      default: value.describe("Of jobs that ask for nothing else"),
      maximum: value.describe("The most that a job may ask for"),
    })
    .describe(meaning);
}

/** What an admin sets for jobs of projects. Rows and bytes of a head's result are bounded as those of runs are. */
export const JobSettings = z
  .strictObject({
    timeout_ms: jobSetting(
      bound.timeout_ms,
      "How long each file of a project may take, the head included",
    ),
    job_ttl_s: jobSetting(kept, "How long a job is kept, with its logs, in seconds"),
    snapshot_ttl_s: jobSetting(kept, "How long a state is kept once nobody uses it, in seconds"),
    max_active_per_person: z
      .number()
      .int()
      .min(1)
      .max(1000)
      .describe("Jobs of one person that are worked on at the same time"),
    max_unfinished_per_person: z
      .number()
      .int()
      .min(1)
      .max(100_000)
      .describe("Jobs that one person may have waiting or under way"),
    max_blob_bytes: z
      .number()
      .int()
      .min(1024)
      .max(4 * 1024 ** 3)
      .describe("Of one file of a project"),
  })
  .meta({ id: "JobSettings" });
export type JobSettings = z.infer<typeof JobSettings>;

/** Those of the settings for jobs that have a default and a maximum. */
export type JobLimitName = "timeout_ms" | "job_ttl_s" | "snapshot_ttl_s";

/** What an admin sets for instances that people keep. */
export const InstanceSettings = z
  .strictObject({
    ttl_s: z
      .strictObject({
        default: instanceTtl.describe("Of instances that ask for nothing else"),
        maximum: instanceTtl.describe("The most from now on, when made or extended"),
      })
      .describe("How long an instance lives, in seconds"),
    max_per_person: z.number().int().min(0).max(1000).describe("Instances of one person at a time"),
    max_total: z.number().int().min(0).max(10_000).describe("Instances of all people at a time"),
  })
  .meta({ id: "InstanceSettings" });
export type InstanceSettings = z.infer<typeof InstanceSettings>;

const maxQueued = z.number().int().min(1).max(1_000_000);

export const Settings = z
  .strictObject({
    limits: LimitSettings,
    jobs: JobSettings,
    instances: InstanceSettings,
    max_queued_per_person: maxQueued.describe("Runs that one person may have in the queue"),
    display_links: z
      .boolean()
      .describe(
        "Whether links that show a dashboard to whoever has them may be made and used, for wall screens",
      ),
  })
  .meta({ id: "Settings" });
export type Settings = z.infer<typeof Settings>;

/** What holds until an admin says otherwise. */
export const DEFAULT_SETTINGS: Settings = {
  limits: {
    timeout_ms: { default: DEFAULT_LIMITS.timeout_ms, maximum: 3_600_000 },
    max_rows: { default: DEFAULT_LIMITS.max_rows, maximum: 50_000_000 },
    max_bytes: { default: DEFAULT_LIMITS.max_bytes, maximum: 20 * 1024 ** 3 },
    result_ttl_s: { default: 604_800, maximum: 7_776_000 },
  },
  jobs: {
    timeout_ms: { default: 60_000, maximum: 3_600_000 },
    job_ttl_s: { default: 86_400, maximum: 604_800 },
    snapshot_ttl_s: { default: 604_800, maximum: 2_592_000 },
    max_active_per_person: 4,
    max_unfinished_per_person: 1_000,
    max_blob_bytes: 256 * 1024 ** 2,
  },
  instances: {
    ttl_s: { default: 3_600, maximum: 86_400 },
    max_per_person: 5,
    max_total: 20,
  },
  max_queued_per_person: 10_000,
  display_links: false,
};

/** A change: what is left out stays. A default above its maximum is refused. */
export const SettingsChange = z.strictObject({
  limits: z
    .strictObject({
      timeout_ms: LimitSettings.shape.timeout_ms.partial().optional(),
      max_rows: LimitSettings.shape.max_rows.partial().optional(),
      max_bytes: LimitSettings.shape.max_bytes.partial().optional(),
      result_ttl_s: LimitSettings.shape.result_ttl_s.partial().optional(),
    })
    .optional(),
  jobs: z
    .strictObject({
      timeout_ms: JobSettings.shape.timeout_ms.partial().optional(),
      job_ttl_s: JobSettings.shape.job_ttl_s.partial().optional(),
      snapshot_ttl_s: JobSettings.shape.snapshot_ttl_s.partial().optional(),
      max_active_per_person: JobSettings.shape.max_active_per_person.optional(),
      max_unfinished_per_person: JobSettings.shape.max_unfinished_per_person.optional(),
      max_blob_bytes: JobSettings.shape.max_blob_bytes.optional(),
    })
    .optional(),
  instances: z
    .strictObject({
      ttl_s: InstanceSettings.shape.ttl_s.partial().optional(),
      max_per_person: InstanceSettings.shape.max_per_person.optional(),
      max_total: InstanceSettings.shape.max_total.optional(),
    })
    .optional(),
  max_queued_per_person: maxQueued.optional(),
  display_links: z.boolean().optional(),
});
export type SettingsChange = z.infer<typeof SettingsChange>;

const tag = "settings";

export const readSettings = route({
  operation: "readSettings",
  summary: "What an admin has set for the whole organisation: everybody may read it",
  tag,
  method: "GET",
  path: "/api/v1/settings",
  replies: { 200: Settings },
});

export const changeSettings = route({
  operation: "changeSettings",
  summary: "Change settings of the organisation; they hold for runs that begin from now on",
  tag,
  method: "PATCH",
  path: "/api/v1/settings",
  body: SettingsChange,
  replies: { 200: Settings },
});
