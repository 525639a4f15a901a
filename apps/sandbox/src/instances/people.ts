/** The instances that people keep, and the proxy through which they reach them: what a sandbox process starts of both. */
import type { Log } from "@quern/runtime/log";
import type { Database } from "@quern/store/db";
import { type InstanceProxy, startProxy } from "../proxy/proxy.ts";
import type { Instances } from "./instances.ts";
import { type Kept, startKept } from "./kept.ts";
import type { proxySettingsOf } from "./process-settings.ts";

export type People = Kept & { proxy: InstanceProxy | null };

const MAX_CONNECTIONS = 500;

/** `address` null: no proxy. A port that is taken is an error: nobody would find the instances. */
export async function startPeople(options: {
  db: Database;
  instances: Instances;
  /** The id of this process in `sandboxes`. */
  sandbox: string;
  address: ReturnType<typeof proxySettingsOf>;
  log: Log;
}): Promise<People> {
  const { db, instances, sandbox, address, log } = options;
  let proxy: InstanceProxy | null = null;
  const kept = startKept({ db, instances, sandbox, proxy: () => proxy, log });
  if (address !== null) {
    proxy = await startProxy({
      ...address,
      max_connections: MAX_CONNECTIONS,
      find: kept.find,
      target: kept.target,
      instruments: instances.instruments,
      onError: (error) => log.warn({ err: error }, "trouble in the proxy"),
    }).catch(async (error: unknown) => {
      await kept.stop();
      throw error;
    });
    const running = proxy;
    instances.showProxy(() => ({ ...running.address, connections: running.connections() }));
  }
  return {
    ...kept,
    proxy,
    async stop() {
      await proxy?.stop();
      await kept.stop();
    },
  };
}
