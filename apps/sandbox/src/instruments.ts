/** What a sandbox measures about jobs. Layers and instances have their own. Labels come from closed lists. */
import type { Executors } from "@quern/executor/pool";
import { openRunInstruments, watchExecutors } from "@quern/run-work/instruments";
import { openMetrics } from "@quern/runtime/metrics";
import type { Tracer } from "@quern/runtime/spans";
import { type Database, poolState } from "@quern/store/db";
import { Counter, Gauge, Histogram, type Registry } from "prom-client";

export type Instruments = ReturnType<typeof openInstruments>;

const SECONDS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600];

export function openInstruments(db: Database, tracer: Tracer) {
  const metrics = openMetrics("sandbox", () => poolState(db));
  const registers = [metrics.registry];
  return {
    ...openRunInstruments(metrics, tracer),
    jobsEnded: new Counter({
      name: "quern_jobs_ended_total",
      help: "Jobs that this sandbox ended; outcome is completed, canceled or the error code",
      labelNames: ["type", "outcome"],
      registers,
    }),
    jobSeconds: new Histogram({
      name: "quern_job_stage_seconds",
      help: "Time that ended jobs spent in each stage",
      labelNames: ["type", "stage"],
      buckets: SECONDS,
      registers,
    }),
    jobsHit: new Counter({
      name: "quern_job_states_total",
      help: "States that heads ran on; hit is full, prefix or miss",
      labelNames: ["hit"],
      registers,
    }),
  };
}

/** Gauges of what is there only once the sandbox has started. */
export function watchJobs(
  registry: Registry,
  slots: number,
  used: () => number,
  executors: Executors,
): void {
  const registers = [registry];
  new Gauge({
    name: "quern_sandbox_slots",
    help: "Jobs that this sandbox works on at the same time",
    registers,
  }).set(slots);
  new Gauge({
    name: "quern_sandbox_slots_used",
    help: "Jobs that this sandbox works on now",
    registers,
    collect() {
      this.set(used());
    },
  });
  watchExecutors(registry, executors);
}
