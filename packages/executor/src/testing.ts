/** For tests only: executors with a folder of their own, and requests for them. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { testTarget } from "@quern/connectors/testing/target";
import type { ExecutionEvents } from "./executor-process.ts";
import type { DatasourceRequest, ExecutionLimits } from "./messages.ts";
import { type Execution, type ExecutorsConfig, startExecutors } from "./pool.ts";

export const LIMITS: ExecutionLimits = {
  timeout_ms: 30_000,
  max_rows: 1_000_000,
  max_bytes: 1024 ** 3,
  max_cell_bytes: 16 * 1024 ** 2,
};

export async function testExecutors(database: () => string, over: Partial<ExecutorsConfig> = {}) {
  const folder = mkdtempSync(join(tmpdir(), "quern-executor-"));
  const executors = await startExecutors({
    size: 2,
    warm: 1,
    memory_limit_bytes: 512 * 1024 ** 2,
    cancel_grace_ms: 500,
    ...over,
  });
  function start(
    sql: string,
    limits: Partial<ExecutionLimits> = {},
    events: ExecutionEvents = {},
    more: Partial<Pick<DatasourceRequest, "max_sessions" | "target">> = {},
  ): Execution & { directory: string } {
    const directory = mkdtempSync(join(folder, "run-"));
    const execution = executors.execute(
      {
        run_id: "test",
        kind: "query",
        target: testTarget(database()),
        sql,
        params: [],
        limits: { ...LIMITS, ...limits },
        directory,
        ...more,
      },
      events,
    );
    return { ...execution, directory };
  }
  return {
    executors,
    start,
    run: (...given: Parameters<typeof start>) => start(...given).result,
    async stop() {
      await executors.stop();
      rmSync(folder, { recursive: true });
    },
  };
}

/** Pids of executor processes that are children of this one. */
export function executorPids(): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => isExecutorOf(pid, process.pid));
}

export function isExecutorOf(pid: number, parent: number): boolean {
  try {
    const command = readFileSync(`/proc/${pid}/cmdline`, "utf8");
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const ppid = Number(stat.slice(stat.lastIndexOf(")")).split(" ")[2]);
    return command.includes("executor/dist/child.js") && ppid === parent;
  } catch (error) {
    // It ended while we looked.
    if (error instanceof Error && "code" in error && /ENOENT|ESRCH/.test(String(error.code)))
      return false;
    throw error;
  }
}

export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")")).split(" ")[1] !== "Z";
  } catch (error) {
    if (error instanceof Error && "code" in error && /ENOENT|ESRCH/.test(String(error.code)))
      return false;
    throw error;
  }
}
