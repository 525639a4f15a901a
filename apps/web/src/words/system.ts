import type { DatasourceQueue, PoolState, System } from "@quern/contract/system";
import { countOf, formatCount } from "./count.ts";
import { formatDuration } from "./duration.ts";
import { formatAge } from "./instants.ts";

export type Finding = { tone: "error" | "warning"; title: string; detail: string };

/** From these on, somebody has to look. Seconds, or a share of what there is. */
const LONG_WAIT_S = 30;
const HIGH_LAG_S = 0.2;
const FULL = 0.85;
const OFTEN_FAILED = 0.2;
const ENOUGH_RUNS = 10;

/** Codes that are the installation's fault, not that of somebody's SQL. */
const OURS = new Set([
  "runner_lost",
  "executor_crashed",
  "executor_oom",
  "result_store_unavailable",
  "internal",
]);

/** What is wrong with the installation, the worst first, and what to do about it; empty when nothing is. */
export function systemFindings(system: System): Finding[] {
  const found = [
    ...runnerFindings(system),
    ...system.queue.flatMap((queue) => queueFindings(queue)),
    ...failureFindings(system),
    ...processFindings(system),
    ...databaseFindings(system),
  ];
  return [
    ...found.filter((finding) => finding.tone === "error"),
    ...found.filter((finding) => finding.tone === "warning"),
  ];
}

function runnerFindings(system: System): Finding[] {
  const alive = system.runners.filter((runner) => runner.alive);
  const waiting = system.queue.reduce((sum, queue) => sum + queue.queued, 0);
  if (alive.length === 0)
    return [
      {
        tone: "error",
        title: "No runner is at work",
        detail:
          waiting === 0
            ? "Runs that are started now wait in the queue until a runner is there."
            : `${countOf(waiting, "run")} ${waiting === 1 ? "waits" : "wait"} in the queue until a runner is there. Start one: node apps/runner/dist/main.js.`,
      },
    ];
  const slots = alive.reduce((sum, runner) => sum + runner.slots, 0);
  const running = alive.reduce((sum, runner) => sum + runner.running, 0);
  if (waiting === 0 || running < slots) return [];
  return [
    {
      tone: "warning",
      title: `All ${countOf(slots, "slot")} of the runners are busy`,
      detail: `${countOf(waiting, "run")} ${waiting === 1 ? "waits" : "wait"}. Raise QUERN_RUNNER_SLOTS or start another runner.`,
    },
  ];
}

function queueFindings({
  datasource,
  queued,
  oldest_wait_s,
  running,
  max_concurrency,
}: DatasourceQueue): Finding[] {
  if (oldest_wait_s === null || oldest_wait_s < LONG_WAIT_S) return [];
  const name = datasource?.name ?? "Connection tests";
  const capped = max_concurrency !== null && running >= max_concurrency;
  return [
    {
      tone: "warning",
      title: `${name}: the oldest run has waited ${formatDuration(oldest_wait_s * 1000)}`,
      detail: capped
        ? `${countOf(queued, "run")} in the queue. It takes ${countOf(max_concurrency, "run")} at a time, and as many go on: raise its cap, or find what takes so long.`
        : `${countOf(queued, "run")} in the queue.`,
    },
  ];
}

function failureFindings({ last_hour }: System): Finding[] {
  const ours = last_hour.failures.filter((each) => OURS.has(each.code));
  const ended = last_hour.succeeded + last_hour.failed + last_hour.canceled;
  const found: Finding[] = [];
  if (ours.length > 0)
    found.push({
      tone: "error",
      title: `${countOf(
        ours.reduce((sum, each) => sum + each.count, 0),
        "run",
      )} failed through no fault of the SQL in the last hour`,
      detail: `${ours.map((each) => `${each.code}: ${formatCount(each.count)}`).join(", ")}. The logs of the runners say why; look for the run’s id.`,
    });
  else if (ended >= ENOUGH_RUNS && last_hour.failed / ended >= OFTEN_FAILED)
    found.push({
      tone: "warning",
      title: `${Math.round((last_hour.failed / ended) * 100)} % of the runs of the last hour failed`,
      detail: last_hour.failures
        .map((each) => `${each.code}: ${formatCount(each.count)}`)
        .join(", "),
    });
  return found;
}

function processFindings(system: System): Finding[] {
  const now = Date.parse(system.now);
  return [...system.apis, ...system.runners].flatMap((one): Finding[] => {
    const kind = "slots" in one ? "Runner" : "API";
    if (!one.alive)
      return [
        {
          tone: "warning",
          title: `${kind} ${one.id} gives no sign of life`,
          detail: `Its last one was ${formatAge(one.seen_at, now)}. If it was stopped on purpose, it leaves this list by itself.`,
        },
      ];
    if (one.vitals === null) return [];
    const found: Finding[] = [];
    if (one.vitals.event_loop_lag_s >= HIGH_LAG_S)
      found.push({
        tone: "warning",
        title: `${kind} ${one.id} is slow to react`,
        detail: `Its event loop lags by ${formatDuration(one.vitals.event_loop_lag_s * 1000)}: the machine is overloaded.`,
      });
    if (one.vitals.pool.waiting > 0) found.push(poolFinding(`${kind} ${one.id}`, one.vitals.pool));
    return found;
  });
}

function poolFinding(name: string, pool: PoolState): Finding {
  return {
    tone: "warning",
    title: `${name} has no free connection to Quern’s database`,
    detail: `${countOf(pool.waiting, "caller")} for ${countOf(pool.max, "connection")}.`,
  };
}

function databaseFindings({ database }: System): Finding[] {
  if (database.connections < database.max_connections * FULL) return [];
  return [
    {
      tone: "error",
      title: "Quern’s database is running out of connections",
      detail: `${formatCount(database.connections)} of ${formatCount(database.max_connections)} are in use. Raise max_connections, or find who else connects.`,
    },
  ];
}
