import { z } from "zod";
import { DEFAULT_LIMITS, Limits } from "./datasources.ts";
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

const maxQueued = z.number().int().min(1).max(1_000_000);

export const Settings = z
  .strictObject({
    limits: LimitSettings,
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
