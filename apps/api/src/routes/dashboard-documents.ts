import { exportDashboard, importDashboard } from "@quern/contract/dashboard-documents";
import { recordAudit } from "@quern/store/audit";
import { readDashboard } from "@quern/store/dashboards";
import { inTransaction } from "@quern/store/db";
import { exportDocument } from "@quern/store/document-export";
import { importDocument } from "@quern/store/document-import";
import type { FastifyInstance } from "fastify";
import type { Api } from "../api.ts";
import { notFound } from "../problems.ts";
import { serve } from "../serve.ts";

export function addDashboardDocumentRoutes(app: FastifyInstance, api: Api): void {
  serve(
    app,
    api,
    exportDashboard,
    // Its queries are in it, with their SQL, and it gives things their keys.
    ({ params }) => ({ action: "dashboards.write", on: { type: "dashboard", id: params.id } }),
    async ({ actor, params }) => {
      const document = await exportDocument(api.db, actor, params.id);
      if (!document) throw notFound("dashboard");
      return document;
    },
  );

  serve(
    app,
    api,
    importDashboard,
    { action: "dashboards.write" },
    async ({ actor, body, origin }) => {
      const { document, datasources = {}, on_existing = "keep" } = body;
      const imported = await inTransaction(api.db, async (trx) => {
        const done = await importDocument(trx, actor, { document, datasources, on_existing });
        if (done.outcome === "kept") return done;
        await recordAudit(trx, actor, origin, {
          action: "dashboard.imported",
          resource_type: "dashboard",
          resource_id: done.id,
          details: { key: document.key, outcome: done.outcome },
        });
        return done;
      });
      const dashboard = (await readDashboard(api.db, actor, imported.id)) ?? null;
      return { ...imported, dashboard };
    },
  );
}
