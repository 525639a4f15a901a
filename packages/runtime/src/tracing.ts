/**
 * Spans of OpenTelemetry, exported by OTLP over HTTP when a setting says where to. Otherwise nothing of the SDK is
 * loaded, and what is left is to hand on the trace context that a caller sent.
 */
import type { Log } from "./log.ts";
import { parseTraceparent, type Span, type Tracer, type TracingSettings } from "./spans.ts";

/** The tracer of one process. `name` is its service unless a setting names it. */
export async function openTracer(
  name: string,
  settings: TracingSettings,
  log: Log,
): Promise<Tracer> {
  const endpoint =
    settings.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT ??
    settings.OTEL_EXPORTER_OTLP_ENDPOINT?.replace(/\/*$/, "/v1/traces");
  if (endpoint === undefined) return NO_TRACER;
  const { openExportingTracer } = await import("./tracing-export.ts");
  return openExportingTracer(name, endpoint, settings, log);
}

/** Exports nothing, and hands on what came. */
export const NO_TRACER: Tracer = {
  enabled: false,
  start: (_name, parent) => handOn(parent),
  stop: async () => {},
};

function handOn(parent: string | null | undefined): Span {
  const span: Span = {
    traceparent: parseTraceparent(parent)?.header ?? null,
    child: () => span,
    set() {},
    end() {},
  };
  return span;
}
