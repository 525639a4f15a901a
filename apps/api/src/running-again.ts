import type { Run } from "@quern/contract/runs";
import type { Actor } from "@quern/store/actor";
import { readQuery } from "@quern/store/queries";
import type { Api } from "./api.ts";
import { ApiError } from "./problems.ts";
import { demand } from "./serve.ts";

/**
 * Who may write SQL for the datasource may run any text on it again. Others may run a saved query, and that is its present
 * version: an older text may have been changed for a reason.
 */
export async function demandToRunAgain(api: Api, actor: Actor, run: Run): Promise<void> {
  if (actor.role !== "viewer" || run.query === null) {
    return demand(api, actor, "runs.create_sql", { type: "datasource", id: run.datasource!.id });
  }
  await demand(api, actor, "runs.create", { type: "query", id: run.query.id });
  const query = await readQuery(api.db, actor, run.query.id);
  if (query?.version !== run.query.version || query.datasource.id !== run.datasource!.id) {
    throw new ApiError(
      "not_allowed",
      "The query was changed since this run. Run its present version from the query's page.",
    );
  }
}
