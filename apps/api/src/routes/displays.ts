import {
  createDashboardDisplayLink,
  createPlaylistDisplayLink,
  deleteDisplayLink,
  listDashboardDisplayLinks,
  listDisplayLinks,
  listPlaylistDisplayLinks,
  type NewDisplayLink,
  readDisplay,
} from "@quern/contract/display";
import type { ParameterValues } from "@quern/contract/parameters";
import type { Actor } from "@quern/store/actor";
import { type Origin, recordAudit } from "@quern/store/audit";
import { inTransaction } from "@quern/store/db";
import * as links from "@quern/store/display-links";
import { readSettings } from "@quern/store/settings";
import { demandFixedValues } from "@quern/store/tile-runs";
import type { FastifyInstance } from "fastify";
import type { Api } from "../api.ts";
import { ApiError, notFound } from "../problems.ts";
import { inProblems } from "../run-parameters.ts";
import { serve } from "../serve.ts";

const DAYS = 90;

/** Links for wall screens, and what a screen shows. */
export function addDisplayRoutes(app: FastifyInstance, api: Api): void {
  const action = "display_links.write" as const;
  const dashboard = (id: string) => ({ action, on: { type: "dashboard" as const, id } });
  const playlist = (id: string) => ({ action, on: { type: "playlist" as const, id } });

  serve(
    app,
    api,
    readDisplay,
    { action: "display.read" },
    async ({ actor: { display, ...person } }) => {
      const shown = display && (await links.readDisplay(api.db, { ...person, display }));
      if (!shown) throw notFound("display");
      return shown;
    },
    { forDisplays: true },
  );

  serve(app, api, listDisplayLinks, { action }, async ({ actor }) =>
    pageOf(await links.listDisplayLinks(api.db, actor)),
  );

  serve(
    app,
    api,
    listDashboardDisplayLinks,
    ({ params }) => dashboard(params.id),
    async ({ actor, params }) =>
      pageOf(await links.listDisplayLinks(api.db, actor, { dashboard_id: params.id })),
  );

  serve(
    app,
    api,
    listPlaylistDisplayLinks,
    ({ params }) => playlist(params.id),
    async ({ actor, params }) =>
      pageOf(await links.listDisplayLinks(api.db, actor, { playlist_id: params.id })),
  );

  serve(
    app,
    api,
    createDashboardDisplayLink,
    ({ params }) => dashboard(params.id),
    async ({ actor, params, body, origin }) => {
      await inProblems("query_id", () =>
        demandFixedValues(api.db, actor, params.id, body.params ?? {}),
      );
      return create(api, actor, origin, { ...body, dashboard_id: params.id });
    },
  );

  serve(
    app,
    api,
    createPlaylistDisplayLink,
    ({ params }) => playlist(params.id),
    async ({ actor, params, body, origin }) =>
      create(api, actor, origin, { ...body, playlist_id: params.id }),
  );

  serve(
    app,
    api,
    deleteDisplayLink,
    ({ params }) => ({ action, on: { type: "display_link", id: params.id } }),
    async ({ actor, params, origin }) =>
      inTransaction(api.db, async (trx) => {
        if (!(await links.deleteDisplayLink(trx, actor, params.id))) throw notFound("display link");
        await recordAudit(trx, actor, origin, {
          action: "display_link.deleted",
          resource_type: "display_link",
          resource_id: params.id,
        });
        return null;
      }),
  );
}

type Asked = {
  name: string;
  expires_in_days?: number | undefined;
  params?: ParameterValues | undefined;
} & ({ dashboard_id: string } | { playlist_id: string });

async function create(
  api: Api,
  actor: Actor,
  origin: Origin,
  { expires_in_days: days = DAYS, ...asked }: Asked,
): Promise<NewDisplayLink> {
  return inTransaction(api.db, async (trx) => {
    const { display_links } = await readSettings(trx, actor.org_id);
    if (!display_links) {
      throw new ApiError(
        "not_allowed",
        "Display links are switched off. An admin can switch them on under Settings.",
      );
    }
    const link = await links.createDisplayLink(trx, actor, { ...asked, days });
    await recordAudit(trx, actor, origin, {
      action: "display_link.created",
      resource_type: "display_link",
      resource_id: link.id,
      details: { ...asked, expires_at: link.expires_at },
    });
    // In the fragment: it goes into no log of a server on the way.
    return { ...link, url: `${api.baseUrl}/display#${link.token}` };
  });
}

function pageOf<T>(items: T[]): { items: T[]; next_cursor: null } {
  return { items, next_cursor: null };
}
