/** One run inside the executor process. */
import { connectors } from "@quern/connectors/registry";
import { openResultWriter } from "@quern/results/write/writer";
import { readPeakRss, resetPeakRss } from "./memory.ts";
import type { ExecutionRequest, RunLink, RunYield } from "./messages.ts";
import { executorError } from "./run-errors.ts";
import { recordingSink } from "./sink.ts";

/** Never rejects: what happened is in the message `finished`. */
export async function run(
  request: ExecutionRequest,
  memoryLimitBytes: number,
  link: RunLink,
): Promise<void> {
  const cpu = process.cpuUsage();
  resetPeakRss();
  const given: Omit<RunYield, "cpu_ms" | "peak_rss" | "rss"> = {
    statements: [],
    parts: [],
    notices: [],
    report: null,
    snapshot: null,
  };
  let failure: unknown = null;
  try {
    await perform(request, memoryLimitBytes, link, given);
  } catch (error) {
    failure = error;
  }
  const { user, system } = process.cpuUsage(cpu);
  link.send({
    type: "finished",
    error: failure === null ? null : executorError(failure, request.target.secret?.password ?? ""),
    yield: {
      ...given,
      cpu_ms: Math.round((user + system) / 1000),
      peak_rss: readPeakRss(),
      rss: process.memoryUsage.rss(),
    },
  });
}

async function perform(
  request: ExecutionRequest,
  memoryLimitBytes: number,
  link: RunLink,
  given: Omit<RunYield, "cpu_ms" | "peak_rss" | "rss">,
): Promise<void> {
  const connector = connectors[request.target.type];
  if (request.kind === "test") {
    given.report = await connector.testConnection(request.target);
    return;
  }
  if (request.kind === "introspect") {
    given.snapshot = await connector.introspect(request.target);
    return;
  }
  const writer = openResultWriter(request.directory, {
    memory_limit_bytes: duckDbMemory(memoryLimitBytes),
    onPart: (part) => {
      given.parts.push(part);
      link.send({ type: "part", part });
    },
  });
  const { run_id, target, sql, params, limits } = request;
  try {
    await connector.execute(
      target,
      { sql, params, options: { run_id, ...limits } },
      recordingSink(writer, link, given),
    );
  } finally {
    await writer.close();
  }
}

const MAX_DUCKDB_MEMORY = 200 * 1024 * 1024;

function duckDbMemory(limit: number): number {
  return Math.min(MAX_DUCKDB_MEMORY, Math.floor(limit * 0.4));
}
