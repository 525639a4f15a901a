import type { Database } from "@quern/store/db";
import { countRuns } from "@quern/store/runs";
import type { FastifyInstance } from "fastify";
import { collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";

export type Metrics = { contentType: string; text(): Promise<string> };

/** Process, HTTP and queue metrics of this API process. Routes are labelled by pattern, never by address. */
export function measure(app: FastifyInstance, db: Database): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const requests = new Histogram({
    name: "quern_http_request_seconds",
    help: "Time from request to end of reply",
    labelNames: ["method", "route", "status"],
    buckets: [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60],
    registers: [registry],
  });
  app.addHook("onResponse", async (request, reply) => {
    const labels = {
      method: request.method,
      route: request.routeOptions.url ?? "none",
      status: reply.statusCode,
    };
    requests.observe(labels, reply.elapsedTime / 1000);
  });
  new Gauge({
    name: "quern_runs",
    help: "Runs that are queued or running now",
    labelNames: ["status"],
    registers: [registry],
    async collect() {
      for (const { status, count } of await countRuns(db)) this.set({ status }, count);
    },
  });
  return { contentType: registry.contentType, text: () => registry.metrics() };
}
