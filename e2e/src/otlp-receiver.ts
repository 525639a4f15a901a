/** A collector of traces that takes OTLP over HTTP in JSON, and keeps what it gets. */
import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import { setTimeout as delay } from "node:timers/promises";

type ReceivedSpan = {
  service: string;
  name: string;
  trace_id: string;
  span_id: string;
  parent_id: string;
  /** OpenTelemetry's number: 1 internal, 2 server, 4 producer, 5 consumer. */
  kind: number;
  start: number;
  end: number;
  attributes: Record<string, string | number | boolean>;
  failed: boolean;
};

export type OtlpReceiver = {
  endpoint: string;
  /** Everything that was sent, as it was sent. */
  text(): string;
  spans(): ReceivedSpan[];
  /** The spans of a trace, once there are as many. */
  trace(traceId: string, count: number): Promise<ReceivedSpan[]>;
  /** Headers of the last request. */
  headers(): IncomingMessage["headers"];
  [Symbol.asyncDispose](): Promise<void>;
};

type Value = { stringValue?: string; intValue?: number; doubleValue?: number; boolValue?: boolean };
type Attribute = { key: string; value: Value };
type Export = {
  resourceSpans: {
    resource: { attributes: Attribute[] };
    scopeSpans: {
      spans: {
        traceId: string;
        spanId: string;
        parentSpanId?: string;
        name: string;
        kind: number;
        startTimeUnixNano: string;
        endTimeUnixNano: string;
        attributes: Attribute[];
        status: { code?: number };
      }[];
    }[];
  }[];
};

const PATIENCE_MS = 20_000;

export async function startOtlpReceiver(): Promise<OtlpReceiver> {
  const bodies: string[] = [];
  let headers: IncomingMessage["headers"] = {};
  const server = createServer(async (request, reply) => {
    let body = "";
    for await (const chunk of request.setEncoding("utf8")) body += chunk;
    if (request.url === "/v1/traces") bodies.push(body);
    headers = request.headers;
    reply.writeHead(200, { "content-type": "application/json" }).end("{}");
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("no port");
  const spans = () => bodies.flatMap((body) => readSpans(JSON.parse(body)));
  return {
    endpoint: `http://127.0.0.1:${address.port}`,
    text: () => bodies.join("\n"),
    spans,
    async trace(traceId, count) {
      for (const deadline = Date.now() + PATIENCE_MS; ; await delay(50)) {
        const found = spans().filter(({ trace_id }) => trace_id === traceId);
        if (found.length >= count) return found;
        if (Date.now() > deadline)
          throw new Error(`only these spans came: ${found.map(({ name }) => name).join(", ")}`);
      }
    },
    headers: () => headers,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

function readSpans({ resourceSpans }: Export): ReceivedSpan[] {
  return resourceSpans.flatMap(({ resource, scopeSpans }) => {
    const service = String(readAttributes(resource.attributes)["service.name"]);
    return scopeSpans.flatMap((scope) =>
      scope.spans.map((span) => ({
        service,
        name: span.name,
        trace_id: span.traceId,
        span_id: span.spanId,
        parent_id: span.parentSpanId ?? "",
        kind: span.kind,
        start: Number(span.startTimeUnixNano) / 1e6,
        end: Number(span.endTimeUnixNano) / 1e6,
        attributes: readAttributes(span.attributes),
        failed: span.status.code === 2,
      })),
    );
  });
}

function readAttributes(attributes: Attribute[]): ReceivedSpan["attributes"] {
  return Object.fromEntries(
    attributes.map(({ key, value }) => [
      key,
      value.stringValue ?? value.intValue ?? value.doubleValue ?? value.boolValue ?? "",
    ]),
  );
}
