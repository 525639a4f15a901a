/** What a run of a saved query does: the same for a person, a tile, a schedule and a program. */
import type { Limits } from "@quern/contract/datasources";
import type { ParameterValues } from "@quern/contract/parameters";
import { resolveParameters } from "@quern/contract/parameters/resolve";
import type { Query } from "@quern/contract/queries";
import { Conflict } from "./conflict.ts";
import type { Database } from "./db.ts";
import type { NewRun } from "./new-run.ts";
import { resolveLimits } from "./run-limits.ts";
import { readLimitScope } from "./settings.ts";

export type QueryTarget = Pick<
  NewRun,
  "datasource_id" | "sql" | "params" | "limits" | "result_ttl_s" | "query"
>;

/**
 * The query with these values, under its own limits or those that are asked for. Throws `ParametersError`, which names every
 * value that does not fit, and `Conflict` (`limit_above_maximum`, or `not_found` when the datasource was deleted).
 */
export async function targetOfQuery(
  db: Database,
  query: Pick<
    Query,
    "id" | "version" | "datasource" | "sql" | "params" | "limits" | "result_ttl_s"
  >,
  asked: { params?: ParameterValues | undefined; limits?: Partial<Limits> | undefined },
): Promise<QueryTarget> {
  const scope = await readLimitScope(db, query.datasource.id);
  if (!scope) throw new Conflict("not_found", "The query's datasource was deleted.");
  const limits = { ...query.limits, ...asked.limits, result_ttl_s: query.result_ttl_s };
  return {
    datasource_id: query.datasource.id,
    sql: query.sql,
    params: resolveParameters(query.sql, query.params, asked.params ?? {}),
    ...resolveLimits(limits, scope.settings.limits, scope.datasource),
    query: { id: query.id, version: query.version },
  };
}
