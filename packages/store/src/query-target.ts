/** What a run of a saved query does: the same for a person, a tile, a schedule and a program. */
import type { Limits } from "@quern/contract/datasources";
import type { ParameterValues } from "@quern/contract/parameters";
import { resolveParameters } from "@quern/contract/parameters/resolve";
import type { Query } from "@quern/contract/queries";
import type { Settings } from "@quern/contract/settings";
import { Conflict } from "./conflict.ts";
import type { Database } from "./db.ts";
import type { NewRun } from "./new-run.ts";
import { resolveLimits } from "./run-limits.ts";
import { readLimitScope } from "./settings.ts";

export type QueryTarget = Pick<
  NewRun,
  "datasource_id" | "sql" | "params" | "limits" | "result_ttl_s" | "query"
>;

export type RunnableQuery = Pick<
  Query,
  "id" | "version" | "sql" | "params" | "limits" | "result_ttl_s"
> & {
  datasource: { id: string };
};
type Asked = {
  params?: ParameterValues | undefined;
  limits?: Partial<Limits> | undefined;
  /** When ranges that move with the clock are looked at: the present when left out. */
  now?: Date;
};
/** Where the query runs instead of on its own datasource. The caller has made sure that it may. */
type Elsewhere = { id: string };

/**
 * The query with these values, under its own limits or those that are asked for. Throws `ParametersError`, which names every
 * value that does not fit, and `Conflict` (`limit_above_maximum`, or `not_found` when the datasource was deleted).
 */
export async function targetOfQuery(
  db: Database,
  query: RunnableQuery,
  asked: Asked,
  elsewhere?: Elsewhere,
): Promise<QueryTarget> {
  const datasource = elsewhere ?? query.datasource;
  const scope = await readLimitScope(db, datasource.id);
  if (!scope) throw new Conflict("not_found", "The query's datasource was deleted.");
  return targetWithin(scope, { ...query, datasource }, asked);
}

/** The same where the limits that hold are known: for many queries at once. */
export function targetWithin(
  scope: { settings: Settings; datasource: Partial<Limits> },
  query: RunnableQuery,
  asked: Asked,
): QueryTarget {
  const limits = { ...query.limits, ...asked.limits, result_ttl_s: query.result_ttl_s };
  return {
    datasource_id: query.datasource.id,
    sql: query.sql,
    params: resolveParameters(query.sql, query.params, asked.params ?? {}, asked.now),
    ...resolveLimits(limits, scope.settings.limits, scope.datasource),
    query: { id: query.id, version: query.version },
  };
}
