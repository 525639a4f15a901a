import { createDatasource } from "@quern/contract/datasources";
import { createQuery } from "@quern/contract/queries";
import { createSchedule } from "@quern/contract/schedules";
import pg from "pg";
import { startBenched } from "./benched.ts";
import type { Measure } from "./main.ts";

const SCHEDULES = 500;
const FIRST_START_S = 2;
const ALL_QUEUED_S = 15;

/** 500 schedules of 500 queries that are due in the same second, through one runner with the slots that it has by default. */
export async function schedules(): Promise<Measure[]> {
  await using benched = await startBenched();
  const { client } = benched;
  const { config, password } = benched.target;
  const { id: datasource_id } = await client.call(createDatasource, {
    body: { name: "bench", type: "postgres", config, secret: { password } },
  });
  for (let n = 0; n < SCHEDULES; n++) {
    const query = await client.call(createQuery, {
      body: { name: `Number ${n}`, datasource_id, sql: `select ${n}` },
    });
    await client.call(createSchedule, {
      body: {
        name: `Schedule ${n}`,
        target: { type: "query", query_id: query.id },
        recurrence: "yearly jan 1 00:00",
        time_zone: "UTC",
      },
    });
  }
  const figures = await fireAll(benched.databaseUrl);
  if (figures.twice > 0) process.exitCode = 1;
  const what = `${SCHEDULES} schedules due in the same second`;
  const row = (words: string, seconds: number, budget: number) => ({
    what: `${what}: ${words}`,
    quern: `${seconds.toFixed(2)} s`,
    peer: `budget ${budget} s`,
    ratio: (seconds / budget).toFixed(2),
  });
  return [
    row("first run at work", figures.first_start, FIRST_START_S),
    row("all in the queue", figures.all_queued, ALL_QUEUED_S),
    {
      what: `${what}: fired twice`,
      quern: String(figures.twice),
      peer: "budget 0",
      ratio: "–",
    },
  ];
}

type Figures = { first_start: number; all_queued: number; twice: number };

/** Makes them due a moment from now; seconds are counted from then. */
async function fireAll(connectionString: string): Promise<Figures> {
  const db = new pg.Client({ connectionString });
  await db.connect();
  const { rows } = await db.query<{ due: Date }>(
    "select date_trunc('second', now()) + interval '2 seconds' as due",
  );
  const { due } = rows[0]!;
  await db.query("update schedules set next_fire_at = $1", [due]);
  for (;;) {
    const { rows: seen } = await db.query<Figures & { fired: number }>(
      `select (select count(*)::int from schedule_firings where outcome = 'enqueued') as fired,
        (select extract(epoch from min(started_at) - $1)::float8 from runs where trigger = 'schedule') as first_start,
        (select extract(epoch from max(queued_at) - $1)::float8 from runs where trigger = 'schedule') as all_queued,
        (select count(*)::int from runs where trigger = 'schedule') - $2 as twice`,
      [due, SCHEDULES],
    );
    const now = seen[0]!;
    if (now.fired >= SCHEDULES && now.first_start !== null) {
      await db.end();
      return now;
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
