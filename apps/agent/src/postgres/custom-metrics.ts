import type { CustomMetricConfig } from "../config/agent-config.ts";
import {
  type CustomMetric,
  MOST_ROWS,
  metricsOf,
  statementOf,
  TIMEOUT_MS,
} from "../engine/custom-metrics.ts";
import type { Session } from "./session.ts";

/** bool, int8, int2, int4, oid, float4, float8, numeric. */
const NUMERIC = new Set([16, 20, 21, 23, 26, 700, 701, 1700]);

/**
 * Runs one of them, read-only and for at most five seconds. A cursor takes no more rows than are sent, whatever the
 * statement would return. The names in it are looked up as any session of the role would.
 */
export async function readCustomMetric(
  session: Session,
  metric: CustomMetricConfig,
): Promise<{ metrics: CustomMetric[]; truncated: boolean }> {
  const { rows, fields } = await session.readOnly(async () => {
    await session.query(
      `select set_config('statement_timeout', '${TIMEOUT_MS}', true), set_config('search_path',
         (select s.reset_val from pg_settings as s where s.name = 'search_path'), true)`,
    );
    await session.ask(`declare quern_metric no scroll cursor for ${statementOf(metric)}`);
    return await session.ask(`fetch ${MOST_ROWS + 1} from quern_metric`);
  });
  const typed = fields.map(({ name, type }) => ({ name, numeric: NUMERIC.has(type) }));
  return metricsOf(metric, { rows, fields: typed }, "double precision");
}
