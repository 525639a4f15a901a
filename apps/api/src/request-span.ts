import type { Span } from "@quern/runtime/spans";
import { NO_TRACER } from "@quern/runtime/tracing";
import type { FastifyInstance, FastifyRequest } from "fastify";
import type { Instruments } from "./instruments.ts";

const spans = new WeakMap<FastifyRequest, Span>();
const NOTHING = NO_TRACER.start("", null);

/** The request's place in a trace: its caller's, or one of its own. */
export function spanOf(request: FastifyRequest): Span {
  return spans.get(request) ?? NOTHING;
}

/** A stream that ends when its tab is closed says nothing about time. */
const UNTRACED = new Set(["/api/v1/events"]);

function isApi(route: string): boolean {
  return route.startsWith("/api/") || route.startsWith("/v1/");
}

/** Times every request by route, and gives each of the API a span and a log that names its trace. Call before other hooks. */
export function observeRequests(app: FastifyInstance, instruments: Instruments): void {
  const { tracer, requestSeconds } = instruments;
  app.addHook("onRequest", async (request) => {
    const route = request.routeOptions.url ?? "none";
    if (!isApi(route) || UNTRACED.has(route)) return;
    const parent = request.headers.traceparent;
    const span = tracer.start(
      `${request.method} ${route}`,
      typeof parent === "string" ? parent : null,
      {
        kind: "server",
        attributes: {
          "http.request.method": request.method,
          "http.route": route,
          "quern.request_id": request.id,
        },
      },
    );
    spans.set(request, span);
    if (tracer.enabled) request.log = request.log.child({ traceparent: span.traceparent });
  });
  app.addHook("onResponse", async (request, reply) => {
    const route = request.routeOptions.url ?? "none";
    const { method } = request;
    const { statusCode: status, elapsedTime: ms } = reply;
    requestSeconds.observe({ method, route, status }, ms / 1000);
    const span = spanOf(request);
    span.set({ "http.response.status_code": status });
    span.end(status >= 500 ? String(status) : undefined);
    if (isApi(route)) {
      const line = { method, route, status, ms: Math.round(ms) };
      request.log[status >= 500 ? "warn" : "debug"](line, "request ended");
    }
  });
}
