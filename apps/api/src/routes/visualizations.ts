import {
  changeVisualization,
  createVisualization,
  deleteVisualization,
  listVisualizations,
} from "@quern/contract/visualizations";
import * as visualizations from "@quern/store/visualizations";
import type { FastifyInstance } from "fastify";
import type { Api } from "../api.ts";
import { serve } from "../serve.ts";

export function addVisualizationRoutes(app: FastifyInstance, api: Api): void {
  serve(
    app,
    api,
    listVisualizations,
    ({ query }) => ({
      action: "visualizations.read",
      ...(query.query_id === undefined ? {} : { on: { type: "query", id: query.query_id } }),
    }),
    ({ actor, query }) =>
      visualizations.listVisualizations(api.db, actor, { ...query, limit: query.limit ?? 200 }),
  );

  serve(
    app,
    api,
    createVisualization,
    ({ body }) => ({ action: "visualizations.write", on: { type: "query", id: body.query_id } }),
    async ({ actor, body }) => {
      const id = await visualizations.createVisualization(api.db, actor, body);
      return (await visualizations.readVisualization(api.db, actor, id))!;
    },
  );

  const written = (id: string) => ({
    action: "visualizations.write" as const,
    on: { type: "visualization" as const, id },
  });

  serve(
    app,
    api,
    changeVisualization,
    ({ params }) => written(params.id),
    async ({ actor, params, body }) => {
      await visualizations.changeVisualization(api.db, actor, params.id, body);
      return (await visualizations.readVisualization(api.db, actor, params.id))!;
    },
  );

  serve(
    app,
    api,
    deleteVisualization,
    ({ params }) => written(params.id),
    async ({ actor, params }) => {
      await visualizations.deleteVisualization(api.db, actor, params.id);
      return null;
    },
  );
}
