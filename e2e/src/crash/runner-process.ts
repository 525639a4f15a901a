/** A runner of the tests' kind as a child process. */
import { type ChildProcess, spawn } from "node:child_process";
import { createWriteStream } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Times } from "@quern/runner/times";

const ENTRY = fileURLToPath(new URL("../../dist/crash/tested-runner.js", import.meta.url));

export type RunnerOptions = {
  databaseUrl: string;
  directory: string;
  slots: number;
  times: Partial<Times>;
  failPoints?: string;
  /** Loaded before everything else, such as another clock. */
  preload?: string;
  results?: string;
  /** Instead of `directory`, which holds the keys. */
  dataDir?: string;
};

export type RunnerProcess = {
  pid: number;
  /** Settled when it has ended; never rejects. */
  exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  /** Resolves when it claims runs, or has ended before. */
  ready: Promise<void>;
  signal(name: NodeJS.Signals): void;
  isAlive(): boolean;
};

export function startRunnerProcess(options: RunnerOptions): RunnerProcess {
  const { directory } = options;
  const child: ChildProcess = spawn(
    process.execPath,
    [...(options.preload ? ["--import", options.preload] : []), ENTRY],
    {
      env: {
        PATH: process.env.PATH,
        DATABASE_URL: options.databaseUrl,
        QUERN_KEYS: join(directory, "keys"),
        QUERN_DATA_DIR: options.dataDir ?? directory,
        QUERN_RESULTS: options.results ?? `file:${join(directory, "results")}`,
        // Small, so that results are files, which may be orphaned or lost.
        QUERN_RESULTS_INLINE_BYTES: "16384",
        QUERN_RUNNER_SLOTS: String(options.slots),
        QUERN_TEST_TIMES: JSON.stringify(options.times),
        LOG_LEVEL: "warn",
        ...(options.failPoints ? { QUERN_FAIL_POINTS: options.failPoints } : {}),
      },
      stdio: ["ignore", "pipe", "pipe", "ipc"],
    },
  );
  const output = createWriteStream(join(directory, "runners.log"), { flags: "a" });
  child.stdout!.pipe(output, { end: false });
  child.stderr!.pipe(output, { end: false });
  const exited = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) => {
    child.once("close", (code, signal) => {
      output.end();
      resolve({ code, signal });
    });
  });
  const ready = new Promise<void>((resolve) => {
    child.once("message", () => resolve());
    child.once("close", () => resolve());
  });
  return {
    pid: child.pid!,
    exited,
    ready,
    signal: (name) => void child.kill(name),
    isAlive: () => child.exitCode === null && child.signalCode === null,
  };
}
