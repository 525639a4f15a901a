/** What the database knows of queue and runners, read once for each scrape. */
import type { Database } from "@quern/store/db";
import { countJobs, countSandboxes } from "@quern/store/sandboxes";
import { readScheduleLag } from "@quern/store/schedule-lag";
import { countRunners, countRuns, readQueues } from "@quern/store/system";
import { Gauge, type Registry } from "prom-client";

/** Those with the longest waits come first, so what is left out is idle. */
const MAX_DATASOURCES = 300;
/** Less than a scraper waits: without the database, the other metrics are still to be had. */
const DATABASE_MS = 5_000;

/** These metrics are the same from every API process, so take the maximum over them. */
export function measureQueue(registry: Registry, db: Database): void {
  let reading: Promise<boolean> | undefined;
  /** All gauges of one scrape share one reading; without an answer they have no values. */
  const collect = () => {
    reading ??= answersInTime(read(db), DATABASE_MS).then((now) => {
      reading = undefined;
      gauges.show(now);
      return now !== null;
    });
    return reading;
  };
  const gauges = queueGauges(registry, collect);
  new Gauge({
    name: "quern_database_up",
    help: "1 when Quern's database answered while these metrics were collected; at 0 those of the queue are left out",
    registers: [registry],
    async collect() {
      this.set((await collect()) ? 1 : 0);
    },
  });
}

type State = Awaited<ReturnType<typeof read>>;

async function read(db: Database) {
  const [queues, runs, runners, schedules, jobs, sandboxes] = await Promise.all([
    readQueues(db, { idle: true, limit: MAX_DATASOURCES }),
    countRuns(db),
    countRunners(db),
    readScheduleLag(db),
    countJobs(db),
    countSandboxes(db),
  ]);
  return { queues, runs, runners, schedules, jobs, sandboxes };
}

function queueGauges(registry: Registry, collect: () => Promise<unknown>) {
  const gauge = <L extends string>(name: string, help: string, labelNames: L[]) =>
    new Gauge({
      name,
      help,
      labelNames,
      registers: [registry],
      async collect() {
        await collect();
      },
    });
  const labels: ("datasource_id" | "datasource")[] = ["datasource_id", "datasource"];
  const depth = gauge("quern_queue_depth", "Runs that wait in the queue now", labels);
  const waitHelp = "How long the oldest queued run has waited; 0 when none waits";
  const wait = gauge("quern_queue_oldest_wait_seconds", waitHelp, labels);
  const busyHelp = "Runs that count against the datasource's cap now";
  const busy = gauge("quern_datasource_running", busyHelp, labels);
  const capHelp = "Runs at the same time that the datasource allows, over all runners";
  const cap = gauge("quern_datasource_max_concurrency", capHelp, labels);
  const runs = gauge("quern_runs", "Runs that are queued or running now", ["status"]);
  const alive = gauge("quern_runners_alive", "Runners that gave a sign of life within 15 s", []);
  const slotsHelp = "Runs that the runners alive can execute at the same time";
  const slots = gauge("quern_runners_alive_slots", slotsHelp, []);
  const dueHelp = "Schedules whose time has come and that no runner has fired yet";
  const due = gauge("quern_schedules_due", dueHelp, []);
  const overdueHelp = "How long ago the oldest of these was due; 0 when none is";
  const overdue = gauge("quern_schedules_overdue_seconds", overdueHelp, []);
  const waitingHelp = "Firings that wait until the runs of the firing before have ended";
  const waiting = gauge("quern_schedule_firings_waiting", waitingHelp, []);
  const troubleHelp = "Schedules that could not run anything when they fired last";
  const trouble = gauge("quern_schedules_in_trouble", troubleHelp, []);
  const projects = projectGauges(gauge);

  return {
    show(now: State | null) {
      for (const each of [depth, wait, busy, cap, runs]) each.reset();
      // Not reset(): without labels, that would say 0.
      for (const each of [alive, slots, due, overdue, waiting, trouble]) each.remove();
      projects.show(now);
      if (now === null) return;
      for (const { datasource, queued, oldest_wait_s, running, max_concurrency } of now.queues) {
        const of = { datasource_id: datasource?.id ?? "", datasource: datasource?.name ?? "" };
        depth.set(of, queued);
        wait.set(of, oldest_wait_s ?? 0);
        busy.set(of, running);
        if (max_concurrency !== null) cap.set(of, max_concurrency);
      }
      for (const { status, count } of now.runs) runs.set({ status }, count);
      due.set(now.schedules.due);
      overdue.set(now.schedules.oldest_s);
      waiting.set(now.schedules.waiting);
      trouble.set(now.schedules.in_trouble);
      alive.set(now.runners.runners);
      slots.set(now.runners.slots);
    },
  };
}

type MakeGauge = <L extends string>(name: string, help: string, labelNames: L[]) => Gauge<L>;

function projectGauges(gauge: MakeGauge) {
  const jobsHelp = "Jobs of projects that wait to be claimed, and those that a sandbox works on";
  const jobs = gauge("quern_jobs", jobsHelp, ["state"]);
  const sandboxesHelp = "Sandbox processes that gave a sign of life within 15 s";
  const sandboxes = gauge("quern_sandboxes_alive", sandboxesHelp, []);
  return {
    show(now: State | null) {
      jobs.reset();
      sandboxes.remove();
      if (now === null) return;
      jobs.set({ state: "waiting" }, now.jobs.waiting);
      jobs.set({ state: "active" }, now.jobs.active);
      sandboxes.set(now.sandboxes);
    },
  };
}

/** null when it fails or takes longer. */
export async function answersInTime<T>(work: Promise<T>, ms: number): Promise<T | null> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<null>((resolve) => {
    timer = setTimeout(() => resolve(null), ms);
  });
  // Any error of the database means the same here; routes say what it is.
  const answer = await Promise.race([work.catch(() => null), late]);
  clearTimeout(timer);
  return answer;
}
