/** What an executor is asked to do for a run out of the queue. */
import { mkdir } from "node:fs/promises";
import type { ExecutionRequest } from "@quern/executor/pool";
import { MAX_CELL_BYTES, type Prepare, type RunShop } from "@quern/run-work/job";
import { isAway, persist } from "@quern/run-work/patience";
import { RunRefused } from "@quern/run-work/run-refused";
import { sentSql } from "@quern/run-work/sent-sql";
import type { RunnerKeys } from "@quern/store/keys";
import type { ClaimedRun } from "@quern/store/queue";
import { resolveTarget } from "./connection.ts";
import { isResultWork, prepareResultWork } from "./result-work.ts";

/** `keys` open the secrets of datasources. */
export function prepareWith(keys: RunnerKeys): Prepare {
  return async (shop, run, directory) => {
    const limits = { ...run.limits, max_cell_bytes: MAX_CELL_BYTES };
    if (isResultWork(run)) {
      await mkdir(directory, { mode: 0o700 });
      return await persist(shop, "prepare the run", isAway, () =>
        prepareResultWork(shop, run, directory, limits),
      );
    }
    return await prepareSql(keys, shop, run, directory, limits);
  };
}

async function prepareSql(
  keys: RunnerKeys,
  shop: RunShop,
  run: ClaimedRun,
  directory: string,
  limits: ExecutionRequest["limits"],
): Promise<ExecutionRequest> {
  const { target, max_sessions } = await resolveTarget(keys, run);
  shop.watch.on(target.type);
  const { traceparent } = shop.watch;
  const common = { run_id: run.id, target, limits, traceparent, max_sessions };
  switch (run.kind) {
    case "query":
      return { ...common, kind: "query", ...sentSql(run), directory };
    case "explain": {
      const analyze = run.spec?.analyze === true;
      return { ...common, kind: "explain", ...sentSql(run), analyze };
    }
    case "test":
    case "introspect":
      return { ...common, kind: run.kind };
    default:
      throw new RunRefused(
        "internal",
        `This runner is older than the API: it does not know ${run.kind}.`,
      );
  }
}
