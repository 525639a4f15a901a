import { route } from "@quern/contract/route";
import { checkDatabase } from "@quern/store/db";
import type { FastifyInstance } from "fastify";
import { z } from "zod";
import type { Api } from "../api.ts";
import { serve, servePublic } from "../serve.ts";

const status = z.strictObject({ status: z.string() });
const tag = "system";
/** Probes add what they like. */
const anything = z.looseObject({});

const readHealth = route({
  operation: "readHealth",
  summary: "Whether this process runs",
  tag,
  method: "GET",
  path: "/healthz",
  query: anything,
  replies: { 200: status },
});

const readReadiness = route({
  operation: "readReadiness",
  summary: "Whether this process can serve: 503 while its database does not answer",
  tag,
  method: "GET",
  path: "/readyz",
  query: anything,
  replies: { 200: status },
});

const readMetrics = route({
  operation: "readMetrics",
  summary: "Prometheus metrics; send an admin's access token, or set QUERN_METRICS_ADDR",
  tag,
  method: "GET",
  path: "/metrics",
  media: ["text/plain"],
  replies: {},
});

export function addHealthRoutes(app: FastifyInstance, api: Api): void {
  const { metrics } = api.instruments;
  servePublic(app, readHealth, async () => ({ status: "ok" }));
  servePublic(app, readReadiness, async () => {
    await checkDatabase(api.db);
    return { status: "ok" };
  });
  serve(app, api, readMetrics, { action: "system.read" }, async ({ reply }) => {
    await reply
      .type(metrics.contentType)
      .serializer(String)
      .send(await metrics.text());
  });
}
