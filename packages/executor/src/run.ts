/** One run inside the executor process. */
import type { BackendHandle } from "@quern/connectors/connector";
import { connectors } from "@quern/connectors/registry";
import { openResultWriter } from "@quern/results/write/writer";
import { readPeakRss, resetPeakRss } from "./memory.ts";
import type { ExecutionRequest, RunLink, RunYield } from "./messages.ts";
import { deriveResult } from "./result-work.ts";
import { executorError } from "./run-errors.ts";
import { runScriptRequest } from "./script-work.ts";
import { recordingSink, whenAllowed } from "./sink.ts";

/** Never rejects: what happened is in the message `finished`. `prepared` names a session that was opened ahead. */
export async function run(
  request: ExecutionRequest,
  prepared: BackendHandle | null,
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
    plan: null,
    script: null,
  };
  let failure: unknown = null;
  try {
    await perform(request, prepared, memoryLimitBytes, link, given);
  } catch (error) {
    failure = error;
  }
  const { user, system } = process.cpuUsage(cpu);
  link.send({
    type: "finished",
    error: failure === null ? null : executorError(failure, request.target?.secret?.password ?? ""),
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
  prepared: BackendHandle | null,
  memoryLimitBytes: number,
  link: RunLink,
  given: Omit<RunYield, "cpu_ms" | "peak_rss" | "rss">,
): Promise<void> {
  if (request.kind === "result") {
    given.statements.push(
      await deriveResult(request, memoryLimitBytes, (part) => given.parts.push(part)),
    );
    return;
  }
  if (request.kind === "script") {
    await runScriptRequest(request, duckDbMemory(memoryLimitBytes), link, given);
    return;
  }
  const connector = connectors[request.target.type];
  if (request.kind === "test") {
    given.report = await connector.testConnection(request.target, whenAllowed(link));
    return;
  }
  if (request.kind === "introspect") {
    given.snapshot = await connector.introspect(request.target, whenAllowed(link));
    return;
  }
  const { run_id, target, sql, params, limits, traceparent = null } = request;
  const work = { sql, params, prepared, options: { run_id, traceparent, ...limits } };
  if (request.kind === "explain") {
    const { analyze } = request;
    given.plan = await connector.explain(target, { ...work, analyze }, whenAllowed(link));
    return;
  }
  const writer = openResultWriter(request.directory, {
    memory_limit_bytes: duckDbMemory(memoryLimitBytes),
    keep_small_in_memory: true,
    onPart: (part, data) => {
      given.parts.push(part);
      link.send({ type: "part", part, statement: part.part === 0 ? sink.begun() : null, data });
    },
  });
  const sink = recordingSink(writer, link, given);
  try {
    await connector.execute(target, work, sink);
  } finally {
    await writer.close();
  }
}

const MAX_DUCKDB_MEMORY = 200 * 1024 * 1024;

function duckDbMemory(limit: number): number {
  return Math.min(MAX_DUCKDB_MEMORY, Math.floor(limit * 0.4));
}
