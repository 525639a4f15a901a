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
    ({ query }) => ({ action: "visualizations.read", on: { type: "query", id: query.query_id } }),
    async ({ actor, query }) => ({
      items: await visualizations.listVisualizations(api.db, actor, query),
      next_cursor: null,
    }),
  );

  serve(
    app,
    api,
    createVisualization,
    ({ body }) => ({ action: "visualizations.write", on: { type: "query", id: body.query_id } }),
    async ({ actor, body }) => {
      const id = await visualizations.createVisualization(api.db, actor, body);
      return (await visualizations.listVisualizations(api.db, actor, { id }))[0]!;
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
      return (await visualizations.listVisualizations(api.db, actor, params))[0]!;
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
