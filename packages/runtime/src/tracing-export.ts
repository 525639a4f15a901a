/** The tracer that exports. Loaded only when it is asked for: the SDK takes memory. */
import {
  type Context,
  DiagLogLevel,
  diag,
  type Span as OtelSpan,
  type Tracer as OtelTracer,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
} from "@opentelemetry/api";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { resourceFromAttributes } from "@opentelemetry/resources";
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  BatchSpanProcessor,
  NodeTracerProvider,
  ParentBasedSampler,
  type Sampler,
  TraceIdRatioBasedSampler,
} from "@opentelemetry/sdk-trace-node";
import { ATTR_SERVICE_NAME, ATTR_SERVICE_VERSION } from "@opentelemetry/semantic-conventions";
import type { Log } from "./log.ts";
import {
  parseTraceparent,
  type Span,
  type SpanOptions,
  type Tracer,
  type TracingSettings,
} from "./spans.ts";
import { VERSION } from "./version.ts";

/** A collector that is slow or away costs this much memory and time, and then its spans: never a run. */
const QUEUE_SPANS = 4_096;
const EXPORT_MS = 5_000;
const STOP_MS = 3_000;
const COMPLAIN_EVERY_MS = 60_000;

export function openExportingTracer(
  name: string,
  endpoint: string,
  settings: TracingSettings,
  log: Log,
): Tracer {
  complainTo(log);
  const exporter = new OTLPTraceExporter({
    url: endpoint,
    headers: parsePairs(settings.OTEL_EXPORTER_OTLP_HEADERS),
    timeoutMillis: EXPORT_MS,
    concurrencyLimit: 2,
  });
  const provider = new NodeTracerProvider({
    resource: resourceFromAttributes({
      ...parsePairs(settings.OTEL_RESOURCE_ATTRIBUTES),
      [ATTR_SERVICE_NAME]: settings.OTEL_SERVICE_NAME ?? `quern-${name}`,
      [ATTR_SERVICE_VERSION]: VERSION,
    }),
    sampler: samplerOf(settings),
    spanProcessors: [
      new BatchSpanProcessor(exporter, {
        maxQueueSize: QUEUE_SPANS,
        scheduledDelayMillis: 1_000,
        exportTimeoutMillis: EXPORT_MS,
      }),
    ],
  });
  const tracer = provider.getTracer("quern", VERSION);
  return {
    enabled: true,
    start: (spanName, parent, options) => begin(tracer, spanName, contextOf(parent), options),
    async stop() {
      const late = new Promise<void>((resolve) => setTimeout(resolve, STOP_MS).unref());
      await Promise.race([provider.shutdown().catch(lostAtTheEnd(log)), late]);
    },
  };
}

const KINDS = {
  server: SpanKind.SERVER,
  producer: SpanKind.PRODUCER,
  consumer: SpanKind.CONSUMER,
  internal: SpanKind.INTERNAL,
};

function begin(tracer: OtelTracer, name: string, parent: Context, options: SpanOptions = {}): Span {
  const { kind = "internal", attributes, began_ms_ago } = options;
  const span = tracer.startSpan(
    name,
    {
      kind: KINDS[kind],
      ...(attributes === undefined ? {} : { attributes }),
      ...(began_ms_ago === undefined ? {} : { startTime: Date.now() - began_ms_ago }),
    },
    parent,
  );
  return {
    traceparent: headerOf(span),
    child: (childName, childOptions) =>
      begin(tracer, childName, trace.setSpan(ROOT_CONTEXT, span), childOptions),
    set: (more) => void span.setAttributes(more),
    end(error) {
      if (error !== undefined) {
        span.setStatus({ code: SpanStatusCode.ERROR, message: error });
        span.setAttribute("error.type", error);
      }
      span.end();
    },
  };
}

function headerOf(span: OtelSpan): string {
  const { traceId, spanId, traceFlags } = span.spanContext();
  return `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, "0")}`;
}

function contextOf(parent: string | null | undefined): Context {
  const parsed = parseTraceparent(parent);
  if (!parsed) return ROOT_CONTEXT;
  const { traceId, spanId, flags } = parsed;
  const spanContext = { traceId, spanId, traceFlags: Number.parseInt(flags, 16), isRemote: true };
  return trace.setSpanContext(ROOT_CONTEXT, spanContext);
}

function samplerOf(settings: TracingSettings): Sampler {
  const ratio = () => new TraceIdRatioBasedSampler(settings.OTEL_TRACES_SAMPLER_ARG ?? 1);
  switch (settings.OTEL_TRACES_SAMPLER) {
    case "always_on":
      return new AlwaysOnSampler();
    case "always_off":
      return new AlwaysOffSampler();
    case "traceidratio":
      return ratio();
    case "parentbased_always_off":
      return new ParentBasedSampler({ root: new AlwaysOffSampler() });
    case "parentbased_traceidratio":
      return new ParentBasedSampler({ root: ratio() });
    default:
      return new ParentBasedSampler({ root: new AlwaysOnSampler() });
  }
}

/** `key1=value1,key2=value2`, percent-encoded (OpenTelemetry: the format of W3C Baggage). */
function parsePairs(text: string | undefined): Record<string, string> {
  const pairs = (text ?? "").split(",").flatMap((pair) => {
    const [key = "", ...value] = pair.split("=");
    return key.trim() === "" ? [] : [[key.trim(), decoded(value.join("=").trim())]];
  });
  return Object.fromEntries(pairs);
}

function decoded(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch (error) {
    if (error instanceof URIError) return value;
    throw error;
  }
}

/** The SDK tells of failed exports here, again and again while a collector is away. */
function complainTo(log: Log): void {
  let last = Number.NEGATIVE_INFINITY;
  const complain = () => {
    if (performance.now() - last < COMPLAIN_EVERY_MS) return;
    last = performance.now();
    log.warn("could not export traces: is the collector up? Runs are not affected");
  };
  const quiet = () => {};
  diag.setLogger(
    { error: complain, warn: complain, info: quiet, debug: quiet, verbose: quiet },
    { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true },
  );
}

function lostAtTheEnd(log: Log) {
  return (error: unknown) => log.warn({ err: error }, "the last traces could not be exported");
}
