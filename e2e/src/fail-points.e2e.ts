/** Runners and executors that die, stall or fail at a given place; see crash/fail-point-actions.ts. */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { FailPoint } from "@quern/run-work/fail-points";
import { expect, test } from "vitest";
import { openTrial, type Trial, witness } from "./crash/trial.ts";

type End = { end: "succeeded" | "runner_lost" | "executor_crashed"; witnesses: number };

async function expectEnd(trial: Trial, id: string, { end, witnesses }: End): Promise<void> {
  const run = await trial.ended(id, { sweep: true });
  expect(run).toMatchObject({ attempt: 1, status: end === "succeeded" ? end : "failed" });
  expect(run.error?.code ?? "succeeded").toBe(end);
  expect(await trial.witnesses("once")).toBe(witnesses);
  const files = await trial.filesAfterSweep();
  expect(files.filter((file) => !file.startsWith(`${id}/1/`))).toEqual([]);
  expect(files.length > 0).toBe(end === "succeeded");
  expect(run.statements.length > 0).toBe(end === "succeeded");
}

const KILLED: [FailPoint, End][] = [
  ["claimed", { end: "runner_lost", witnesses: 0 }],
  ["accepted", { end: "runner_lost", witnesses: 0 }],
  ["before_first_statement", { end: "runner_lost", witnesses: 0 }],
  ["streaming", { end: "runner_lost", witnesses: 1 }],
  ["renewing", { end: "runner_lost", witnesses: 1 }],
  ["parts_stored", { end: "runner_lost", witnesses: 1 }],
  ["before_commit", { end: "runner_lost", witnesses: 1 }],
  ["committed", { end: "succeeded", witnesses: 1 }],
];

test.concurrent.each(KILLED)(
  "a runner killed at %s: once at most, ended, nothing left",
  async (point, end) => {
    await using trial = await openTrial();
    // Renewing goes by the clock: its run is there until a renewal comes.
    const isRenewing = point === "renewing";
    const id = await trial.enqueue(witness("once", isRenewing ? 120_000 : 12_000));
    const runner = trial.startRunner({
      failPoints: isRenewing ? "renewing:streaming=kill" : `${point}=kill`,
      ...(end.end === "succeeded" ? { times: {} } : {}),
    });
    expect(await runner.exited).toMatchObject({ signal: "SIGKILL" });
    await expectEnd(trial, id, end);
  },
);

const STOPPED: [FailPoint, number][] = [
  ["claimed", 0],
  ["before_first_statement", 0],
  ["parts_stored", 1],
];

test.concurrent.each(STOPPED)(
  "a runner stopped at %s until its lease is gone writes nothing, and sends nothing, when it goes on",
  async (point, witnesses) => {
    await using trial = await openTrial();
    const id = await trial.enqueue(witness("once"));
    const runner = trial.startRunner({ failPoints: `${point}=stop@1` });
    await expectEnd(trial, id, { end: "runner_lost", witnesses });
    runner.signal("SIGCONT");
    const next = await trial.enqueue("select 1");
    expect(await trial.ended(next)).toMatchObject({ status: "succeeded" });
    await expectEnd(trial, id, { end: "runner_lost", witnesses });
    runner.signal("SIGTERM");
    expect(await runner.exited).toEqual({ code: 0, signal: null });
  },
);

const CRASHED: [FailPoint, number][] = [
  ["before_first_statement", 0],
  ["streaming", 1],
];

test.concurrent.each(CRASHED)(
  "an executor killed at %s fails its run only",
  async (point, witnesses) => {
    await using trial = await openTrial();
    const id = await trial.enqueue(witness("once"));
    trial.startRunner({ failPoints: `${point}=kill_executors@1`, times: {} });
    await expectEnd(trial, id, { end: "executor_crashed", witnesses });
    const next = await trial.enqueue("select 1");
    expect(await trial.ended(next)).toMatchObject({ status: "succeeded" });
  },
);

test.concurrent("a finish whose answer is lost is written once, and its parts stay", async () => {
  await using trial = await openTrial();
  const id = await trial.enqueue(witness("once"));
  trial.startRunner({ failPoints: "committed=error@1", times: {} });
  await expectEnd(trial, id, { end: "succeeded", witnesses: 1 });
});

test.concurrent("a finish, renewals and sweeps that fail are tried again", async () => {
  await using trial = await openTrial();
  const id = await trial.enqueue(witness("once"));
  trial.startRunner({
    failPoints: "before_commit=error@1,renewing=error@2,sweeping=error@1",
    times: {},
  });
  await expectEnd(trial, id, { end: "succeeded", witnesses: 1 });
});

test.concurrent("a runner killed in the sweep leaves the sweep to the next one", async () => {
  await using trial = await openTrial();
  const id = await trial.enqueue(witness("once"));
  await trial.startRunner({ failPoints: "streaming=kill" }).exited;
  const sweeper = trial.startRunner({ failPoints: "sweeping=kill@1" });
  expect(await sweeper.exited).toMatchObject({ signal: "SIGKILL" });
  expect(await trial.read(id)).toMatchObject({ status: "running" });
  trial.startRunner();
  expect(await trial.ended(id)).toMatchObject({ error: { code: "runner_lost" } });
  const next = await trial.enqueue("select 1");
  expect(await trial.ended(next)).toMatchObject({ status: "succeeded" });
});

test.concurrent("the runner of the product refuses to start with fail points", async () => {
  const main = fileURLToPath(new URL("../../apps/runner/dist/main.js", import.meta.url));
  const child = spawn(process.execPath, [main], {
    env: { QUERN_FAIL_POINTS: "claimed=kill", DATABASE_URL: "postgres://x/y", QUERN_KEYS: "/" },
    stdio: ["ignore", "ignore", "pipe"],
  });
  let said = "";
  child.stderr.on("data", (chunk) => (said += chunk));
  expect((await once(child, "close"))[0]).toBe(1);
  expect(said).toContain("QUERN_FAIL_POINTS");
});
