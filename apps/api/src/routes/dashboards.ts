import {
  changeDashboard,
  createDashboard,
  type DashboardInput,
  deleteDashboard,
  duplicateDashboard,
  listDashboards,
  listDashboardVersions,
  readDashboard,
  restoreDashboard,
} from "@quern/contract/dashboards";
import type { Actor } from "@quern/store/actor";
import { recordAudit } from "@quern/store/audit";
import * as changes from "@quern/store/dashboard-changes";
import { checkDashboard } from "@quern/store/dashboard-check";
import { DEFAULT_DASHBOARD_SETTINGS } from "@quern/store/dashboard-tiles";
import * as dashboards from "@quern/store/dashboards";
import { type Database, inTransaction } from "@quern/store/db";
import type { FastifyInstance } from "fastify";
import type { Api } from "../api.ts";
import { checkOptionsQueries } from "../options-queries.ts";
import { notFound } from "../problems.ts";
import { refuse } from "../run-parameters.ts";
import { serve } from "../serve.ts";

const PAGE = 50;

export function addDashboardRoutes(app: FastifyInstance, api: Api): void {
  const on = (id: string) => ({ type: "dashboard" as const, id });
  const written = (id: string) => ({ action: "dashboards.write" as const, on: on(id) });

  serve(app, api, listDashboards, { action: "dashboards.read" }, async ({ actor, query }) =>
    dashboards.listDashboards(api.db, actor, { ...query, limit: query.limit ?? PAGE }),
  );

  serve(
    app,
    api,
    readDashboard,
    // What reads it asks whether the actor may see it: once is enough.
    { action: "dashboards.read" },
    async ({ actor, params }) => existing(api.db, actor, params.id),
    { forDisplays: true },
  );

  serve(
    app,
    api,
    createDashboard,
    { action: "dashboards.write" },
    async ({ actor, body, origin }) => {
      const { folder_id, tags, group_ids, ...input } = body;
      const content = { ...EMPTY, ...input };
      await demandSound(api, actor, null, content);
      return inTransaction(api.db, async (trx) => {
        const placement = { folder_id, tags, group_ids };
        const id = await changes.createDashboard(trx, actor, content, placement);
        await recordAudit(trx, actor, origin, {
          action: "dashboard.created",
          resource_type: "dashboard",
          resource_id: id,
          details: { name: body.name, tiles: content.tiles.length, ...kept(placement) },
        });
        return existing(trx, actor, id);
      });
    },
  );

  serve(
    app,
    api,
    changeDashboard,
    ({ params }) => written(params.id),
    async ({ actor, params, body, origin }) => {
      const { version, folder_id, tags, group_ids, ...change } = body;
      if (Object.keys(change).length > 0) {
        const before = await changes.readVersion(api.db, params.id, version);
        // A version that is not there is the conflict that the save finds.
        if (before) await demandSound(api, actor, params.id, { ...before, ...change });
      }
      await inTransaction(api.db, async (trx) => {
        const placement = { folder_id, tags, group_ids };
        const saved = await changes.changeDashboard(
          trx,
          actor,
          params.id,
          version,
          change,
          placement,
        );
        if (saved === undefined) throw notFound("dashboard");
        await recordAudit(trx, actor, origin, {
          action: "dashboard.changed",
          resource_type: "dashboard",
          resource_id: params.id,
          details: { version: saved, changed: Object.keys(change), ...kept(placement) },
        });
      });
      return existing(api.db, actor, params.id);
    },
  );

  serve(
    app,
    api,
    deleteDashboard,
    ({ params }) => written(params.id),
    async ({ actor, params, origin }) =>
      inTransaction(api.db, async (trx) => {
        await changes.deleteDashboard(trx, actor, params.id);
        await recordAudit(trx, actor, origin, {
          action: "dashboard.deleted",
          resource_type: "dashboard",
          resource_id: params.id,
        });
        return null;
      }),
  );

  serve(
    app,
    api,
    restoreDashboard,
    ({ params }) => ({
      action: "dashboards.write",
      on: { type: "deleted_dashboard", id: params.id },
    }),
    async ({ actor, params, origin }) => {
      await inTransaction(api.db, async (trx) => {
        await changes.restoreDashboard(trx, actor, params.id);
        await recordAudit(trx, actor, origin, {
          action: "dashboard.restored",
          resource_type: "dashboard",
          resource_id: params.id,
        });
      });
      return existing(api.db, actor, params.id);
    },
  );

  serve(
    app,
    api,
    duplicateDashboard,
    ({ params }) => written(params.id),
    async ({ actor, params, body, origin }) =>
      inTransaction(api.db, async (trx) => {
        const id = await changes.duplicateDashboard(trx, actor, params.id, body.name);
        if (id === undefined) throw notFound("dashboard");
        await recordAudit(trx, actor, origin, {
          action: "dashboard.created",
          resource_type: "dashboard",
          resource_id: id,
          details: { name: body.name, copy_of: params.id },
        });
        return existing(trx, actor, id);
      }),
  );

  serve(
    app,
    api,
    listDashboardVersions,
    ({ params }) => ({ action: "dashboards.read", on: on(params.id) }),
    async ({ params, query }) =>
      dashboards.listDashboardVersions(api.db, params.id, {
        limit: query.limit ?? PAGE,
        cursor: query.cursor,
      }),
  );
}

const EMPTY = {
  description: "",
  params: [],
  settings: DEFAULT_DASHBOARD_SETTINGS,
  tiles: [],
} satisfies Partial<DashboardInput>;

/** Throws the problem that names everything that is wrong with a dashboard that is to be saved. */
async function demandSound(
  api: Api,
  actor: Actor,
  id: string | null,
  content: changes.DashboardContent,
): Promise<void> {
  refuse(await checkDashboard(api.db, actor, id, content));
  refuse(await checkOptionsQueries(api.db, actor, null, content.params));
}

/** What of it was said, for the audit log. */
function kept(placement: changes.Placement): Record<string, unknown> {
  return Object.fromEntries(Object.entries(placement).filter(([, value]) => value !== undefined));
}

async function existing(db: Database, actor: Actor, id: string) {
  const dashboard = await dashboards.readDashboard(db, actor, id);
  if (!dashboard) throw notFound("dashboard");
  return dashboard;
}
