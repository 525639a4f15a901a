/** Runs one file of a tail in an instance, as a script in a session of its own; what it returns is thrown away. */
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import {
  JOB_ERRORS,
  type JobErrorCode,
  type JobErrorFacts,
  jobError,
} from "@quern/contract/job-error";
import type { RunError } from "@quern/contract/run-error";
import type { Outcome, ScriptRequest } from "@quern/executor/pool";
import type { Instance } from "../instances/instances.ts";
import type { PlannedScript } from "../planner/plan.ts";
import { JobFailure } from "./job-failure.ts";
import type { JobShop, JobWork } from "./job-work.ts";

const MAX_CELL_BYTES = 16 * 1024 ** 2;

export type StepDone = { statements: number; duration_ms: number };

/** Throws JobFailure with the place of the error; rejects with the reason of the job's signal when that stopped it. */
export async function runScript(
  shop: JobShop,
  work: JobWork,
  instance: Instance,
  script: PlannedScript,
): Promise<StepDone> {
  work.signal.throwIfAborted();
  const began = performance.now();
  const { path } = script;
  work.progress.at({ path, line: null, statement: null });
  const execution = shop.executors.execute(scriptRequest(shop, work, instance, script, "discard"), {
    onPlace: ({ file, line, statement }) => work.progress.at({ path: file, line, statement }),
  });
  const cancel = () => execution.cancel();
  work.signal.addEventListener("abort", cancel, { once: true });
  const outcome = await execution.result.finally(() =>
    work.signal.removeEventListener("abort", cancel),
  );
  tellOutput(work, path, outcome);
  work.signal.throwIfAborted();
  if (outcome.error !== null || outcome.status !== "succeeded")
    throw new JobFailure(
      await failureOfScript(instance, "building", path, outcome.error, outcome.script),
    );
  return { statements: outcome.script?.statements ?? 0, duration_ms: performance.now() - began };
}

/** What the executor is asked to do with a file of a job in an instance. */
export function scriptRequest(
  shop: JobShop,
  work: JobWork,
  instance: Instance,
  script: PlannedScript,
  rows: "result" | "discard",
  directory = join(shop.workDirectory, work.job.id),
): ScriptRequest {
  const { timeout_ms, max_rows, max_bytes } = work.job.limits;
  return {
    run_id: work.job.id,
    kind: "script",
    target: targetOf(instance),
    limits: { timeout_ms, max_rows, max_bytes, max_cell_bytes: MAX_CELL_BYTES },
    traceparent: work.span.traceparent,
    files: Object.fromEntries(
      script.files.map(({ path, digest }) => [path, shop.files.path(digest)]),
    ),
    entry: script.path,
    variables: script.variables,
    // Later than the watchdog outside of the session, whose word is `timeout`.
    session: { statement_timeout_ms: timeout_ms + 5_000 },
    rows,
    directory,
  };
}

function targetOf({ socket_dir, port, database, owner }: Instance): ScriptRequest["target"] {
  const { user } = owner;
  const config = {
    host: socket_dir,
    port,
    database,
    user,
    sslmode: "disable",
    read_only: false,
  } as const;
  return { type: "postgres", config, secret: null };
}

/** What a script and the server said, for the job's log. */
export function tellOutput(work: JobWork, path: string, outcome: Outcome): void {
  for (const notice of outcome.notices)
    work.progress.log("info", notice, { source: "server", path });
  for (const text of (outcome.script?.output ?? "").split("\n").filter((line) => line !== ""))
    work.progress.log("info", text, { source: "script", path });
  for (const { message, place, sqlstate } of outcome.script?.passed_over ?? []) {
    const { file, line, statement } = place;
    work.progress.log("warn", message, { source: "server", path: file, line, statement, sqlstate });
  }
}

const DISK_FULL = "53100";
const ROOM =
  "Let the script make less, or free some space on the machine of the sandbox. What the script took is free again.";

/** How an instance that ended under a script ended it. */
const OF_INSTANCE: Partial<Record<string, JobErrorCode>> = {
  disk_limit: "disk_limit",
  memory_limit: "memory_limit",
  wall_clock: "timeout",
  crashed: "instance_lost",
};

/** What a person is told of a script that did not come to its end; an error of null: its run was ended elsewhere. */
export async function failureOfScript(
  instance: Instance,
  phase: "building" | "head",
  path: string,
  error: RunError | null,
  script: Outcome["script"],
): Promise<JobErrorFacts> {
  const place = script?.place ?? null;
  const where = {
    file: place?.file ?? path,
    line: place?.line ?? null,
    statement_index: place === null ? null : Math.max(0, place.statement - 1),
    position: script?.position ?? null,
  };
  const ended = await endedBy(instance, error?.code === "datasource_unreachable");
  const lost = ended === null ? undefined : OF_INSTANCE[ended.reason];
  if (lost !== undefined && ended !== null)
    return jobError(lost, phase, ended.detail, { ...where, hint: error?.message ?? null });
  if (error === null) {
    const message = "The script was stopped from elsewhere before its end. Run the job again.";
    return jobError("sandbox_lost", phase, message, where);
  }
  const { sqlstate, detail, hint } = error;
  if (sqlstate === DISK_FULL) {
    const message = `The disk of the sandbox is full: ${error.message}`;
    return jobError("disk_limit", phase, message, { sqlstate, detail, hint: ROOM, ...where });
  }
  const code = codeOf(error.code, script?.error_code ?? null);
  return jobError(code, phase, error.message, { sqlstate, detail, hint, ...where });
}

/** An instance that goes away is told a moment after its connections broke; on a busy machine some moments. */
async function endedBy(instance: Instance, broke: boolean) {
  const soon = new AbortController();
  const patience = delay(broke ? 5_000 : 50, null, { signal: soon.signal }).catch(() => null);
  const ended = await Promise.race([instance.exited, patience]);
  soon.abort();
  return ended;
}

/** Codes of runs and of scripts that jobs have no word for are told as what they come to. */
function codeOf(run: string, script: string | null): JobErrorCode {
  for (const code of [script, run])
    if (code !== null && code in JOB_ERRORS) return code as JobErrorCode;
  if (run === "datasource_unreachable" || run === "auth_failed") return "instance_lost";
  if (run === "permission_denied") return "sql_error";
  return run === "runner_lost" ? "executor_crashed" : "script_error";
}
