import { readRunHistogram } from "@quern/contract/run-history";
import { readRunHistogram as readHistogram } from "@quern/store/run-histogram";
import type { FastifyInstance } from "fastify";
import type { Api } from "../api.ts";
import { ApiError } from "../problems.ts";
import { serve } from "../serve.ts";

const BUCKETS = 60;

export function addRunHistogramRoutes(app: FastifyInstance, api: Api): void {
  serve(app, api, readRunHistogram, { action: "runs.read" }, async ({ actor, query }) => {
    if (Date.parse(query.from) >= Date.parse(query.to)) {
      throw new ApiError("invalid_request", "`from` has to be before `to`.", [
        { path: "query.from", message: "must be before `to`" },
      ]);
    }
    return readHistogram(api.db, actor, { ...query, buckets: query.buckets ?? BUCKETS });
  });
}
