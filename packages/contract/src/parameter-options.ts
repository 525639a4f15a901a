import { z } from "zod";
import { ParameterName, ParameterValues } from "./parameters.ts";
import { route } from "./route.ts";
import { RunStarted } from "./run-started.ts";
import { id, text } from "./text.ts";

const asked = z.strictObject({
  params: ParameterValues.optional().describe(
    "The values of the parameters that this one depends on; others are refused",
  ),
  search: text(1_000)
    .optional()
    .describe(
      "What was typed: the value of the parameter `search` of the options query, when it has one",
    ),
  max_age_s: z
    .number()
    .int()
    .min(0)
    .max(31_536_000)
    .optional()
    .describe("As of a run; 300 when left out, 0 asks anew"),
});

/**
 * The rows of the run are the options: its `value_column` (else the column `value`, else the first) and its `label_column`
 * (else `name` or `label`, else the value), whatever the case of the names.
 */
export const runParameterOptions = route({
  operation: "runParameterOptions",
  summary:
    "Run the query behind a dropdown: the options are the rows of the run that the reply names",
  tag: "queries",
  method: "POST",
  path: "/api/v1/queries/:id/parameters/:name/options",
  params: z.strictObject({ id, name: ParameterName }),
  body: asked,
  replies: { 202: RunStarted },
});

/** The same for a parameter of a dashboard. */
export const runDashboardParameterOptions = route({
  operation: "runDashboardParameterOptions",
  summary:
    "Run the query behind a dropdown of a dashboard: the options are the rows of the run that the reply names",
  tag: "dashboards",
  method: "POST",
  path: "/api/v1/dashboards/:id/parameters/:name/options",
  params: z.strictObject({ id, name: ParameterName }),
  body: asked,
  replies: { 202: RunStarted },
});
