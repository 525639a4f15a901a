/** The datasource that Health itself is, for queries and dashboards. */
import { z } from "zod";
import { route } from "../route.ts";
import { id } from "../text.ts";

export const HealthDatasource = z
  .strictObject({
    datasource_id: id.nullable().describe("null: it cannot be used, and `trouble` says why"),
    trouble: z.string().nullable(),
    sql: z
      .string()
      .nullable()
      .describe(
        "For an administrator of Quern's PostgreSQL, where Quern's role may not make roles, or everybody may create objects",
      ),
  })
  .meta({ id: "HealthDatasource" });
export type HealthDatasource = z.infer<typeof HealthDatasource>;

export const setUpHealthDatasource = route({
  operation: "setUpHealthDatasource",
  summary: "Make what Health knows a datasource, or mend that; the API does so whenever it starts",
  tag: "datasources",
  method: "POST",
  path: "/api/v1/health-datasource",
  replies: { 200: HealthDatasource },
});
