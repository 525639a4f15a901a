import { collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import { VERSION } from "./version.ts";

/** What Prometheus reads of one process. */
export type Metrics = {
  registry: Registry;
  contentType: string;
  text(): Promise<string>;
};

type Pool = { max: number; open: number; idle: number; waiting: number };

/** A registry with what every process says of itself: Node's own metrics, its version, its database connections. */
export function openMetrics(processName: string, pool: () => Pool): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  new Gauge({
    name: "quern_build_info",
    help: "Always 1; the labels say which process of which version this is",
    labelNames: ["process", "version"],
    registers: [registry],
  }).set({ process: processName, version: VERSION }, 1);
  new Gauge({
    name: "quern_database_pool_connections",
    help: "Connections of this process to Quern's database, by state",
    labelNames: ["state"],
    registers: [registry],
    collect() {
      const { open, idle } = pool();
      this.set({ state: "busy" }, open - idle);
      this.set({ state: "idle" }, idle);
    },
  });
  new Gauge({
    name: "quern_database_pool_max_connections",
    help: "Connections to Quern's database that this process may open",
    registers: [registry],
    collect() {
      this.set(pool().max);
    },
  });
  new Gauge({
    name: "quern_database_pool_waiting",
    help: "Callers that wait for a connection to Quern's database; above 0 the pool is exhausted",
    registers: [registry],
    collect() {
      this.set(pool().waiting);
    },
  });
  return { registry, contentType: registry.contentType, text: () => registry.metrics() };
}

/** Measures the operations on a result store of this kind. Call once for each registry. */
export function storeObserver(registry: Registry, store: string) {
  const histogram = new Histogram({
    name: "quern_result_store_operation_seconds",
    help: "Time of operations on the result store; outcome is ok, missing or error",
    labelNames: ["store", "operation", "outcome"],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60],
    registers: [registry],
  });
  return (operation: string, outcome: string, seconds: number) =>
    histogram.observe({ store, operation, outcome }, seconds);
}
