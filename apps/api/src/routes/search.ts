import { search } from "@quern/contract/library";
import * as searching from "@quern/store/search";
import type { FastifyInstance } from "fastify";
import type { Api } from "../api.ts";
import { serve } from "../serve.ts";

const HITS = 20;

export function addSearchRoutes(app: FastifyInstance, api: Api): void {
  serve(app, api, search, { action: "library.read" }, async ({ actor, query }) => ({
    items: await searching.search(api.db, actor, {
      q: query.q,
      type: query.type,
      limit: query.limit ?? HITS,
    }),
  }));
}
