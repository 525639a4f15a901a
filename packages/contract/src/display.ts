import { z } from "zod";
import { refreshSeconds } from "./dashboards.ts";
import { PersonRef } from "./members.ts";
import { ParameterValues } from "./parameters.ts";
import { route } from "./route.ts";
import { id, instant, name, page } from "./text.ts";

/** A read-only way in for a wall screen. It shows one thing, within the rights that its maker has at that moment. */
export const DisplayLink = z
  .strictObject({
    id,
    name: z.string(),
    dashboard: z.strictObject({ id, name: z.string() }).nullable(),
    playlist: z.strictObject({ id, name: z.string() }).nullable(),
    params: ParameterValues.describe("Of the dashboard; what is left out has its default"),
    prefix: z.string().describe("The first characters of its token, to recognise it by"),
    created_by: PersonRef.describe("With whose rights it shows"),
    created_at: instant,
    expires_at: instant,
    last_seen_at: instant.nullable(),
    trouble: z
      .enum(["switched_off", "expired", "maker_left", "maker_not_allowed"])
      .nullable()
      .describe("Why it shows nothing now"),
  })
  .meta({ id: "DisplayLink" });
export type DisplayLink = z.infer<typeof DisplayLink>;

/** The reply is the only place that shows the token, which is also in the fragment of `url`. */
export const NewDisplayLink = z
  .strictObject({ id, token: z.string(), url: z.string(), expires_at: instant })
  .meta({ id: "NewDisplayLink" });
export type NewDisplayLink = z.infer<typeof NewDisplayLink>;

const linkInput = {
  name,
  expires_in_days: z.number().int().min(1).max(366).optional().describe("90 when left out"),
};

export const PlaylistItem = z
  .strictObject({
    dashboard_id: id,
    params: ParameterValues,
    seconds: z.number().int().min(5).max(86_400).describe("How long it is shown"),
  })
  .meta({ id: "PlaylistItem" });
export type PlaylistItem = z.infer<typeof PlaylistItem>;

const playlistItems = z.array(PlaylistItem).min(1).max(100);

/** Dashboards that are shown in turn. */
export const Playlist = z
  .strictObject({
    id,
    name: z.string(),
    items: z.array(
      PlaylistItem.extend({
        name: z
          .string()
          .nullable()
          .describe("Of the dashboard; null when it was deleted or you may not see it"),
      }),
    ),
    created_by: PersonRef.nullable(),
    created_at: instant,
    updated_at: instant,
  })
  .meta({ id: "Playlist" });
export type Playlist = z.infer<typeof Playlist>;

/** What a display link shows: all that its screen needs to know. Each item's `params` go with its `runDashboard`. */
export const Display = z
  .strictObject({
    kind: z.enum(["dashboard", "playlist"]),
    name: z.string().describe("Of the dashboard or the playlist"),
    link: z.strictObject({ id, name: z.string(), expires_at: instant }),
    items: z.array(
      z.strictObject({
        dashboard_id: id,
        name: z.string(),
        version: z.number().int(),
        params: ParameterValues,
        seconds: z.number().int().nullable().describe("null: for ever"),
        refresh_s: refreshSeconds.nullable(),
        time_zone: z.string().nullable(),
      }),
    ),
  })
  .meta({ id: "Display" });
export type Display = z.infer<typeof Display>;

const byId = z.strictObject({ id });
const tag = "displays";

export const readDisplay = route({
  operation: "readDisplay",
  summary: "What this display link shows; only for `Authorization: Bearer qrd_…`",
  tag,
  method: "GET",
  path: "/api/v1/display",
  replies: { 200: Display },
});

export const listDisplayLinks = route({
  operation: "listDisplayLinks",
  summary: "Display links of dashboards that you may see and of playlists, the newest first",
  tag,
  method: "GET",
  path: "/api/v1/display-links",
  replies: { 200: page(DisplayLink) },
});

export const deleteDisplayLink = route({
  operation: "deleteDisplayLink",
  summary: "End a display link, at once",
  tag,
  method: "DELETE",
  path: "/api/v1/display-links/:id",
  params: byId,
  replies: { 204: z.null() },
});

export const listDashboardDisplayLinks = route({
  operation: "listDashboardDisplayLinks",
  summary: "Display links of one dashboard, the newest first",
  tag,
  method: "GET",
  path: "/api/v1/dashboards/:id/display-links",
  params: byId,
  replies: { 200: page(DisplayLink) },
});

export const createDashboardDisplayLink = route({
  operation: "createDashboardDisplayLink",
  summary: "Make a link that shows this dashboard on a screen, read-only, with these values",
  tag,
  method: "POST",
  path: "/api/v1/dashboards/:id/display-links",
  params: byId,
  body: z.strictObject({ ...linkInput, params: ParameterValues.optional() }),
  replies: { 201: NewDisplayLink },
});

export const listPlaylists = route({
  operation: "listPlaylists",
  summary: "Playlists, by name",
  tag,
  method: "GET",
  path: "/api/v1/playlists",
  replies: { 200: page(Playlist) },
});

export const readPlaylist = route({
  operation: "readPlaylist",
  summary: "One playlist",
  tag,
  method: "GET",
  path: "/api/v1/playlists/:id",
  params: byId,
  replies: { 200: Playlist },
});

export const createPlaylist = route({
  operation: "createPlaylist",
  summary: "Make a playlist of dashboards",
  tag,
  method: "POST",
  path: "/api/v1/playlists",
  body: z.strictObject({ name, items: playlistItems }),
  replies: { 201: Playlist },
});

export const changePlaylist = route({
  operation: "changePlaylist",
  summary: "Change a playlist; screens show the change when they next look",
  tag,
  method: "PATCH",
  path: "/api/v1/playlists/:id",
  params: byId,
  body: z.strictObject({ name: name.optional(), items: playlistItems.optional() }),
  replies: { 200: Playlist },
});

export const deletePlaylist = route({
  operation: "deletePlaylist",
  summary: "Delete a playlist and its display links",
  tag,
  method: "DELETE",
  path: "/api/v1/playlists/:id",
  params: byId,
  replies: { 204: z.null() },
});

export const listPlaylistDisplayLinks = route({
  operation: "listPlaylistDisplayLinks",
  summary: "Display links of one playlist, the newest first",
  tag,
  method: "GET",
  path: "/api/v1/playlists/:id/display-links",
  params: byId,
  replies: { 200: page(DisplayLink) },
});

export const createPlaylistDisplayLink = route({
  operation: "createPlaylistDisplayLink",
  summary: "Make a link that shows this playlist on a screen, read-only",
  tag,
  method: "POST",
  path: "/api/v1/playlists/:id/display-links",
  params: byId,
  body: z.strictObject(linkInput),
  replies: { 201: NewDisplayLink },
});
