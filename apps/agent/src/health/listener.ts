import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Running } from "@quern/runtime/running";
import type { AgentConfig } from "../config/agent-config.ts";
import { ConfigError } from "../config/config-error.ts";
import { metricsOf } from "./own-metrics.ts";
import { healthOf, type Watched } from "./reports.ts";

export type HealthListener = Running & { address: string | null };

/** Serves health and `/metrics` to whoever can connect. Throws `ConfigError` when the address cannot be listened on. */
export async function listenForHealth(
  config: Pick<AgentConfig, "health" | "collection">,
  watched: Watched,
): Promise<HealthListener> {
  const { enabled, bind_address, port, path } = config.health;
  if (!enabled) return { address: null, stop: async () => {} };
  const server = createServer({ headersTimeout: 5_000, requestTimeout: 10_000 });
  server.maxConnections = 50;
  server.on("request", (request, reply) => {
    const asked = request.url?.split("?")[0];
    if (request.method !== "GET" && request.method !== "HEAD") {
      return answer(reply, 405, "text/plain", "Send GET.\n");
    }
    if (asked === path) {
      const health = healthOf(config, watched, Date.now());
      const body = `${JSON.stringify(health, null, 2)}\n`;
      return answer(reply, health.status === "ok" ? 200 : 503, "application/json", body);
    }
    if (asked === "/metrics") {
      const type = "text/plain; version=0.0.4; charset=utf-8";
      return answer(reply, 200, type, metricsOf(watched, Date.now()));
    }
    return answer(reply, 404, "text/plain", `Health is at ${path}, metrics are at /metrics.\n`);
  });
  await listening(server, bind_address, port);
  server.unref();
  const { port: bound } = server.address() as AddressInfo;
  const host = bind_address.includes(":") ? `[${bind_address}]` : bind_address;
  return {
    address: `http://${host}:${bound}${path}`,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function answer(reply: ServerResponse, status: number, type: string, body: string): void {
  reply.writeHead(status, { "content-type": type, "cache-control": "no-store" }).end(body);
}

async function listening(server: Server, host: string, port: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, resolve);
  }).catch((error: NodeJS.ErrnoException) => {
    throw new ConfigError(
      `health: ${host}:${port} cannot be listened on (${error.code}). Choose another port or address ` +
        "(DATAPACE_HEALTH_PORT, DATAPACE_HEALTH_BIND_ADDRESS), or set health.enabled to false in the file.",
      { cause: error },
    );
  });
}
