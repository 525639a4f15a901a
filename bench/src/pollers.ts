import { createDatasource } from "@quern/contract/datasources";
import { createRun, readRun } from "@quern/contract/runs";
import { startBenched } from "./benched.ts";
import type { Measure } from "./main.ts";
import { compare } from "./times.ts";

const QUEUED = 10_000;
const POLLERS = 200;
const ROUNDS = 10;

/** 200 clients that ask for the status of runs while 10,000 are queued, beside as many that ask the same API whether it lives. */
export async function pollers(): Promise<Measure[]> {
  await using benched = await startBenched({ runner: false });
  const { client } = benched;
  const { config, password } = benched.target;
  const { id: datasource_id } = await client.call(createDatasource, {
    body: { name: "bench", type: "postgres", config, secret: { password } },
  });
  const ids: string[] = [];
  const people = await benched.addPeople(QUEUED / 500);
  for (const person of people) {
    for (let queued = 0; queued < 500; queued += 50) {
      const made = await Promise.all(
        Array.from({ length: 50 }, () =>
          person.call(createRun, { body: { datasource_id, sql: "select 1" } }),
        ),
      );
      ids.push(...made.map(({ id }) => id));
    }
  }
  const status = await poll(async () => {
    const id = ids[Math.floor(Math.random() * ids.length)]!;
    await client.call(readRun, { params: { id } });
  });
  const health = await poll(async () => {
    await (await fetch(`${benched.url}/healthz`)).arrayBuffer();
  });
  const what = `${POLLERS} pollers, ${QUEUED.toLocaleString("en")} queued runs`;
  return [
    compare(`${what}: status, p50, peer: /healthz`, status, health, 0.5),
    compare(`${what}: status, p95, peer: /healthz`, status, health, 0.95),
  ];
}

/** Sorted milliseconds of every call but the first of all pollers, who begin at the same time and go on without a pause. */
async function poll(ask: () => Promise<void>): Promise<number[]> {
  const times: number[] = [];
  await Promise.all(
    Array.from({ length: POLLERS }, async () => {
      await ask();
      for (let n = 0; n < ROUNDS; n++) {
        const start = performance.now();
        await ask();
        times.push(performance.now() - start);
      }
    }),
  );
  return times.sort((a, b) => a - b);
}
