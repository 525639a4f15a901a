/** Does harm at random moments, by seed: what it does, to whom and when is decided by the numbers alone. */
import { setTimeout as delay } from "node:timers/promises";
import { Client } from "pg";
import { childPids } from "./fail-point-actions.ts";
import type { Random } from "./random.ts";
import type { RunnerProcess } from "./runner-process.ts";
import type { Site } from "./site.ts";

export const HARMS = [
  "kill_runner",
  "stop_runner_in_order",
  "pause_runner_past_its_lease",
  "kill_executor",
  "restart_postgres",
  "quit_postgres",
  "kill_postgres",
  "end_metadata_connections",
  "end_datasource_connection",
] as const;
export type Harm = (typeof HARMS)[number];

const WEIGHTS: Record<Harm, number> = {
  kill_runner: 4,
  stop_runner_in_order: 2,
  pause_runner_past_its_lease: 2,
  kill_executor: 5,
  restart_postgres: 2,
  quit_postgres: 1,
  kill_postgres: 2,
  end_metadata_connections: 3,
  end_datasource_connection: 3,
};

export type NemesisOptions = {
  /** Between two harms, on average. */
  every_ms: number;
  lease_ms: number;
  /** First each kind of harm once, in a random order, then at random. */
  all_first: boolean;
  log: (line: string) => void;
};

export type Nemesis = {
  done: Record<Harm, number>;
  /** Resolves when so many harms have begun. */
  atLeast(harms: number): Promise<void>;
  /** Does no more, and heals what can be healed: paused runners go on, PostgreSQL is there. */
  stop(): Promise<void>;
};

export function unleash(site: Site, random: Random, options: NemesisOptions): Nemesis {
  const done = Object.fromEntries(HARMS.map((harm) => [harm, 0])) as Record<Harm, number>;
  const stopping = new AbortController();
  const lasting = new Set<Promise<void>>();
  const first = options.all_first ? shuffled(random) : [];

  const rage = async () => {
    while (!stopping.signal.aborted) {
      const wait = options.every_ms * (0.5 + random.next());
      await delay(wait, undefined, { signal: stopping.signal }).catch(ignoreAbort);
      if (stopping.signal.aborted) return;
      const harm = first.pop() ?? random.weighted(WEIGHTS);
      options.log(harm);
      done[harm] += 1;
      const work = inflict(site, harm, random, options, stopping.signal);
      lasting.add(work);
      void work.finally(() => lasting.delete(work));
      // A pause is long, and everything else goes on meanwhile; one PostgreSQL can be away once at a time.
      if (harm !== "pause_runner_past_its_lease") await work;
    }
  };
  const raging = rage();
  return {
    done,
    async atLeast(harms) {
      const total = () => Object.values(done).reduce((sum, count) => sum + count, 0);
      while (total() < harms) await delay(50);
    },
    async stop() {
      stopping.abort();
      await raging;
      await Promise.all(lasting);
    },
  };
}

function shuffled(random: Random): Harm[] {
  return HARMS.map((harm) => ({ harm, place: random.next() }))
    .sort((a, b) => a.place - b.place)
    .map(({ harm }) => harm);
}

/** Numbers are drawn before anything is waited for, so that their order does not depend on how long that took. */
function inflict(
  site: Site,
  harm: Harm,
  random: Random,
  options: NemesisOptions,
  stop: AbortSignal,
): Promise<void> {
  const runner = random.pick(site.runners);
  const share = random.next();
  const awayMs = random.between(0, 3000);
  switch (harm) {
    case "kill_runner":
      return Promise.resolve(runner.signal("SIGKILL"));
    case "stop_runner_in_order":
      return Promise.resolve(runner.signal("SIGTERM"));
    case "pause_runner_past_its_lease":
      return pause(runner, options.lease_ms + 1000 + awayMs, stop);
    case "kill_executor":
      return Promise.resolve(killOne(runner, share));
    case "restart_postgres":
      return site.restartPostgres("fast", awayMs);
    case "quit_postgres":
      return site.restartPostgres("immediate", awayMs);
    case "kill_postgres":
      return site.restartPostgres("kill", awayMs);
    case "end_metadata_connections":
      return endBackends(site.metadataUrl, share, "application_name like 'quern %'");
    case "end_datasource_connection":
      return endBackends(site.customerUrl, 0, "backend_type = 'client backend'");
  }
}

async function pause(runner: RunnerProcess, ms: number, stop: AbortSignal): Promise<void> {
  runner.signal("SIGSTOP");
  await delay(ms, undefined, { signal: stop }).catch(ignoreAbort);
  runner.signal("SIGCONT");
}

function killOne(runner: RunnerProcess, share: number): void {
  const pids = childPids(runner.pid);
  const pid = pids[Math.floor(share * pids.length)];
  if (pid === undefined) return;
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    // It ended in between.
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

/** Ends a share of these backends, one at least. A server that is away has none. */
async function endBackends(url: string, share: number, which: string): Promise<void> {
  const client = new Client({ connectionString: url, application_name: "nemesis" });
  client.on("error", () => {});
  try {
    await client.connect();
    await client.query(
      `select pg_terminate_backend(pid) from (
        select pid from pg_stat_activity where pid <> pg_backend_pid() and ${which}
        order by random() limit greatest(1, (select $1 * count(*) from pg_stat_activity))) as some`,
      [share],
    );
  } catch (error) {
    if (!(error instanceof Error)) throw error;
  } finally {
    await client.end();
  }
}

function ignoreAbort(error: Error): void {
  if (error.name !== "AbortError") throw error;
}
