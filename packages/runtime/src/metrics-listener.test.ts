import { expect, test } from "vitest";
import { openLog } from "./log.ts";
import { openMetrics } from "./metrics.ts";
import { listenForScrapes } from "./metrics-listener.ts";
import { SettingsError } from "./settings.ts";

const log = openLog("test", "fatal");
const pool = { max: 8, open: 3, idle: 1, waiting: 2 };

test("metrics are served at the address of the setting, and a taken one is said at the start", async () => {
  const metrics = openMetrics("test", () => pool);
  const listener = await listenForScrapes("127.0.0.1:0", metrics, log);
  const reply = await fetch(`${listener.address}/metrics`);
  expect(reply.headers.get("content-type")).toMatch(/^text\/plain; version=0\.0\.4/);
  const text = await reply.text();
  for (const line of [
    'quern_build_info{process="test",version="0.1.0"} 1',
    'quern_database_pool_connections{state="busy"} 2',
    'quern_database_pool_connections{state="idle"} 1',
    "quern_database_pool_max_connections 8",
    "quern_database_pool_waiting 2",
  ])
    expect(text).toContain(line);
  expect(text).toMatch(/^nodejs_eventloop_lag_p99_seconds \d/m);

  const taken = listener.address!.replace("http://", "");
  await expect(listenForScrapes(taken, metrics, log)).rejects.toThrow(SettingsError);
  await listener.stop();
  await expect(fetch(`${listener.address}/metrics`)).rejects.toThrow();
});

test("metrics that cannot be collected are an error of that scrape only", async () => {
  let broken = true;
  const metrics = openMetrics("test", () => {
    if (broken) throw new Error("the pool is gone");
    return pool;
  });
  const listener = await listenForScrapes("127.0.0.1:0", metrics, log);
  expect((await fetch(`${listener.address}/metrics`)).status).toBe(500);
  broken = false;
  expect((await fetch(`${listener.address}/metrics`)).status).toBe(200);
  await listener.stop();
});

test("without the setting nothing is served", async () => {
  const listener = await listenForScrapes(
    undefined,
    openMetrics("test", () => pool),
    log,
  );
  expect(listener.address).toBeNull();
  await listener.stop();
});
