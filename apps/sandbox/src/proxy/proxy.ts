/**
 * How people and other processes reach instances: one TCP port, on which the user name says which instance is meant.
 * The proxy itself checks the password; the instance trusts it. Afterwards bytes go through untouched.
 */
import { randomBytes } from "node:crypto";
import { createServer, type Server, type Socket } from "node:net";
import { createSecureContext, type SecureContext } from "node:tls";
import { systemCode } from "@quern/postmaster/postmaster-error";
import type { InstanceInstruments } from "../instances/instruments.ts";
import { type CancelKeys, serveClient } from "./session.ts";
import { openThrottle } from "./throttle.ts";

/** Where the server of an instance is reached. */
export type Target = { instance_id: string; socket_dir: string; port: number };

export type ProxyOptions = {
  /** Where to listen. Port 0: any free one. */
  host: string;
  port: number;
  /** Whether any free port will do when that one is taken. */
  any_port?: boolean;
  /** The host that people are told; by default the one listened on. */
  advertised_host?: string;
  /** PEM texts. With them, sessions without TLS are refused. */
  tls?: { cert: string; key: string } | null;
  /** Sessions and attempts at the same time. */
  max_connections: number;
  /** A session on which nothing comes or goes for so long is ended. */
  idle_ms?: number;
  /** The login of a user name, if there is one. */
  find(user: string): Promise<{ instance_id: string; verifier: string } | undefined>;
  /** The running server of an instance; null while it is reset, or gone. */
  target(instance_id: string): Target | null;
  instruments: Pick<InstanceInstruments, "proxyConnections">;
  onError(error: unknown): void;
  startup_ms?: number;
};

export type InstanceProxy = {
  address: { host: string; port: number; tls: boolean };
  connections(): number;
  /** Open sessions of one instance. */
  connectionsOf(instance_id: string): number;
  stop(): Promise<void>;
};

export type ProxyContext = ProxyOptions & {
  secure: SecureContext | null;
  secret: Buffer;
  cancels: CancelKeys;
  throttle: ReturnType<typeof openThrottle>;
  sessions: Map<string, number>;
};

const IDLE_MS = 3_600_000;
const STARTUP_MS = 10_000;
/** So that the other end of a cable that was pulled is noticed. */
const KEEP_ALIVE_MS = 30_000;

export async function startProxy(options: ProxyOptions): Promise<InstanceProxy> {
  const context: ProxyContext = {
    idle_ms: IDLE_MS,
    startup_ms: STARTUP_MS,
    ...options,
    secure: options.tls ? createSecureContext(options.tls) : null,
    secret: randomBytes(32),
    cancels: new Map(),
    throttle: openThrottle(),
    sessions: new Map(),
  };
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    open.add(socket);
    socket.setNoDelay(true);
    socket.setKeepAlive(true, KEEP_ALIVE_MS);
    socket.on("close", () => open.delete(socket));
    socket.on("error", () => socket.destroy());
    serveClient(socket, context, open.size > options.max_connections)
      .then((outcome) => options.instruments.proxyConnections.inc({ outcome }))
      .catch(options.onError);
  });
  await listenOn(server, options.host, options.port).catch((error: unknown) => {
    if (!options.any_port || systemCode(error) !== "EADDRINUSE") throw error;
    return listenOn(server, options.host, 0);
  });
  server.on("error", options.onError);
  const bound = server.address();
  if (bound === null || typeof bound === "string") throw new Error("the proxy has no address");
  return {
    address: {
      host: options.advertised_host ?? advertised(options.host),
      port: bound.port,
      tls: context.secure !== null,
    },
    connections: () => open.size,
    connectionsOf: (instance_id) => context.sessions.get(instance_id) ?? 0,
    async stop() {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of open) socket.destroy();
      await closed;
    },
  };
}

async function listenOn(server: Server, host: string, port: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => {
      server.off("error", reject);
      resolve();
    });
  });
}

/** An address that means "every interface" is none to connect to. */
function advertised(host: string): string {
  return host === "0.0.0.0" || host === "::" ? "localhost" : host;
}
