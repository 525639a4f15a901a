/**
 * Instances that people keep for a while. Each is a row, whose lease this process renews; what people ask (reset,
 * extend, stop) is written into the row by the API. The server lives and dies with this process: nothing is taken over.
 */
import type { Log } from "@quern/runtime/log";
import type { Database } from "@quern/store/db";
import {
  findLogin,
  insertInstance,
  noteRunning,
  renewInstances,
  sweepInstances,
} from "@quern/store/instance-keeping";
import type { InstanceProxy, Target } from "../proxy/proxy.ts";
import { SandboxError } from "../sandbox-error.ts";
import {
  beginHolding,
  endHolding,
  type Holding,
  type HoldingShop,
  type KeepRequest,
  resetHolding,
} from "./holding.ts";
import type { Instance, Instances } from "./instances.ts";

export type Kept = {
  /** Throws Conflict (limits, name taken) and SandboxError. */
  keep(
    request: KeepRequest,
  ): Promise<{ instance_id: string; name: string; expires_at: Date; timings: Instance["timings"] }>;
  /** Looks at once at what people asked for; of one instance, or after a gap of all. */
  look(): void;
  count(): number;
  /** For the proxy. */
  target(instance_id: string): Target | null;
  find(user: string): Promise<{ instance_id: string; verifier: string } | undefined>;
  stop(): Promise<void>;
};

export type KeptOptions = {
  db: Database;
  instances: Pick<Instances, "start">;
  /** The id of this process in `sandboxes`. */
  sandbox: string;
  /** Null until the proxy has started, or without one. */
  proxy(): InstanceProxy | null;
  log: Log;
  lease_ms?: number;
  renew_ms?: number;
};

const LEASE_MS = 20_000;
const RENEW_MS = 2_000;

export function startKept(options: KeptOptions): Kept {
  const { db, sandbox, instances, log, lease_ms = LEASE_MS } = options;
  const held = new Map<string, Holding>();
  const shop: HoldingShop = { db, instances, held, log };
  const rounds = openRounds(
    () => renew(options, shop, lease_ms),
    (error) => log.warn({ err: error }, "instances could not be renewed"),
  );
  const timer = setInterval(rounds.look, options.renew_ms ?? RENEW_MS);
  return {
    keep: (request) => keep(options, shop, lease_ms, request),
    look: rounds.look,
    count: () => held.size,
    target(instance_id) {
      const instance = held.get(instance_id)?.instance ?? null;
      if (instance === null) return null;
      return { instance_id, socket_dir: instance.socket_dir, port: instance.port };
    },
    find: (user) => findLogin(db, sandbox, user),
    async stop() {
      clearInterval(timer);
      await rounds.stop();
      const ends = [...held.values()].map((holding) =>
        endHolding(shop, holding, "sandbox_lost", "The sandbox process was stopped.").catch(
          (error) => log.warn({ err: error, id: holding.id }, "an instance could not be ended"),
        ),
      );
      await Promise.all(ends);
    },
  };
}

async function keep(
  { db, sandbox, proxy }: KeptOptions,
  shop: HoldingShop,
  lease_ms: number,
  request: KeepRequest,
): ReturnType<Kept["keep"]> {
  const { environment, layer } = request;
  const row = await insertInstance(db, {
    ...request,
    engine: environment.engine.version,
    environment: {
      extensions: environment.extensions.map(({ name }) => name),
      settings: environment.settings,
      superuser: environment.superuser,
    },
    sandbox,
    lease_ms,
    proxy: proxy()?.address ?? null,
  }).catch(async (error: unknown) => {
    await layer.release();
    throw error;
  });
  const { id, name, expires_at } = row;
  const holding: Holding = { id, request, instance: null, ending: false };
  shop.held.set(id, holding);
  try {
    const { timings } = await beginHolding(shop, holding, request.signal);
    if (await noteRunning(db, id, false)) return { instance_id: id, name, expires_at, timings };
    throw new SandboxError("aborted", "The instance was ended before it had started.");
  } catch (error) {
    const said = error instanceof SandboxError ? error.message : "It could not be started.";
    await endHolding(shop, holding, "not_started", said);
    throw error;
  }
}

/** Renews the leases, and does what people ask. */
async function renew(options: KeptOptions, shop: HoldingShop, lease_ms: number): Promise<void> {
  const { db, sandbox } = options;
  await sweepInstances(db);
  const all = [...shop.held.values()].filter((holding) => !holding.ending);
  if (all.length === 0) return;
  const proxy = options.proxy();
  const connected = all.map(({ id }) => ({ id, connections: proxy?.connectionsOf(id) ?? 0 }));
  const orders = await renewInstances(db, sandbox, connected, lease_ms);
  const known = new Map(orders.map((order) => [order.id, order]));
  for (const holding of all) {
    const order = known.get(holding.id);
    if (order === undefined) await endHolding(shop, holding, "stopped", "It was ended.");
    else if (order.stop) await endHolding(shop, holding, "stopped", "A person stopped it.");
    else if (order.expired) await endHolding(shop, holding, "expired", "Its time was up.");
    else if (order.reset && holding.instance !== null) await resetHolding(shop, holding);
  }
}

/** One round at a time; who asks during one gets another after it. */
function openRounds(round: () => Promise<void>, onError: (error: unknown) => void) {
  let stopped = false;
  let again = false;
  let going: Promise<void> | null = null;
  const go = async () => {
    while (again && !stopped) {
      again = false;
      await round();
    }
  };
  return {
    look() {
      again = true;
      if (stopped || going !== null) return;
      going = go()
        .catch(onError)
        .finally(() => {
          going = null;
        });
    },
    async stop() {
      stopped = true;
      await going;
    },
  };
}
