import type { DatasourceQueue, PoolState, System } from "@quern/contract/system";
import { t } from "../i18n/language.ts";
import { formatCount } from "./count.ts";
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
        title: t("No runner is at work"),
        detail:
          waiting === 0
            ? t("Runs that are started now wait in the queue until a runner is there.")
            : t(
                "{n} run waits in the queue until a runner is there. Start one: node apps/runner/dist/main.js. | {n} runs wait in the queue until a runner is there. Start one: node apps/runner/dist/main.js.",
                { n: waiting },
              ),
      },
    ];
  const slots = alive.reduce((sum, runner) => sum + runner.slots, 0);
  const running = alive.reduce((sum, runner) => sum + runner.running, 0);
  if (waiting === 0 || running < slots) return [];
  return [
    {
      tone: "warning",
      title: t("All {n} slot of the runners are busy | All {n} slots of the runners are busy", {
        n: slots,
      }),
      detail: t(
        "{n} run waits. Raise QUERN_RUNNER_SLOTS or start another runner. | {n} runs wait. Raise QUERN_RUNNER_SLOTS or start another runner.",
        { n: waiting },
      ),
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
  const name = datasource?.name ?? t("Connection tests");
  const capped = max_concurrency !== null && running >= max_concurrency;
  return [
    {
      tone: "warning",
      title: t("{name}: the oldest run has waited {time}", {
        name,
        time: formatDuration(oldest_wait_s * 1000),
      }),
      detail: capped
        ? t(
            "{queued} in the queue. It takes {most} at a time, and as many go on: raise its cap, or find what takes so long.",
            {
              queued: t("{n} run | {n} runs", { n: queued }),
              most: t("{n} run | {n} runs", { n: max_concurrency }),
            },
          )
        : t("{n} run in the queue. | {n} runs in the queue.", { n: queued }),
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
      title: t(
        "{n} run failed through no fault of the SQL in the last hour | {n} runs failed through no fault of the SQL in the last hour",
        { n: ours.reduce((sum, each) => sum + each.count, 0) },
      ),
      detail: t("{codes}. The logs of the runners say why; look for the run’s id.", {
        codes: codesOf(ours),
      }),
    });
  else if (ended >= ENOUGH_RUNS && last_hour.failed / ended >= OFTEN_FAILED)
    found.push({
      tone: "warning",
      title: t("{percent} % of the runs of the last hour failed", {
        percent: Math.round((last_hour.failed / ended) * 100),
      }),
      detail: codesOf(last_hour.failures),
    });
  return found;
}

const codesOf = (failures: System["last_hour"]["failures"]): string =>
  failures.map((each) => `${each.code}: ${formatCount(each.count)}`).join(", ");

function processFindings(system: System): Finding[] {
  const now = Date.parse(system.now);
  return [...system.apis, ...system.runners].flatMap((one): Finding[] => {
    const kind = "slots" in one ? t("Runner") : "API";
    if (!one.alive)
      return [
        {
          tone: "warning",
          title: t("{kind} {id} gives no sign of life", { kind, id: one.id }),
          detail: t(
            "Its last one was {age}. If it was stopped on purpose, it leaves this list by itself.",
            { age: formatAge(one.seen_at, now) },
          ),
        },
      ];
    if (one.vitals === null) return [];
    const found: Finding[] = [];
    if (one.vitals.event_loop_lag_s >= HIGH_LAG_S)
      found.push({
        tone: "warning",
        title: t("{kind} {id} is slow to react", { kind, id: one.id }),
        detail: t("Its event loop lags by {time}: the machine is overloaded.", {
          time: formatDuration(one.vitals.event_loop_lag_s * 1000),
        }),
      });
    if (one.vitals.pool.waiting > 0) found.push(poolFinding(`${kind} ${one.id}`, one.vitals.pool));
    return found;
  });
}

function poolFinding(name: string, pool: PoolState): Finding {
  return {
    tone: "warning",
    title: t("{name} has no free connection to Quern’s database", { name }),
    detail: t("{callers} for {connections}.", {
      callers: t("{n} caller | {n} callers", { n: pool.waiting }),
      connections: t("{n} connection | {n} connections", { n: pool.max }),
    }),
  };
}

function databaseFindings({ database }: System): Finding[] {
  if (database.connections < database.max_connections * FULL) return [];
  return [
    {
      tone: "error",
      title: t("Quern’s database is running out of connections"),
      detail: t(
        "{connections} of {max_connections} are in use. Raise max_connections, or find who else connects.",
        { connections: database.connections, max_connections: database.max_connections },
      ),
    },
  ];
}
