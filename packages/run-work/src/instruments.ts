/** What the work on runs measures. Labels come from closed lists: kinds, connectors, outcomes; never from SQL. */
import type { Executors } from "@quern/executor/pool";
import { observeStore, type PartStore } from "@quern/results/parts";
import { type Metrics, storeObserver } from "@quern/runtime/metrics";
import type { Tracer } from "@quern/runtime/spans";
import { Counter, Gauge, Histogram, type Registry } from "prom-client";

export type RunInstruments = ReturnType<typeof openRunInstruments>;

const RUN_BUCKETS = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600,
];

/** Registers them once for each process that holds runs. */
export function openRunInstruments(metrics: Metrics, tracer: Tracer) {
  const registers = [metrics.registry];
  return {
    metrics,
    tracer,
    runSeconds: new Histogram({
      name: "quern_run_seconds",
      help: "Time that ended runs spent in each phase: queued, connecting, executing, streaming, storing",
      labelNames: ["kind", "connector", "phase", "outcome"],
      buckets: RUN_BUCKETS,
      registers,
    }),
    runsEnded: new Counter({
      name: "quern_runs_ended_total",
      help: "Runs that this runner ended; outcome is succeeded, canceled or the error code",
      labelNames: ["kind", "connector", "outcome"],
      registers,
    }),
    rows: new Counter({
      name: "quern_run_rows_total",
      help: "Rows that runs gave",
      labelNames: ["kind", "connector"],
      registers,
    }),
    bytes: new Counter({
      name: "quern_run_result_bytes_total",
      help: "Uncompressed bytes of values that runs gave",
      labelNames: ["kind", "connector"],
      registers,
    }),
    cancelSeconds: new Histogram({
      name: "quern_run_cancel_seconds",
      help: "From the request to cancel a running run to its end; confirmed says whether the engine was seen to have stopped",
      labelNames: ["confirmed"],
      buckets: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 20, 30],
      registers,
    }),
    leasesLost: new Counter({
      name: "quern_leases_lost_total",
      help: "Runs that this runner worked on when it lost their lease",
      registers,
    }),
    /** The same store, whose operations are measured. */
    timedStore(store: PartStore): PartStore {
      observeStore(store, storeObserver(metrics.registry, store.kind));
      return store;
    },
  };
}

/** Gauges of the executors, which are there only once they have started. */
export function watchExecutors(registry: Registry, executors: Executors): void {
  const registers = [registry];
  new Gauge({
    name: "quern_executors",
    help: "Executor processes by state; an idle one is warm and waits for a run",
    labelNames: ["state"],
    registers,
    collect() {
      const { idle, running } = executors.stats();
      this.set({ state: "idle" }, idle);
      this.set({ state: "busy" }, running);
    },
  });
  new Gauge({
    name: "quern_executor_sessions_ready",
    help: "Sessions in datasources that idle executors have opened ahead of need",
    registers,
    collect() {
      this.set(executors.stats().ready);
    },
  });
  new Counter({
    name: "quern_executors_started_total",
    help: "Executor processes that this runner started",
    registers,
    collect() {
      this.reset();
      this.inc(executors.stats().started);
    },
  });
  new Counter({
    name: "quern_executors_ended_total",
    help: "Executor processes that ended, by reason: worn (old or big), surplus (idle), crashed, memory, canceled (before it had a session), stuck, unresponsive, died_idle",
    labelNames: ["reason"],
    registers,
    collect() {
      this.reset();
      for (const [reason, count] of Object.entries(executors.stats().ended))
        this.inc({ reason }, count);
    },
  });
}
