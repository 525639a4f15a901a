import { z } from "zod";
import { ChartConfig } from "./chart-config.ts";
import { Dashboard, DashboardSettings } from "./dashboards.ts";
import { Limits } from "./datasources.ts";
import { Parameter, ParameterName, ParameterValues } from "./parameters.ts";
import { tags } from "./placement.ts";
import { sqlText } from "./queries.ts";
import { route } from "./route.ts";
import { MisfirePolicy, OverlapPolicy, ScheduleInput } from "./schedules.ts";
import { resultTtl } from "./settings.ts";
import { id, name, text } from "./text.ts";
import { TileBinding, TileClick, TilePlace } from "./tiles.ts";

/** What things are called within a document and from one import to the next. */
const key = text(100).regex(
  /^[a-z0-9]+(-[a-z0-9]+)*$/,
  "must be small letters and digits, joined by -",
);

/** As in the API, but options come from a query of the document, by its key. */
const DocumentParameter = Parameter.extend({
  options_query: Parameter.shape.options_query
    .unwrap()
    .omit({ query_id: true })
    .extend({ query: key })
    .optional(),
});
export type DocumentParameter = z.infer<typeof DocumentParameter>;

const [filterClick, dashboardClick, queryClick, linkClick] = TileClick.options;

/** Clicks lead to other dashboards by their key, and to queries of the document. */
const DocumentClick = z.discriminatedUnion("type", [
  filterClick,
  dashboardClick.omit({ dashboard_id: true }).extend({ dashboard: key }),
  queryClick.omit({ query_id: true }).extend({ query: key }),
  linkClick,
]);
export type DocumentClick = z.infer<typeof DocumentClick>;

const common = { key, title: text(200).nullable(), place: TilePlace };
const DocumentTile = z.discriminatedUnion("type", [
  z.strictObject({
    ...common,
    type: z.literal("visualization"),
    visualization: key,
    bindings: z.record(ParameterName, TileBinding),
    click: DocumentClick.nullable(),
  }),
  z.strictObject({ ...common, type: z.literal("text"), content: text(50_000) }),
  z.strictObject({ ...common, type: z.literal("section"), collapsed: z.boolean() }),
]);
export type DocumentTile = z.infer<typeof DocumentTile>;

/**
 * A dashboard as code, with everything that it needs: queries, visualizations, tiles and schedules, which name each other by
 * keys. Exporting what was imported gives the same document.
 */
export const DashboardDocument = z
  .strictObject({
    format: z.literal("quern.dashboard/1"),
    key: key.describe("Of the dashboard in its organisation"),
    name,
    description: text(10_000),
    tags,
    params: z.array(DocumentParameter).max(50),
    settings: DashboardSettings,
    queries: z
      .array(
        z.strictObject({
          key,
          name,
          description: text(10_000),
          datasource: name.describe("Name of a datasource that is there"),
          sql: sqlText,
          params: z.array(DocumentParameter).max(100),
          limits: Limits.partial().optional(),
          result_ttl_s: resultTtl.nullable().optional(),
        }),
      )
      .max(200),
    visualizations: z
      .array(z.strictObject({ key, query: key, name, config: ChartConfig }))
      .max(400),
    tiles: z.array(DocumentTile).max(200),
    schedules: z
      .array(
        z.strictObject({
          name,
          recurrence: ScheduleInput.shape.recurrence,
          time_zone: ScheduleInput.shape.time_zone,
          params: ParameterValues,
          overlap_policy: OverlapPolicy,
          misfire_policy: MisfirePolicy,
          tiles: z.array(key).min(1).max(200).nullable().describe("null: all"),
        }),
      )
      .max(20),
  })
  .meta({ id: "DashboardDocument" });
export type DashboardDocument = z.infer<typeof DashboardDocument>;

const tag = "dashboards";

export const exportDashboard = route({
  operation: "exportDashboard",
  summary: "A dashboard as code: its queries, visualizations, tiles and schedules in one document",
  tag,
  method: "GET",
  path: "/api/v1/dashboards/:id/export",
  params: z.strictObject({ id }),
  replies: { 200: DashboardDocument },
});

export const importDashboard = route({
  operation: "importDashboard",
  summary:
    "Make a dashboard out of a document, or bring the one with its key to what the document says",
  tag,
  method: "POST",
  path: "/api/v1/dashboards/import",
  body: z.strictObject({
    document: DashboardDocument,
    datasources: z
      .record(name, id)
      .optional()
      .describe("Which datasource stands for a name of the document; else the one that has it"),
    on_existing: z
      .enum(["keep", "replace"])
      .optional()
      .describe(
        "keep, when left out: a dashboard with this key, deleted or not, stays as it is; replace: new versions of it and its queries",
      ),
  }),
  replies: {
    200: z.strictObject({
      outcome: z.enum(["created", "replaced", "kept"]),
      id: id.describe("Of the dashboard"),
      dashboard: Dashboard.nullable().describe(
        "null: it was kept, and is deleted or not yours to see",
      ),
    }),
  },
});
