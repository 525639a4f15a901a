import { createServer, type Server, type ServerResponse } from "node:http";
import type { Log } from "./log.ts";
import type { Metrics } from "./metrics.ts";
import type { Running } from "./running.ts";
import { SettingsError } from "./settings.ts";

export type MetricsListener = Running & {
  /** Where it listens, `http://127.0.0.1:9464`; null when no setting asked for it. */
  address: string | null;
};

const HEADERS_MS = 5_000;
const REQUEST_MS = 30_000;

/**
 * Serves `GET /metrics` at `address` (`HOST:PORT`) to whoever can connect, without signing in: for a scraper, on a
 * loopback or internal address. Without an address it serves nothing. Throws `SettingsError` when the address cannot be listened on.
 */
export async function listenForScrapes(
  address: string | undefined,
  metrics: Metrics,
  log: Log,
): Promise<MetricsListener> {
  if (address === undefined) return { address: null, stop: async () => {} };
  const { host, port } = parseAddress(address);
  const server = createServer({ headersTimeout: HEADERS_MS, requestTimeout: REQUEST_MS });
  server.maxConnections = 50;
  server.on("request", (request, reply) => {
    const path = request.url?.split("?")[0];
    if (path !== "/metrics") return answer(reply, 404, "Metrics are at /metrics.\n");
    if (request.method !== "GET") return answer(reply, 405, "Send GET.\n", { allow: "GET" });
    metrics.text().then(
      (text) => answer(reply, 200, text, { "content-type": metrics.contentType }),
      (error: unknown) => {
        log.error({ err: error }, "could not collect metrics");
        answer(reply, 500, "The metrics could not be collected; the log says why.\n");
      },
    );
  });
  await listening(server, host, port);
  server.unref();
  const bound = server.address();
  const boundPort = typeof bound === "object" && bound !== null ? bound.port : port;
  const url = `http://${host.includes(":") ? `[${host}]` : host}:${boundPort}`;
  log.info({ address: url }, "serving metrics");
  return {
    address: url,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function answer(
  reply: ServerResponse,
  status: number,
  body: string,
  headers: Record<string, string> = {},
): void {
  reply.writeHead(status, { "content-type": "text/plain; charset=utf-8", ...headers }).end(body);
}

/** `HOST:PORT`; an IPv6 address is in brackets. The setting's schema has checked it. */
function parseAddress(address: string): { host: string; port: number } {
  const colon = address.lastIndexOf(":");
  return {
    host: address.slice(0, colon).replace(/^\[|\]$/g, ""),
    port: Number(address.slice(colon + 1)),
  };
}

async function listening(server: Server, host: string, port: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, resolve);
  }).catch((error: NodeJS.ErrnoException) => {
    throw new SettingsError(
      `QUERN_METRICS_ADDR=${host}:${port} cannot be listened on (${error.code}). Choose another port, or an address of this machine.`,
      { cause: error },
    );
  });
}
