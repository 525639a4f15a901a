import { z } from "zod";
import { Limits } from "./datasources.ts";
import { Parameter } from "./parameters.ts";
import { sqlText } from "./queries.ts";
import { route } from "./route.ts";
import { id, instant, page, text } from "./text.ts";

/** Made by the browser: a UUID, or at least 8 letters, digits and hyphens. */
export const draftId = z
  .string()
  .regex(/^[A-Za-z0-9-]{8,36}$/, "must be 8 to 36 letters, digits or -");

/** What was typed and not saved. `base_version` is the version of the query that it began from. */
export const DraftContent = z
  .strictObject({
    sql: sqlText,
    datasource_id: id.nullable(),
    limits: Limits.partial(),
    params: z.array(Parameter).max(100),
    base_version: z.number().int().min(1).nullable(),
  })
  .meta({ id: "DraftContent" });
export type DraftContent = z.infer<typeof DraftContent>;

const device = text(100).describe("Where it was written, in words: Firefox on Linux");

/** A tab of the editor, open or closed, without its whole text. */
export const DraftHead = z
  .strictObject({
    id: draftId,
    query: z
      .strictObject({ id, name: z.string() })
      .nullable()
      .describe("null for a new query, and when the query is gone"),
    changed: z.boolean().describe("It has text that is not saved"),
    head: z.string().describe("The first 200 characters of that text"),
    open: z.boolean(),
    copied: z.boolean().describe("Kept aside when two devices had changed the same draft"),
    device,
    revision: z.number().int(),
    updated_at: instant,
  })
  .meta({ id: "DraftHead" });
export type DraftHead = z.infer<typeof DraftHead>;

export const Draft = DraftHead.extend({ content: DraftContent.nullable() }).meta({ id: "Draft" });
export type Draft = z.infer<typeof Draft>;

export const DraftInput = z.strictObject({
  query_id: id.nullable(),
  content: DraftContent.nullable().describe("null: the saved query as it stands"),
  revision: z
    .number()
    .int()
    .min(0)
    .describe("The revision that this was written on, 0 for one that the server does not know yet"),
  device,
  writer: z
    .strictObject({ id: draftId, n: z.number().int().min(1) })
    .optional()
    .describe(
      "The open page that writes, and the number of its write: these need no revision among each other, and a late one changes nothing",
    ),
  copied: z.boolean().optional(),
});
export type DraftInput = z.infer<typeof DraftInput>;

/** Drafts that one person may have. */
export const MAX_DRAFTS = 500;
/** Closed drafts are deleted when nobody has touched them for so many days. */
export const DRAFT_DAYS = 90;

const byId = z.strictObject({ id: draftId });
const tag = "drafts";

export const listDrafts = route({
  operation: "listDrafts",
  summary:
    "Your own drafts: the open tabs in their order, then the closed ones, the last written first",
  tag,
  method: "GET",
  path: "/api/v1/drafts",
  replies: { 200: page(DraftHead) },
});

export const readDraft = route({
  operation: "readDraft",
  summary: "One of your drafts with its text, by its id or by that of its query",
  tag,
  method: "GET",
  path: "/api/v1/drafts/:id",
  params: byId,
  replies: { 200: Draft },
});

export const writeDraft = route({
  operation: "writeDraft",
  summary:
    "Keep a draft; 409 `version_conflict` when another device wrote it in between. A new one is an open tab at the end",
  tag,
  method: "PUT",
  path: "/api/v1/drafts/:id",
  params: byId,
  body: DraftInput,
  replies: { 200: DraftHead },
});

export const openDraft = route({
  operation: "openDraft",
  summary: "Open or close the tab of a draft; a closed one keeps its text",
  tag,
  method: "PATCH",
  path: "/api/v1/drafts/:id",
  params: byId,
  body: z.strictObject({ open: z.boolean() }),
  replies: { 200: DraftHead },
});

export const orderDrafts = route({
  operation: "orderDrafts",
  summary: "Put the open tabs in this order; those that are not named stay behind them",
  tag,
  method: "PUT",
  path: "/api/v1/draft-order",
  body: z.strictObject({ ids: z.array(draftId).max(MAX_DRAFTS) }),
  replies: { 204: z.null() },
});

export const deleteDraft = route({
  operation: "deleteDraft",
  summary: "Discard a draft and its tab",
  tag,
  method: "DELETE",
  path: "/api/v1/drafts/:id",
  params: byId,
  replies: { 204: z.null() },
});
