import { z } from "zod";
import { ChartConfig } from "./chart-config.ts";
import { route } from "./route.ts";
import { cursor, id, instant, name, page, text, wholeNumber } from "./text.ts";

export const Visualization = z
  .strictObject({
    id,
    query_id: id,
    query_name: z.string(),
    name: z.string(),
    config: ChartConfig,
    created_at: instant,
    updated_at: instant,
  })
  .meta({ id: "Visualization" });
export type Visualization = z.infer<typeof Visualization>;

const byId = z.strictObject({ id });
const tag = "visualizations";

export const listVisualizations = route({
  operation: "listVisualizations",
  summary:
    "Charts of a query, the oldest first; without a query those of all, the last changed first",
  tag,
  method: "GET",
  path: "/api/v1/visualizations",
  query: z.strictObject({
    query_id: id.optional(),
    search: text(200).optional().describe("In the names of the chart and of its query"),
    limit: wholeNumber({ min: 1, max: 200 }).optional().describe("200 when left out"),
    cursor,
  }),
  replies: { 200: page(Visualization) },
});

export const createVisualization = route({
  operation: "createVisualization",
  summary: "Save a chart of a query",
  tag,
  method: "POST",
  path: "/api/v1/visualizations",
  body: z.strictObject({ query_id: id, name, config: ChartConfig }),
  replies: { 201: Visualization },
});

export const changeVisualization = route({
  operation: "changeVisualization",
  summary: "Change a chart. 409 `version_conflict` when somebody saved after `updated_at`",
  tag,
  method: "PATCH",
  path: "/api/v1/visualizations/:id",
  params: byId,
  body: z.strictObject({
    name: name.optional(),
    config: ChartConfig.optional(),
    updated_at: instant
      .optional()
      .describe("Of the chart that the change was made on; without it the last one to save wins"),
  }),
  replies: { 200: Visualization },
});

export const deleteVisualization = route({
  operation: "deleteVisualization",
  summary: "Delete a chart",
  tag,
  method: "DELETE",
  path: "/api/v1/visualizations/:id",
  params: byId,
  replies: { 204: z.null() },
});
