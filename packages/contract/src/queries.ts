import { z } from "zod";
import { Limits } from "./datasources.ts";
import { PersonRef } from "./members.ts";
import { Parameter } from "./parameters.ts";
import { placement, tags } from "./placement.ts";
import { route } from "./route.ts";
import { resultTtl } from "./settings.ts";
import { cursor, id, instant, name, page, text, wholeNumber } from "./text.ts";

/** SQL of at most 256 Ki characters. */
export const sqlText = text(262_144);

export const Query = z
  .strictObject({
    id,
    name: z.string(),
    description: z.string(),
    datasource: z.strictObject({ id, name: z.string() }),
    sql: z.string(),
    params: z.array(Parameter),
    limits: Limits.partial(),
    result_ttl_s: resultTtl.nullable().describe("null: the default of the organisation"),
    version: z.number().int(),
    created_by: PersonRef.nullable(),
    created_at: instant,
    updated_by: PersonRef.nullable(),
    updated_at: instant,
    last_run: z
      .strictObject({
        id,
        status: z.string(),
        finished_at: instant.nullable(),
        duration_ms: z.number().nullable(),
        rows: z.number().int().nullable(),
      })
      .nullable(),
    ...placement,
    dashboards: z.number().int().describe("That show it, of those that you may see"),
  })
  .meta({ id: "Query" });
export type Query = z.infer<typeof Query>;

export const QueryInput = z.strictObject({
  name,
  description: text(10_000).optional(),
  datasource_id: id,
  sql: sqlText,
  params: z.array(Parameter).max(100).optional(),
  limits: Limits.partial().optional(),
  result_ttl_s: resultTtl
    .nullable()
    .optional()
    .describe(
      "How long its results are kept, in seconds; the default of the organisation when null",
    ),
});
export type QueryInput = z.infer<typeof QueryInput>;

export const QueryVersion = z
  .strictObject({
    version: z.number().int(),
    name: z.string(),
    description: z.string(),
    datasource_id: id,
    sql: z.string(),
    params: z.array(Parameter),
    limits: Limits.partial(),
    result_ttl_s: resultTtl.nullable(),
    created_by: PersonRef.nullable(),
    created_at: instant,
  })
  .meta({ id: "QueryVersion" });
export type QueryVersion = z.infer<typeof QueryVersion>;

/** updated: the last changed first; name: by name; last_run: the last run first, those that never ran at the end. */
export const QuerySort = z.enum(["updated", "name", "last_run"]).meta({ id: "QuerySort" });
export type QuerySort = z.infer<typeof QuerySort>;

const byId = z.strictObject({ id });
const tag = "queries";

export const listQueries = route({
  operation: "listQueries",
  summary: "Saved queries, the last changed first unless sorted otherwise",
  tag,
  method: "GET",
  path: "/api/v1/queries",
  query: z.strictObject({
    search: text(200).optional().describe("In name, description and SQL: every word of it"),
    datasource_id: id.optional(),
    folder_id: id
      .or(z.literal("none"))
      .optional()
      .describe("In that folder or one in it; none: in no folder"),
    tag: text(50).optional(),
    favorite: z.enum(["true"]).optional(),
    created_by: id.optional(),
    sort: QuerySort.optional().describe("updated when left out"),
    limit: wholeNumber({ min: 1, max: 200 }).optional(),
    cursor,
  }),
  replies: { 200: page(Query) },
});

export const createQuery = route({
  operation: "createQuery",
  summary: "Save a new query",
  tag,
  method: "POST",
  path: "/api/v1/queries",
  body: QueryInput.extend({ folder_id: id.nullable().optional(), tags: tags.optional() }),
  replies: { 201: Query },
});

export const readQuery = route({
  operation: "readQuery",
  summary: "One query",
  tag,
  method: "GET",
  path: "/api/v1/queries/:id",
  params: byId,
  replies: { 200: Query },
});

export const changeQuery = route({
  operation: "changeQuery",
  summary: "Save a change as a new version; 409 `version_conflict` when somebody saved in between",
  tag,
  method: "PATCH",
  path: "/api/v1/queries/:id",
  params: byId,
  body: QueryInput.partial().extend({
    version: z.number().int().min(1).describe("The version that the change was made on"),
  }),
  replies: { 200: Query },
});

export const deleteQuery = route({
  operation: "deleteQuery",
  summary: "Delete a query; its runs stay in the history",
  tag,
  method: "DELETE",
  path: "/api/v1/queries/:id",
  params: byId,
  replies: { 204: z.null() },
});

export const restoreQuery = route({
  operation: "restoreQuery",
  summary: "Bring a deleted query back",
  tag,
  method: "POST",
  path: "/api/v1/queries/:id/restore",
  params: byId,
  replies: { 200: Query },
});

export const listQueryVersions = route({
  operation: "listQueryVersions",
  summary: "Every save of a query, the newest first",
  tag,
  method: "GET",
  path: "/api/v1/queries/:id/versions",
  params: byId,
  query: z.strictObject({ limit: wholeNumber({ min: 1, max: 200 }).optional(), cursor }),
  replies: { 200: page(QueryVersion) },
});
