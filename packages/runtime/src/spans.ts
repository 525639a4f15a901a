/** What a span and a tracer are, whether they export or not. */

/** Never SQL, values or secrets. */
export type Attributes = Record<string, string | number | boolean>;

export type SpanOptions = {
  kind?: "server" | "producer" | "consumer" | "internal";
  attributes?: Attributes;
  /** How long ago it began. */
  began_ms_ago?: number;
};

export type Span = {
  /** W3C trace context of this span, to be continued elsewhere; null when there is nothing to continue. */
  readonly traceparent: string | null;
  child(name: string, options?: SpanOptions): Span;
  set(attributes: Attributes): void;
  /** `error` names what went wrong by a code. */
  end(error?: string): void;
};

export type Tracer = {
  enabled: boolean;
  /** A span that continues `parent`, a traceparent header, or begins a trace when that is none. */
  start(name: string, parent: string | null | undefined, options?: SpanOptions): Span;
  /** Sends what is left, for a few seconds at most. */
  stop(): Promise<void>;
};

/** What of the settings says how to trace; OpenTelemetry's own names. */
export type TracingSettings = {
  OTEL_EXPORTER_OTLP_ENDPOINT?: string | undefined;
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT?: string | undefined;
  OTEL_EXPORTER_OTLP_HEADERS?: string | undefined;
  OTEL_SERVICE_NAME?: string | undefined;
  OTEL_RESOURCE_ATTRIBUTES?: string | undefined;
  OTEL_TRACES_SAMPLER?: string | undefined;
  OTEL_TRACES_SAMPLER_ARG?: number | undefined;
};

const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;

/** The parts of a `traceparent` (W3C Trace Context, level 1, §3.2); undefined when it is not valid. */
export function parseTraceparent(value: string | null | undefined) {
  const match = value == null || value.length > 200 ? null : TRACEPARENT.exec(value.trim());
  if (match === null) return undefined;
  const [, version, traceId = "", spanId = "", flags = "", more] = match;
  if (version === "ff" || (version === "00" && more !== undefined)) return undefined;
  if (/^0+$/.test(traceId) || /^0+$/.test(spanId)) return undefined;
  return { traceId, spanId, flags, header: `00-${traceId}-${spanId}-${flags}` };
}
