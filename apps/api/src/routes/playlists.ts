import {
  changePlaylist,
  createPlaylist,
  deletePlaylist,
  listPlaylists,
  type PlaylistItem,
  readPlaylist,
} from "@quern/contract/display";
import { ParametersError } from "@quern/contract/parameters/errors";
import type { Actor } from "@quern/store/actor";
import { recordAudit } from "@quern/store/audit";
import { type Database, inTransaction } from "@quern/store/db";
import * as playlists from "@quern/store/playlists";
import { demandFixedValues } from "@quern/store/tile-runs";
import type { FastifyInstance } from "fastify";
import type { Api } from "../api.ts";
import { notFound } from "../problems.ts";
import { inProblems } from "../run-parameters.ts";
import { serve } from "../serve.ts";

/** Dashboards that a wall screen shows in turn. Everybody may read them; whoever may make display links changes them. */
export function addPlaylistRoutes(app: FastifyInstance, api: Api): void {
  const on = (id: string) => ({ type: "playlist" as const, id });

  serve(app, api, listPlaylists, { action: "dashboards.read" }, async ({ actor }) => ({
    items: await playlists.listPlaylists(api.db, actor),
    next_cursor: null,
  }));

  serve(
    app,
    api,
    readPlaylist,
    ({ params }) => ({ action: "dashboards.read", on: on(params.id) }),
    async ({ actor, params }) => existing(api.db, actor, params.id),
  );

  serve(
    app,
    api,
    createPlaylist,
    { action: "display_links.write" },
    async ({ actor, body, origin }) => {
      await demandFitting(api, actor, body.items);
      return inTransaction(api.db, async (trx) => {
        const id = await playlists.createPlaylist(trx, actor, body);
        await recordAudit(trx, actor, origin, {
          action: "playlist.created",
          resource_type: "playlist",
          resource_id: id,
          details: body,
        });
        return existing(trx, actor, id);
      });
    },
  );

  serve(
    app,
    api,
    changePlaylist,
    ({ params }) => ({ action: "display_links.write", on: on(params.id) }),
    async ({ actor, params, body, origin }) => {
      await demandFitting(api, actor, body.items ?? []);
      return inTransaction(api.db, async (trx) => {
        if (!(await playlists.changePlaylist(trx, actor, params.id, body)))
          throw notFound("playlist");
        await recordAudit(trx, actor, origin, {
          action: "playlist.changed",
          resource_type: "playlist",
          resource_id: params.id,
          details: body,
        });
        return existing(trx, actor, params.id);
      });
    },
  );

  serve(
    app,
    api,
    deletePlaylist,
    ({ params }) => ({ action: "display_links.write", on: on(params.id) }),
    async ({ actor, params, origin }) =>
      inTransaction(api.db, async (trx) => {
        if (!(await playlists.deletePlaylist(trx, actor, params.id))) throw notFound("playlist");
        await recordAudit(trx, actor, origin, {
          action: "playlist.deleted",
          resource_type: "playlist",
          resource_id: params.id,
        });
        return null;
      }),
  );
}

/** Throws the problem when an item fixes values that its dashboard has no parameter for, or that do not fit it. */
async function demandFitting(
  api: Api,
  actor: Actor,
  items: readonly PlaylistItem[],
): Promise<void> {
  await inProblems("query_id", async () => {
    for (const [index, { dashboard_id, params }] of items.entries()) {
      try {
        await demandFixedValues(api.db, actor, dashboard_id, params);
      } catch (error) {
        if (!(error instanceof ParametersError)) throw error;
        const placed = error.problems.map(({ path, message }) => ({
          path: `items.${index}.${path}`,
          message,
        }));
        throw new ParametersError(placed);
      }
    }
  });
}

async function existing(db: Database, actor: Actor, id: string) {
  const [playlist] = await playlists.listPlaylists(db, actor, id);
  if (!playlist) throw notFound("playlist");
  return playlist;
}
