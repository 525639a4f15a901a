import { z } from "zod";
import { PersonRef } from "./members.ts";
import { Parameter, ParameterValues } from "./parameters.ts";
import { placement, tags } from "./placement.ts";
import { ProblemCode } from "./problem.ts";
import { route } from "./route.ts";
import { RunStarted } from "./run-started.ts";
import { cursor, id, instant, name, page, text, wholeNumber } from "./text.ts";
import { Tile, TileInput } from "./tiles.ts";

/** Seconds between refreshes: 5 s to a day. */
export const refreshSeconds = z.number().int().min(5).max(86_400);

export const DashboardSettings = z
  .strictObject({
    refresh_s: refreshSeconds
      .nullable()
      .describe("While it is looked at; null: only when asked to"),
    max_age_s: z
      .number()
      .int()
      .min(0)
      .max(604_800)
      .describe(
        "An older result is computed anew when the dashboard is opened; a younger one is shown as it is",
      ),
    time_zone: text(64).nullable().describe("IANA name; null: the viewer's"),
  })
  .meta({ id: "DashboardSettings" });
export type DashboardSettings = z.infer<typeof DashboardSettings>;

export const DashboardSummary = z
  .strictObject({
    id,
    name: z.string(),
    description: z.string(),
    version: z.number().int(),
    tiles: z.number().int(),
    groups: z
      .array(z.strictObject({ id, name: z.string() }))
      .describe("Who sees it, besides its maker and admins"),
    ...placement,
    created_by: PersonRef.nullable(),
    created_at: instant,
    updated_by: PersonRef.nullable(),
    updated_at: instant,
  })
  .meta({ id: "DashboardSummary" });
export type DashboardSummary = z.infer<typeof DashboardSummary>;

export const Dashboard = DashboardSummary.extend({
  params: z.array(Parameter),
  settings: DashboardSettings,
  tiles: z.array(Tile),
}).meta({ id: "Dashboard" });
export type Dashboard = z.infer<typeof Dashboard>;

export const DashboardInput = z.strictObject({
  name,
  description: text(10_000).optional(),
  params: z.array(Parameter).max(50).optional(),
  settings: DashboardSettings.optional().describe(
    "refresh_s null, max_age_s 300 and time_zone null when left out",
  ),
  tiles: z.array(TileInput).max(200).optional(),
  folder_id: id.nullable().optional(),
  tags: tags.optional(),
  group_ids: z
    .array(id)
    .max(1000)
    .optional()
    .describe(
      "Groups whose people see it; Everyone when a new one leaves it out. Only its maker and admins change it",
    ),
});
export type DashboardInput = z.infer<typeof DashboardInput>;

export const DashboardVersion = z
  .strictObject({
    version: z.number().int(),
    name: z.string(),
    description: z.string(),
    params: z.array(Parameter),
    settings: DashboardSettings,
    tiles: z.array(TileInput),
    created_by: PersonRef.nullable(),
    created_at: instant,
  })
  .meta({ id: "DashboardVersion" });
export type DashboardVersion = z.infer<typeof DashboardVersion>;

/** What a tile shows now. `run` goes on or has just ended; `last_good` is the newest result for the same values. */
export const TileRun = z
  .strictObject({
    tile_id: id,
    run: RunStarted.nullable().describe("null: nothing was started"),
    last_good: z
      .strictObject({
        run_id: id,
        statement: z.number().int().describe("The last one that returned rows"),
        finished_at: instant,
        rows: z.number().int(),
      })
      .nullable(),
    problem: z
      .strictObject({ code: ProblemCode, detail: z.string() })
      .nullable()
      .describe("Why nothing was started: a parameter without a value, a query that is gone, …"),
    on: z
      .strictObject({ id, name: z.string() })
      .nullable()
      .describe("The datasource that took the place of the query's own; null: its own"),
  })
  .meta({ id: "TileRun" });
export type TileRun = z.infer<typeof TileRun>;

const byId = z.strictObject({ id });
const tag = "dashboards";

export const listDashboards = route({
  operation: "listDashboards",
  summary: "Dashboards, the last changed first",
  tag,
  method: "GET",
  path: "/api/v1/dashboards",
  query: z.strictObject({
    search: text(200).optional().describe("In name and description"),
    folder_id: id.optional(),
    tag: text(50).optional(),
    favorite: z.enum(["true"]).optional(),
    query_id: id.optional().describe("Those that show this query"),
    limit: wholeNumber({ min: 1, max: 200 }).optional(),
    cursor,
  }),
  replies: { 200: page(DashboardSummary) },
});

export const createDashboard = route({
  operation: "createDashboard",
  summary: "Make a dashboard",
  tag,
  method: "POST",
  path: "/api/v1/dashboards",
  body: DashboardInput,
  replies: { 201: Dashboard },
});

export const readDashboard = route({
  operation: "readDashboard",
  summary: "One dashboard with what its tiles show",
  tag,
  method: "GET",
  path: "/api/v1/dashboards/:id",
  params: byId,
  replies: { 200: Dashboard },
});

export const changeDashboard = route({
  operation: "changeDashboard",
  summary:
    "Save a change as a new version; `tiles` are all of them. 409 `version_conflict` when somebody saved in between. A change of folder, tags or groups alone is no new version",
  tag,
  method: "PATCH",
  path: "/api/v1/dashboards/:id",
  params: byId,
  body: DashboardInput.partial().extend({
    version: z.number().int().min(1).describe("The version that the change was made on"),
  }),
  replies: { 200: Dashboard },
});

export const deleteDashboard = route({
  operation: "deleteDashboard",
  summary: "Delete a dashboard; its queries stay",
  tag,
  method: "DELETE",
  path: "/api/v1/dashboards/:id",
  params: byId,
  replies: { 204: z.null() },
});

export const restoreDashboard = route({
  operation: "restoreDashboard",
  summary: "Bring a deleted dashboard back",
  tag,
  method: "POST",
  path: "/api/v1/dashboards/:id/restore",
  params: byId,
  replies: { 200: Dashboard },
});

export const duplicateDashboard = route({
  operation: "duplicateDashboard",
  summary: "Make a dashboard with the same tiles; queries and visualizations are shared by both",
  tag,
  method: "POST",
  path: "/api/v1/dashboards/:id/duplicate",
  params: byId,
  body: z.strictObject({ name }),
  replies: { 201: Dashboard },
});

export const listDashboardVersions = route({
  operation: "listDashboardVersions",
  summary: "Every save of a dashboard, the newest first",
  tag,
  method: "GET",
  path: "/api/v1/dashboards/:id/versions",
  params: byId,
  query: z.strictObject({ limit: wholeNumber({ min: 1, max: 200 }).optional(), cursor }),
  replies: { 200: page(DashboardVersion) },
});

export const runDashboard = route({
  operation: "runDashboard",
  summary:
    "Results for the tiles of a dashboard: those that are kept, and runs for those that are too old or missing",
  tag,
  method: "POST",
  path: "/api/v1/dashboards/:id/runs",
  params: byId,
  body: z.strictObject({
    params: ParameterValues.optional().describe("Of the dashboard; its defaults when left out"),
    tile_params: z
      .record(id, ParameterValues)
      .optional()
      .describe("Per tile: values of the parameters that it asks for itself"),
    tile_ids: z.array(id).max(200).optional().describe("Only these tiles"),
    on: z
      .record(id, id)
      .refine((swaps) => Object.keys(swaps).length <= 20, { message: "has at most 20 datasources" })
      .optional()
      .describe(
        "Other datasources of the same engine in the place of those that queries are saved on: {saved: other}. Tiles of datasources that are not in it run on their own. For people who may write SQL for the others; not for display links",
      ),
    max_age_s: z
      .number()
      .int()
      .min(0)
      .max(604_800)
      .optional()
      .describe(
        "What counts as stale, in place of the dashboard's own: a page that refreshes every 5 s sends 4, and any number of them make one run in that time",
      ),
    refresh: z
      .enum(["none", "stale", "all"])
      .describe(
        "none: only what is kept; stale: what is older than max_age_s; all: everything, shared with who asks at the same time",
      ),
  }),
  replies: { 200: z.strictObject({ items: z.array(TileRun) }) },
});
