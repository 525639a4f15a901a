import { readRunHistogram } from "@quern/contract/run-history";
import { listRuns } from "@quern/contract/runs";
import pg from "pg";
import { startBenched } from "./benched.ts";
import { addCast, addHistory, type Cast, fillQueue } from "./history-rows.ts";
import type { Measure } from "./main.ts";
import { compare, elapsed, time } from "./times.ts";

const FEW = 10_000;
const MANY = 5_000_000;
const AT_ONCE = 500_000;
const QUEUED = 100_000;
const SLOTS = 8;
const CAST: Cast = { people: 1_000, datasources: 300, queries: 2_000 };

/**
 * The queue and the history with five million runs behind, beside the same with ten thousand: all by index, so that
 * they cost the same. Claims are rolled back.
 */
export async function history(): Promise<Measure[]> {
  await using benched = await startBenched({ runner: false });
  const db = new pg.Client({ connectionString: benched.databaseUrl });
  await db.connect();
  try {
    await addCast(db, CAST);
    await addHistory(db, CAST, 1, FEW);
    const few = await timeAll(benched.client, db);
    for (let from = FEW; from < MANY; from += AT_ONCE) {
      await addHistory(db, CAST, from + 1, Math.min(from + AT_ONCE, MANY));
    }
    const many = await timeAll(benched.client, db);
    return [...many].map(([what, times]) =>
      compare(`${what}, 5M runs, p50, peer: 10k runs`, times, few.get(what)!, 0.5),
    );
  } finally {
    await db.end();
  }
}

type Timed = Awaited<ReturnType<typeof startBenched>>["client"];

async function timeAll(client: Timed, db: pg.Client): Promise<Map<string, number[]>> {
  await db.query("vacuum (analyze, parallel 0) runs");
  const times = new Map<string, number[]>();
  const queues = {
    "one person, one datasource": { people: 1, datasources: 1 },
    "1,000 people, one datasource": { people: 1_000, datasources: 1 },
    "1,000 people, 300 datasources": { people: 1_000, datasources: 300 },
  };
  for (const [what, spread] of Object.entries(queues)) {
    await fillQueue(db, { ...spread, count: QUEUED });
    times.set(`claim of ${SLOTS} of 100k queued (${what})`, await timeClaims(db));
  }
  const one = async (table: string) =>
    (await db.query(`select id from cast_${table} where place = 1`)).rows[0].id;
  const filters = {
    "no filter": {},
    "status failed": { status: "failed" as const },
    "kind introspect": { kind: "introspect" as const },
    datasource: { datasource_id: await one("datasources") },
    query: { query_id: await one("queries") },
    person: { created_by: await one("people") },
    "search that finds nothing": { search: "no such text" },
  };
  for (const [what, query] of Object.entries(filters)) {
    const list = () => client.call(listRuns, { query });
    times.set(`list by ${what}`, await time(list, { rounds: 50, warmUp: 10 }));
  }
  const range = { from: "2025-01-01T00:00:00.000Z", to: "2026-01-01T00:00:00.000Z" };
  const histogram = () => client.call(readRunHistogram, { query: range });
  times.set("histogram of a year", await time(histogram, { rounds: 20, warmUp: 5 }));
  return times;
}

async function timeClaims(db: pg.Client): Promise<number[]> {
  const times: number[] = [];
  for (let n = 0; n < 60; n++) {
    await db.query("begin");
    const took = await elapsed(() =>
      db.query(`select id from claim_runs('bench', ${SLOTS}, 60000)`),
    );
    await db.query("rollback");
    if (n >= 10) times.push(took);
  }
  return times.sort((a, b) => a - b);
}
