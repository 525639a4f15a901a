import {
  addFavorite,
  type LibraryItem,
  listFavorites,
  listRecent,
  listTags,
  noteRecent,
  placeInLibrary,
  removeFavorite,
} from "@quern/contract/library";
import { recordAudits } from "@quern/store/audit";
import { inTransaction } from "@quern/store/db";
import * as favorites from "@quern/store/favorites";
import * as placement from "@quern/store/placement";
import type { FastifyInstance } from "fastify";
import type { Api } from "../api.ts";
import { serve } from "../serve.ts";

/** Recent things on a page. */
const RECENT = 20;

export function addLibraryRoutes(app: FastifyInstance, api: Api): void {
  serve(app, api, placeInLibrary, { action: "library.write" }, async ({ actor, body, origin }) =>
    inTransaction(api.db, async (trx) => {
      const { items, ...change } = body;
      const placed = await placement.placeItems(trx, actor, items, change);
      await recordAudits(
        trx,
        actor,
        origin,
        placed.map(({ type, id, folder_id, tags, before }) => ({
          action: `${type}.placed`,
          resource_type: type,
          resource_id: id,
          details: { folder_id, tags, before },
        })),
      );
      return { items: placed };
    }),
  );

  serve(app, api, listTags, { action: "library.read" }, async ({ actor }) => ({
    items: await placement.listTags(api.db, actor),
    next_cursor: null,
  }));

  serve(app, api, listFavorites, { action: "favorites.own" }, async ({ actor }) => ({
    items: await favorites.listFavorites(api.db, actor),
    next_cursor: null,
  }));

  const ownOf = ({ params }: { params: LibraryItem }) => ({
    action: "favorites.own" as const,
    on: params,
  });
  serve(app, api, addFavorite, ownOf, async ({ actor, params }) => {
    await favorites.addFavorite(api.db, actor, params);
    return null;
  });

  // What a person may no longer see can still be taken out of their list.
  serve(app, api, removeFavorite, { action: "favorites.own" }, async ({ actor, params }) => {
    await favorites.removeFavorite(api.db, actor, params);
    return null;
  });

  serve(app, api, listRecent, { action: "favorites.own" }, async ({ actor, query }) => ({
    items: await favorites.listRecent(api.db, actor, query.limit ?? RECENT),
    next_cursor: null,
  }));

  serve(app, api, noteRecent, ownOf, async ({ actor, params }) => {
    await favorites.noteRecent(api.db, actor, params);
    return null;
  });
}
