/** Connections whose other end vanished without a word: between runner and our PostgreSQL, executor and a team's. */
import { testServer } from "@quern/store/testing";
import { type HalfOpenProxy, startHalfOpenProxy } from "@quern/store/testing-half-open";
import { expect, test } from "vitest";
import { openTrial, type Trial, witness } from "./crash/trial.ts";

type Cut = { trial: Trial; proxy: HalfOpenProxy } & AsyncDisposable;

/** A trial and a way to its databases that can be cut. */
async function openCut(): Promise<Cut & { metadataUrl: string }> {
  const trial = await openTrial();
  const { host, port } = testServer();
  const proxy = await startHalfOpenProxy(host, port);
  return {
    trial,
    proxy,
    metadataUrl: trial.metadataUrl.replace(`:${port}/`, `:${proxy.port}/`),
    async [Symbol.asyncDispose]() {
      await trial[Symbol.asyncDispose]();
      await proxy.stop();
    },
  };
}

test.concurrent("a claim whose answer is lost ends as runner_lost, and its SQL is not done", async () => {
  await using cut = await openCut();
  const { trial, proxy, metadataUrl } = cut;
  const swallowed = proxy.silenceAt("claim_runs(", "answer");
  const id = await trial.enqueue(witness("once"));
  trial.startRunner({ databaseUrl: metadataUrl });
  await swallowed;
  expect(await trial.ended(id)).toMatchObject({ error: { code: "runner_lost" }, attempt: 1 });
  const next = await trial.enqueue("select 1");
  expect(await trial.ended(next)).toMatchObject({ status: "succeeded" });
  expect(await trial.witnesses("once")).toBe(0);
});

test.concurrent("a claim that never arrives is made again", async () => {
  await using cut = await openCut();
  const { trial, proxy, metadataUrl } = cut;
  const swallowed = proxy.silenceAt("claim_runs(", "request");
  const id = await trial.enqueue(witness("once"));
  trial.startRunner({ databaseUrl: metadataUrl });
  await swallowed;
  expect(await trial.ended(id)).toMatchObject({ status: "succeeded", attempt: 1 });
  expect(await trial.witnesses("once")).toBe(1);
});

test.concurrent("a renewal on a dead connection is made on a new one in time", async () => {
  await using cut = await openCut();
  const { trial, proxy, metadataUrl } = cut;
  const id = await trial.enqueue("select pg_sleep(18)");
  // As in production, a lease lasts longer than a silence and a renewal.
  const times = { renew_ms: 1_000, silence_ms: 5_000, statement_ms: 4_500 };
  trial.startRunner({ databaseUrl: metadataUrl, times });
  await trial.until(id, ({ started_at }) => started_at !== null);
  await proxy.silenceAt("lease_until = clock_timestamp()", "request");
  expect(await trial.ended(id)).toMatchObject({ status: "succeeded" });
});

// Of several tests at once, `poll` has to be told whose it is.
test.concurrent("a runner that is cut off stops its work, and goes on when it is back", async ({
  expect,
}) => {
  await using cut = await openCut();
  const { trial, proxy, metadataUrl } = cut;
  const id = await trial.enqueue("select pg_sleep(61)");
  const runner = trial.startRunner({ databaseUrl: metadataUrl });
  await trial.until(id, ({ started_at }) => started_at !== null);
  await expect.poll(() => trial.atWork("pg_sleep(61)")).toBe(1);
  proxy.silence("to_server", "to_client");
  expect(await trial.ended(id, { sweep: true })).toMatchObject({ error: { code: "runner_lost" } });
  await expect.poll(() => trial.atWork("pg_sleep(61)"), { timeout: 20_000 }).toBe(0);
  proxy.heal();
  const next = await trial.enqueue("select 1");
  expect(await trial.ended(next)).toMatchObject({ status: "succeeded" });
  expect(runner.isAlive()).toBe(true);
});

test.concurrent.each(["request", "answer"] as const)(
  "a finish whose commit loses its %s is written once",
  async (swallow) => {
    await using cut = await openCut();
    const { trial, proxy, metadataUrl } = cut;
    const id = await trial.enqueue(witness("once"));
    const swallowed = proxy.silenceAt("finished_at = clock_timestamp()", swallow);
    trial.startRunner({ databaseUrl: metadataUrl });
    await swallowed;
    const run = await trial.ended(id);
    // Asked again while the first may hold the row: as long as the server waits for a silent session.
    expect(["succeeded", "runner_lost"]).toContain(run.error?.code ?? run.status);
    expect(await trial.witnesses("once")).toBe(1);
    const files = await trial.filesAfterSweep();
    expect(files.length > 0).toBe(run.status === "succeeded");
    const next = await trial.enqueue("select 1");
    expect(await trial.ended(next)).toMatchObject({ status: "succeeded" });
  },
);

const LIMITS = { timeout_ms: 3_000 };

test.concurrent.each([
  ["connecting", "", /datasource_unreachable|timeout/],
  ["in the middle of a statement", "pg_sleep(62)", /timeout/],
  ["in the middle of its rows", "generate_series(1, 5000000)", /timeout/],
])(
  "a datasource that goes silent while %s ends the run, and gives the slot back",
  async (_, text, code) => {
    await using cut = await openCut();
    const { trial, proxy } = cut;
    const datasource = await trial.addDatasource({ port: proxy.port });
    trial.startRunner({ slots: 1, times: {} });
    if (text === "") proxy.silence("to_server", "to_client");
    const from = text.startsWith("pg_sleep")
      ? text
      : `i, md5(i::text), pg_sleep(0.0001) from ${text} as i`;
    const id = await trial.enqueue(`select ${from}`, { datasource, limits: LIMITS });
    if (text !== "") {
      await trial.until(id, ({ started_at }) => started_at !== null);
      proxy.silence("to_server", "to_client");
    }
    const run = await trial.ended(id);
    expect(run.status).toBe("failed");
    expect(run.error?.code).toMatch(code);
    const next = await trial.enqueue("select 1");
    expect(await trial.ended(next)).toMatchObject({ status: "succeeded" });
  },
);
