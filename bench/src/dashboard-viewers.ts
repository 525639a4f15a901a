import { randomUUID } from "node:crypto";
import type { Client } from "@quern/contract/client";
import { createDashboard, runDashboard } from "@quern/contract/dashboards";
import { createDatasource } from "@quern/contract/datasources";
import { createQuery } from "@quern/contract/queries";
import { createRun, readRun } from "@quern/contract/runs";
import { createVisualization } from "@quern/contract/visualizations";
import pg from "pg";
import { startBenched } from "./benched.ts";
import type { Measure } from "./main.ts";
import { elapsed, measure, quantile, time } from "./times.ts";

const TILES = 40;
const VIEWERS = 20;
const CAP = 4;
const SLOTS = 8;

/**
 * Twenty people open a dashboard of forty slow tiles at once, on a datasource that takes four runs at a time: how many runs that
 * makes, how many are at work at once, and how long somebody else's run waits meanwhile. Then what a dashboard costs whose
 * results are kept. Beside the budgets.
 */
export async function dashboardViewers(): Promise<Measure[]> {
  await using benched = await startBenched({ slots: SLOTS });
  const { client, target, databaseUrl } = benched;
  const { id: datasource_id } = await client.call(createDatasource, {
    body: {
      name: "bench",
      type: "postgres",
      config: target.config,
      secret: { password: target.password },
      max_concurrency: CAP,
    },
  });
  const dashboard = await makeDashboard(client, datasource_id);
  const viewers = await benched.addPeople(VIEWERS);
  const [analyst] = await benched.addPeople(1);
  const metadata = new pg.Client({ connectionString: databaseUrl });
  await metadata.connect();
  const most = watchRunning(metadata);

  const opened = Promise.all(viewers.map((viewer) => show(viewer, dashboard)));
  await opened;
  const { id } = await analyst!.call(createRun, { body: { datasource_id, sql: "select 1" } });
  const run = await untilEnd(analyst!, id);
  const waited = Date.parse(run.started_at!) - Date.parse(run.queued_at);
  const { runs } = await untilIdle(metadata);
  const atOnce = await most.stop();
  await metadata.end();

  const kept = await time(() => show(viewers[0]!, dashboard), { rounds: 100, warmUp: 20 });
  const together = await elapsed(() =>
    Promise.all(viewers.map((viewer) => show(viewer, dashboard))),
  );
  const budget = (what: string, quern: number, peer: number, unit: string) =>
    measure(`${what}, peer: the budget`, quern, peer, unit);
  const where = `${TILES} tiles × ${VIEWERS} viewers`;
  return [
    budget(`${where}: runs`, runs, TILES, "runs"),
    budget(`${where} on a cap of ${CAP}: most at once`, atOnce, CAP, "runs"),
    budget(`${where}: an interactive run meanwhile, queued to started`, waited, 1_000, "ms"),
    budget(`${TILES} tiles from kept results, one request, p50`, quantile(kept, 0.5), 50, "ms"),
    budget(`${where} from kept results, all answered`, together, 1_000, "ms"),
  ];
}

async function makeDashboard(client: Client, datasource_id: string): Promise<string> {
  const tiles = [];
  for (let n = 0; n < TILES; n++) {
    const sql = `select pg_sleep(0.2), ${n} as n`;
    const { id: query_id } = await client.call(createQuery, {
      body: { name: `query ${n}`, datasource_id, sql, params: [] },
    });
    const { id: visualization_id } = await client.call(createVisualization, {
      body: {
        query_id,
        name: `chart ${n}`,
        config: { type: "bar", x: "n", y: ["n"], series: null, stacked: false, horizontal: false },
      },
    });
    tiles.push({
      id: randomUUID(),
      type: "visualization" as const,
      title: null,
      place: { x: (n % 4) * 6, y: Math.floor(n / 4) * 8, width: 6, height: 8 },
      visualization_id,
      bindings: {},
      click: null,
    });
  }
  return (await client.call(createDashboard, { body: { name: "Bench", tiles } })).id;
}

async function show(client: Client, id: string): Promise<void> {
  const { items } = await client.call(runDashboard, { params: { id }, body: { refresh: "stale" } });
  const without = items.filter(({ run, last_good }) => !run && !last_good);
  if (without.length > 0) throw new Error(`${without.length} tiles show nothing`);
}

async function untilEnd(client: Client, id: string) {
  for (;;) {
    const run = await client.call(readRun, { params: { id }, query: { wait: 30 } });
    if (run.finished_at !== null) return run;
  }
}

/** The most runs that were seen at work at once, a look every few milliseconds. */
function watchRunning(client: pg.Client) {
  let most = 0;
  let stopped = false;
  const watching = (async () => {
    while (!stopped) {
      const { rows } = await client.query(
        "select count(*)::integer as n from runs where status = 'running'",
      );
      most = Math.max(most, rows[0].n);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  })();
  return {
    async stop() {
      stopped = true;
      await watching;
      return most;
    },
  };
}

/** How many runs tiles have made, once nothing waits or works any more. */
async function untilIdle(client: pg.Client): Promise<{ runs: number }> {
  for (;;) {
    const { rows } = await client.query(`
      select count(*) filter (where trigger = 'tile')::integer as runs, bool_or(finished_at is null) as busy from runs`);
    if (!rows[0].busy) return rows[0];
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
