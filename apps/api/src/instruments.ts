import { observeStore, type PartStore } from "@quern/results/parts";
import { type Metrics, openMetrics, storeObserver } from "@quern/runtime/metrics";
import type { Tracer } from "@quern/runtime/spans";
import { type Database, poolState } from "@quern/store/db";
import { Counter, Histogram } from "prom-client";
import { measureOutbox, type OutboxInstruments } from "./outbox-metrics.ts";
import { measureQueue } from "./queue-metrics.ts";

/** What an API process measures. Labels come from the database and from routes; never from SQL or addresses. */
export type Instruments = {
  metrics: Metrics;
  tracer: Tracer;
  requestSeconds: Histogram<"method" | "route" | "status">;
  runsEnqueued: Counter<"kind" | "trigger">;
  runsReused: Counter<"kind" | "trigger">;
  outbox: OutboxInstruments;
  /** The same store, whose operations are measured. */
  timedStore(store: PartStore): PartStore;
};

export function openInstruments(db: Database, tracer: Tracer): Instruments {
  const metrics = openMetrics("api", () => poolState(db));
  const registers = [metrics.registry];
  measureQueue(metrics.registry, db);
  return {
    metrics,
    tracer,
    requestSeconds: new Histogram({
      name: "quern_http_request_seconds",
      help: "Time from request to end of reply, by route",
      labelNames: ["method", "route", "status"],
      buckets: [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60],
      registers,
    }),
    runsEnqueued: new Counter({
      name: "quern_runs_enqueued_total",
      help: "Runs that this process put into the queue",
      labelNames: ["kind", "trigger"],
      registers,
    }),
    runsReused: new Counter({
      name: "quern_runs_reused_total",
      help: "Requests for a run that an earlier run of the same work answered",
      labelNames: ["kind", "trigger"],
      registers,
    }),
    outbox: measureOutbox(metrics.registry, db),
    timedStore(store) {
      observeStore(store, storeObserver(metrics.registry, store.kind));
      return store;
    },
  };
}
