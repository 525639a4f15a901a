import { z } from "zod";
import { tag, tags } from "./placement.ts";
import { route } from "./route.ts";
import { id, instant, name, page, text, wholeNumber } from "./text.ts";

/** A folder in a folder …: so many at most, the outermost counted as one. */
export const MAX_FOLDER_DEPTH = 10;

/** Where queries and dashboards are kept; it says nothing about who may see what. */
export const Folder = z
  .strictObject({
    id,
    name: z.string(),
    parent_id: id.nullable(),
    queries: z.number().int().describe("Those that you may see, without those of folders in it"),
    dashboards: z.number().int().describe("Those that you may see, without those of folders in it"),
    created_at: instant,
  })
  .meta({ id: "Folder" });
export type Folder = z.infer<typeof Folder>;

/** What folders hold, and what can be a favourite. */
export const LibraryType = z.enum(["query", "dashboard"]).meta({ id: "LibraryType" });
export type LibraryType = z.infer<typeof LibraryType>;

const LibraryItem = z.strictObject({ type: LibraryType, id });
export type LibraryItem = z.infer<typeof LibraryItem>;

const Placement = z.strictObject({ folder_id: id.nullable(), tags: z.array(z.string()) });
export const Placed = LibraryItem.extend({
  ...Placement.shape,
  before: Placement.describe("To put it back"),
}).meta({ id: "Placed" });
export type Placed = z.infer<typeof Placed>;

/** A query or a dashboard of the person's own lists. */
export const Shelved = LibraryItem.extend({
  name: z.string(),
  datasource: z.string().nullable().describe("Of a query: its datasource's name"),
  run_id: id.nullable().describe("Of a query whose last run succeeded: that run"),
  at: instant.describe("When it was marked, or opened last"),
}).meta({ id: "Shelved" });
export type Shelved = z.infer<typeof Shelved>;

export const SearchType = z
  .enum([
    "query",
    "dashboard",
    "visualization",
    "schedule",
    "datasource",
    "project",
    "folder",
    "table",
    "column",
  ])
  .meta({ id: "SearchType" });
export type SearchType = z.infer<typeof SearchType>;

export const SearchHit = z
  .strictObject({
    type: SearchType,
    id: id.describe("Of a table or a column: of its datasource"),
    name: z.string(),
    /** Where it belongs, for people. */
    context: z
      .string()
      .describe(
        "Of a query, a table or a column its datasource, of a chart its query, of a folder the one it is in; else empty",
      ),
    query_id: id.nullable().describe("Of a chart: its query"),
    path: z
      .strictObject({ schema: z.string(), table: z.string() })
      .nullable()
      .describe("Of a table or a column"),
    hit: z.strictObject({
      field: z.enum(["name", "description", "sql", "text", "tag"]),
      text: z.string().describe("What is there around the words; the name when they are in it"),
    }),
    score: z.number().describe("The higher the better; only to be compared within one reply"),
  })
  .meta({ id: "SearchHit" });
export type SearchHit = z.infer<typeof SearchHit>;

/** How far a person came in the tour of the app. */
export const Tour = z
  .strictObject({
    step: z.number().int().min(0).max(20),
    begun: z.boolean(),
    ended: z.boolean().describe("Finished or put away"),
  })
  .meta({ id: "Tour" });
export type Tour = z.infer<typeof Tour>;

const byId = z.strictObject({ id });
const byItem = z.strictObject({ type: LibraryType, id });
const LIBRARY = "library";

export const listFolders = route({
  operation: "listFolders",
  summary: "All folders, by name",
  tag: LIBRARY,
  method: "GET",
  path: "/api/v1/folders",
  replies: { 200: page(Folder) },
});

export const createFolder = route({
  operation: "createFolder",
  summary: "Make a folder",
  tag: LIBRARY,
  method: "POST",
  path: "/api/v1/folders",
  body: z.strictObject({ name, parent_id: id.nullable().optional() }),
  replies: { 201: Folder },
});

export const changeFolder = route({
  operation: "changeFolder",
  summary: "Rename a folder, or move it with all that is in it",
  tag: LIBRARY,
  method: "PATCH",
  path: "/api/v1/folders/:id",
  params: byId,
  body: z.strictObject({ name: name.optional(), parent_id: id.nullable().optional() }),
  replies: { 200: Folder },
});

export const deleteFolder = route({
  operation: "deleteFolder",
  summary: "Delete a folder; what is in it moves to the folder around it",
  tag: LIBRARY,
  method: "DELETE",
  path: "/api/v1/folders/:id",
  params: byId,
  replies: { 204: z.null() },
});

export const placeInLibrary = route({
  operation: "placeInLibrary",
  summary:
    "Move queries and dashboards, tag them, or both. What is not there any more is left out of the reply",
  tag: LIBRARY,
  method: "POST",
  path: "/api/v1/library/place",
  body: z.strictObject({
    items: z.array(LibraryItem).min(1).max(500),
    folder_id: id.nullable().optional().describe("null: in no folder"),
    add_tags: tags.optional(),
    remove_tags: tags.optional(),
  }),
  replies: { 200: z.strictObject({ items: z.array(Placed) }) },
});

export const listTags = route({
  operation: "listTags",
  summary: "The tags of what you may see, the most used first",
  tag: LIBRARY,
  method: "GET",
  path: "/api/v1/tags",
  replies: {
    200: page(
      z.strictObject({ tag, queries: z.number().int(), dashboards: z.number().int() }).meta({
        id: "TagCount",
      }),
    ),
  },
});

export const listFavorites = route({
  operation: "listFavorites",
  summary: "Your favourites, the last marked first",
  tag: LIBRARY,
  method: "GET",
  path: "/api/v1/favorites",
  replies: { 200: page(Shelved) },
});

export const addFavorite = route({
  operation: "addFavorite",
  summary: "Make it one of your favourites",
  tag: LIBRARY,
  method: "PUT",
  path: "/api/v1/favorites/:type/:id",
  params: byItem,
  replies: { 204: z.null() },
});

export const removeFavorite = route({
  operation: "removeFavorite",
  summary: "Take it out of your favourites",
  tag: LIBRARY,
  method: "DELETE",
  path: "/api/v1/favorites/:type/:id",
  params: byItem,
  replies: { 204: z.null() },
});

export const listRecent = route({
  operation: "listRecent",
  summary: "What you opened or changed lately, the newest first",
  tag: LIBRARY,
  method: "GET",
  path: "/api/v1/recent",
  query: z.strictObject({ limit: wholeNumber({ min: 1, max: 50 }).optional() }),
  replies: { 200: page(Shelved) },
});

export const noteRecent = route({
  operation: "noteRecent",
  summary: "Say that you opened it",
  tag: LIBRARY,
  method: "PUT",
  path: "/api/v1/recent/:type/:id",
  params: byItem,
  replies: { 204: z.null() },
});

export const search = route({
  operation: "search",
  summary:
    "Search in all that you may see: names, descriptions, SQL and text tiles, tables and columns; from three characters on also inside of SQL and text",
  tag: LIBRARY,
  method: "GET",
  path: "/api/v1/search",
  query: z.strictObject({
    q: text(200).min(1),
    type: SearchType.optional(),
    limit: wholeNumber({ min: 1, max: 100 }).optional().describe("20 when left out"),
  }),
  replies: { 200: z.strictObject({ items: z.array(SearchHit) }) },
});

export const readPulse = route({
  operation: "readPulse",
  summary: "How busy Quern is: what waits, what runs, and who does it",
  tag: LIBRARY,
  method: "GET",
  path: "/api/v1/pulse",
  replies: {
    200: z
      .strictObject({
        queued: z.number().int(),
        running: z.number().int(),
        runners: z.number().int().describe("That gave a sign of life lately"),
        slots: z.number().int().describe("Runs that they can execute at the same time"),
      })
      .meta({ id: "Pulse" }),
  },
});

export const readTour = route({
  operation: "readTour",
  summary: "How far you came in the tour",
  tag: LIBRARY,
  method: "GET",
  path: "/api/v1/me/tour",
  replies: { 200: Tour },
});

export const writeTour = route({
  operation: "writeTour",
  summary: "Note how far you came in the tour, or that you put it away",
  tag: LIBRARY,
  method: "PUT",
  path: "/api/v1/me/tour",
  body: Tour.omit({ begun: true }),
  replies: { 200: Tour },
});
