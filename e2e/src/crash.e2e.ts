/** What a person sees when processes of the product die. */
import { setTimeout as delay } from "node:timers/promises";
import type { Client } from "@quern/contract/client";
import { listDatasources } from "@quern/contract/datasources";
import { readRunRows } from "@quern/contract/run-results";
import { createRun, type Run, readRun } from "@quern/contract/runs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Quern, signInClient, startQuern } from "./quern.ts";

const ADMIN = {
  QUERN_ADMIN_EMAIL: "ada@example.test",
  QUERN_ADMIN_PASSWORD: "correct horse battery",
};

let quern: Quern;
let client: Client;
let demo: string;

beforeAll(async () => {
  quern = await startQuern(ADMIN);
  client = await signInClient(quern.url, ADMIN.QUERN_ADMIN_EMAIL, ADMIN.QUERN_ADMIN_PASSWORD);
  const { items } = await client.call(listDatasources, {});
  demo = items.find(({ name }) => name === "Demo")!.id;
});
afterAll(() => quern[Symbol.asyncDispose]());

const start = (sql: string) => client.call(createRun, { body: { datasource_id: demo, sql } });
const wait = (id: string, seconds: number) =>
  client.call(readRun, { params: { id }, query: { wait: seconds } });

async function until(id: string, ready: (run: Run) => boolean): Promise<Run> {
  for (let tries = 0; tries < 200; tries++) {
    const run = await wait(id, 0);
    if (ready(run)) return run;
    await delay(100);
  }
  throw new Error(`run ${id} did not get there`);
}

async function pidAfter(entry: "api" | "runner", before: number): Promise<number> {
  for (let tries = 0; tries < 200; tries++) {
    const [pid] = await quern.pids(entry);
    if (pid !== undefined && pid !== before) return pid;
    await delay(100);
  }
  throw new Error(`the ${entry} was not restarted`);
}

test("the demo's flights are real and come in exact values", async () => {
  const { id } = await start(
    "select origin, count(*) as flights from flights.flights group by 1 order by 2 desc limit 3",
  );
  expect(await wait(id, 30)).toMatchObject({ status: "succeeded", rows: 3 });
  const { rows, columns } = await client.call(readRunRows, { params: { id } });
  expect(columns.map(({ name, type }) => [name, type])).toEqual([
    ["origin", "text"],
    ["flights", "int8"],
  ]);
  expect(rows[0]![0]).toMatch(/^[A-Z]{3}$/);
  expect(Number(rows[0]![1])).toBeGreaterThan(1000);
});

test("the demo role can only read", async () => {
  const { id } = await start(
    "set transaction read write; insert into flights.airports (iata) values ('XXX')",
  );
  expect(await wait(id, 30)).toMatchObject({
    status: "failed",
    error: { code: expect.stringMatching(/sql_error|permission_denied/) },
  });
});

test("kill -9 of the runner in the middle of a run ends that run as runner_lost, and the next one works", async () => {
  const { id } = await start("select pg_sleep(120)");
  await until(id, (run) => run.status === "running");
  const [runner] = await quern.pids("runner");
  process.kill(runner!, "SIGKILL");
  const lost = await wait(id, 60);
  expect(lost).toMatchObject({ status: "failed", error: { code: "runner_lost" } });
  await pidAfter("runner", runner!);
  const next = await start("select 42 as answer");
  expect(await wait(next.id, 60)).toMatchObject({ status: "succeeded", rows: 1 });
  expect(quern.output()).toMatch(/runner.*(ended|died|exited|restart)/i);
});

test("kill -9 of the API loses no run", async () => {
  const { id } = await start("select pg_sleep(1), 1 as x");
  const [api] = await quern.pids("api");
  process.kill(api!, "SIGKILL");
  await pidAfter("api", api!);
  for (let tries = 0; tries < 100; tries++) {
    const alive = await fetch(`${quern.url}/readyz`).then(
      (response) => response.ok,
      () => false,
    );
    if (alive) break;
    await delay(100);
  }
  expect(await wait(id, 30)).toMatchObject({ status: "succeeded", rows: 1 });
});

test("stopping ends everything in order, and a second start finds it all again", async () => {
  const { id } = await start("select 'kept' as word");
  await wait(id, 30);
  const pids = [...(await quern.pids("api")), ...(await quern.pids("runner"))];
  expect(await quern.stop()).toBe(0);
  for (const pid of pids) expect(() => process.kill(pid, 0)).toThrow(/ESRCH/);
  await quern.restart();
  const { rows } = await client.call(readRunRows, { params: { id } });
  expect(rows).toEqual([["kept"]]);
  const again = await start("select count(*) from flights.airports");
  expect(await wait(again.id, 30)).toMatchObject({ status: "succeeded" });
});
