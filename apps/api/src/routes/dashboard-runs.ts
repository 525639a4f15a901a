import { runDashboard, type TileRun } from "@quern/contract/dashboards";
import type { Actor } from "@quern/store/actor";
import { auditSwaps } from "@quern/store/other-datasources";
import { prepareDashboard } from "@quern/store/tile-runs";
import { startTileRuns } from "@quern/store/tile-starts";
import type { FastifyInstance } from "fastify";
import type { Api } from "../api.ts";
import { ApiError, notFound } from "../problems.ts";
import { spanOf } from "../request-span.ts";
import { inProblems } from "../run-parameters.ts";
import { valuesOfScreen } from "../screens.ts";
import { demand, serve } from "../serve.ts";

/** Results for the tiles of a dashboard: those that are kept, and runs for the rest, all at once. */
export function addDashboardRunRoutes(app: FastifyInstance, api: Api): void {
  serve(
    app,
    api,
    runDashboard,
    // What prepares the runs asks whether the actor may see the dashboard: once is enough.
    { action: "runs.create" },
    async ({ actor, params, body, origin, request }) => {
      const { refresh, max_age_s, ...asked } = body;
      const elsewhere = Object.keys(asked.on ?? {}).length > 0;
      if (elsewhere) await demandElsewhere(api, actor);
      const values = actor.display
        ? { ...asked, params: valuesOfScreen(actor.display, params.id, asked) }
        : asked;
      const work = await inProblems("query_id", () =>
        prepareDashboard(api.db, actor, params.id, values),
      );
      if (!work) throw notFound("dashboard");
      if (elsewhere && refresh !== "none") {
        await auditSwaps(api.db, actor, origin, { type: "dashboard", id: params.id }, asked.on!);
      }
      const span = spanOf(request).child("start tiles", {
        kind: "producer",
        attributes: { "quern.dashboard_id": params.id, "quern.refresh": refresh },
      });
      try {
        const started = await startTileRuns(
          api.db,
          actor,
          work.tiles,
          { refresh, max_age_s: max_age_s ?? work.settings.max_age_s },
          { request_id: origin.request_id, traceparent: span.traceparent },
        );
        span.set({ "quern.made": started.made, "quern.joined": started.joined });
        span.end();
        const { runsEnqueued, runsReused } = api.instruments;
        runsEnqueued.inc({ kind: "query", trigger: "tile" }, started.made);
        runsReused.inc({ kind: "query", trigger: "tile" }, started.joined);
        if (started.made + started.joined > 0) {
          request.log.info(
            { dashboard_id: params.id, made: started.made, joined: started.joined },
            "runs for tiles",
          );
        }
        return { items: started.items satisfies TileRun[] };
      } catch (error) {
        span.end(error instanceof Error ? error.name : "error");
        throw error;
      }
    },
    { forDisplays: true },
  );
}

/** Another datasource in the place of a query's own is used as if the SQL had been typed there. */
async function demandElsewhere(api: Api, actor: Actor): Promise<void> {
  if (actor.display) {
    throw new ApiError(
      "not_allowed",
      "A display link shows its dashboard on the datasources that it is saved with. Leave `on` out.",
    );
  }
  await demand(api, actor, "runs.create_sql");
}
