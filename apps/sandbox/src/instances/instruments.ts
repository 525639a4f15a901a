/** What instances measure. Labels come from closed lists; never from SQL, names or keys. */
import { Counter, Gauge, Histogram, type Registry } from "prom-client";
import type { EndReason, Purpose } from "./instances.ts";

export type InstanceInstruments = ReturnType<typeof openInstanceInstruments>;

const KILLS: EndReason[] = ["disk_limit", "memory_limit", "wall_clock", "crashed"];
export const PURPOSES: Purpose[] = ["base", "builder", "head", "person", "pool", "inspection"];

const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60];

export function openInstanceInstruments(registry: Registry) {
  const registers = [registry];
  const kills = new Counter({
    name: "quern_instance_kills_total",
    help: "Instances that ended although nobody asked, by reason",
    labelNames: ["reason"],
    registers,
  });
  for (const reason of KILLS) kills.inc({ reason }, 0);
  return {
    kills,
    cloneSeconds: new Histogram({
      name: "quern_instance_clone_seconds",
      help: "Time to clone a layer's directory, by backend",
      labelNames: ["backend"],
      buckets: SECONDS,
      registers,
    }),
    startSeconds: new Histogram({
      name: "quern_instance_start_seconds",
      help: "From asking for an instance until it took connections; warm: taken from the pool",
      labelNames: ["kind"],
      buckets: SECONDS,
      registers,
    }),
    poolRequests: new Counter({
      name: "quern_instance_pool_requests_total",
      help: "Heads that asked for an instance, by whether the pool had one ready (hit, miss)",
      labelNames: ["outcome"],
      registers,
    }),
    proxyConnections: new Counter({
      name: "quern_proxy_connections_total",
      help: "Connections through the proxy, by how they went (served, refused, failed, limited, canceled)",
      labelNames: ["outcome"],
      registers,
    }),
  };
}

/** Gauges of what is there only once instances have started. */
export function observeInstances(
  registry: Registry,
  look: () => { running: Record<Purpose, number>; pool_ready: number; connections: number },
) {
  const registers = [registry];
  new Gauge({
    name: "quern_instances_running",
    help: "Instances that run now, by purpose",
    labelNames: ["purpose"],
    registers,
    collect() {
      const { running } = look();
      for (const purpose of PURPOSES) this.set({ purpose }, running[purpose]);
    },
  });
  new Gauge({
    name: "quern_instance_pool_ready",
    help: "Instances of the pool that wait for a head",
    registers,
    collect() {
      this.set(look().pool_ready);
    },
  });
  new Gauge({
    name: "quern_proxy_connections_open",
    help: "Connections through the proxy that are open now",
    registers,
    collect() {
      this.set(look().connections);
    },
  });
}
