/** What a runner measures. Labels come from closed lists: kinds, connectors, outcomes; never from SQL. */
import { FiringOutcome } from "@quern/contract/schedules";
import type { Executors } from "@quern/executor/pool";
import { openRunInstruments, watchExecutors } from "@quern/run-work/instruments";
import { openMetrics } from "@quern/runtime/metrics";
import type { Tracer } from "@quern/runtime/spans";
import { type Database, poolState } from "@quern/store/db";
import { Counter, Gauge, Histogram, type Registry } from "prom-client";

export type Instruments = ReturnType<typeof openInstruments>;

export function openInstruments(db: Database, tracer: Tracer) {
  const metrics = openMetrics("runner", () => poolState(db));
  const registers = [metrics.registry];
  return {
    ...openRunInstruments(metrics, tracer),
    claims: new Counter({
      name: "quern_claims_total",
      help: "Runs that this runner claimed",
      registers,
    }),
    claimSeconds: new Histogram({
      name: "quern_claim_seconds",
      help: "Time of one look at the queue, whether it gave runs or not",
      buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30],
      registers,
    }),
    leaseExpiries: new Counter({
      name: "quern_lease_expiries_total",
      help: "Runs of lost runners that this runner ended as runner_lost",
      registers,
    }),
    projectRowsDeleted: new Counter({
      name: "quern_project_sweep_rows_total",
      help: "Jobs, files and trees of projects that were deleted because their time was up",
      labelNames: ["what"],
      registers,
    }),
    projectSweepSeconds: new Histogram({
      name: "quern_project_sweep_seconds",
      help: "Time that one batch of deleting them took",
      buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
      registers,
    }),
    ruleSeconds: new Histogram({
      name: "quern_health_rule_seconds",
      help: "Time that one evaluation of an advisor rule took, by the state it came to",
      labelNames: ["state"],
      buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
      registers,
    }),
    ruleFailures: new Counter({
      name: "quern_health_rule_failures_total",
      help: "Evaluations of advisor rules that ended in an error",
      labelNames: ["rule"],
      registers,
    }),
    healthSummed: new Counter({
      name: "quern_health_summed_total",
      help: "Hours, days and late payloads of monitored databases that this runner summed up",
      labelNames: ["what"],
      registers,
    }),
    healthLag: new Gauge({
      name: "quern_health_rollup_lag_seconds",
      help: "How long ago the last hour ended that is summed up; more than two hours means that none is",
      registers,
    }),
    healthDeleted: new Counter({
      name: "quern_health_deleted_total",
      help: "Rows and partitions of monitored databases that were deleted because their time was up",
      labelNames: ["what"],
      registers,
    }),
    firings: countFirings(metrics.registry),
    firingRuns: new Counter({
      name: "quern_schedule_runs_total",
      help: "Runs that this runner put into the queue for schedules",
      registers,
    }),
    firingLateness: new Histogram({
      name: "quern_schedule_lateness_seconds",
      help: "From the time a schedule was due until its runs were put into the queue",
      buckets: [0.05, 0.1, 0.25, 0.5, 1, 2, 5, 15, 60, 300, 900, 3600, 21600, 86400],
      registers,
    }),
  };
}

/** By outcome, from 0 on, so that the first of each counts as an increase. */
function countFirings(registry: Registry) {
  const firings = new Counter({
    name: "quern_schedule_firings_total",
    help: "Times that schedules were due and this runner saw to, by outcome",
    labelNames: ["outcome"],
    registers: [registry],
  });
  for (const outcome of FiringOutcome.options) firings.inc({ outcome }, 0);
  return firings;
}

/** Gauges of what is there only once the runner has started. */
export function watchCapacity(
  registry: Registry,
  slots: number,
  used: () => number,
  executors: Executors,
): void {
  const registers = [registry];
  new Gauge({
    name: "quern_runner_slots",
    help: "Runs that this runner executes at the same time",
    registers,
  }).set(slots);
  new Gauge({
    name: "quern_runner_slots_used",
    help: "Runs that this runner works on now",
    registers,
    collect() {
      this.set(used());
    },
  });
  watchExecutors(registry, executors);
}
