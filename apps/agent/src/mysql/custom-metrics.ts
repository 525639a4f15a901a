import type { CustomMetricConfig } from "../config/agent-config.ts";
import {
  type CustomMetric,
  MOST_ROWS,
  metricsOf,
  statementOf,
  TIMEOUT_MS,
} from "../engine/custom-metrics.ts";
import { SectionError } from "../engine/section.ts";
import type { Connections } from "./connections.ts";

/** A statement of another kind could end the transaction that keeps it from writing. */
const READS = /^\s*\(*\s*(?:select|with|show|table|values)\b/i;

/** Runs one of them, read-only and for at most five seconds, in a session of its own that is in its database. */
export async function readCustomMetric(
  connections: Connections,
  database: string,
  metric: CustomMetricConfig,
): Promise<{ metrics: CustomMetric[]; truncated: boolean }> {
  const statement = statementOf(metric);
  if (!READS.test(statement)) {
    throw new SectionError(
      "read_only",
      `The custom metric ${metric.name} must begin with select, with, show, table or values.`,
    );
  }
  const answer = await connections.inDatabase(database, TIMEOUT_MS, async (session) => {
    await session.query(`set session sql_select_limit = ${MOST_ROWS + 1}`);
    await session.query("start transaction read only");
    return await session.ask(statement);
  });
  return metricsOf(metric, answer, "double");
}
