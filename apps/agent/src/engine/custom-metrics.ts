/** What the operator's own statements return: numbers are values, texts are labels, and both are capped. */
import type { AgentPayload } from "@quern/contract/agent/payload";
import { storableText } from "@quern/contract/text";
import type { CustomMetricConfig } from "../config/agent-config.ts";
import { SectionError } from "./section.ts";
import { measure, type Row } from "./values.ts";

export type CustomMetric = NonNullable<AgentPayload["custom_metrics"]>[number];

/** Of one statement, rows that are sent: it is asked for one more, which tells that there were others. */
export const MOST_ROWS = 100;
/** At the server, whatever `collection.statement_timeout` is. */
export const TIMEOUT_MS = 5_000;
const MOST_LABELS = 10;

/** A column of an answer; `numeric` where its values are numbers. */
export type MetricField = { name: string; numeric: boolean };

/** What is to be asked: one statement, without the semicolon behind it. */
export function statementOf({ sql }: CustomMetricConfig): string {
  return sql.trim().replace(/;$/, "");
}

/** Throws SectionError where there is no column with numbers; `cast` is a type that there is. */
export function metricsOf(
  metric: CustomMetricConfig,
  { rows, fields }: { rows: readonly Row[]; fields: readonly MetricField[] },
  cast: string,
): { metrics: CustomMetric[]; truncated: boolean } {
  const values = fields.filter(({ numeric }) => numeric);
  const labels = fields.filter(({ numeric }) => !numeric).slice(0, MOST_LABELS);
  if (values.length === 0) {
    throw new SectionError(
      "no_number",
      `The custom metric ${metric.name} returns no column with numbers. Cast one, e.g. to ${cast}.`,
    );
  }
  return {
    metrics: rows.slice(0, MOST_ROWS).flatMap((row) =>
      values.map(({ name }) => ({
        name: values.length === 1 ? metric.name : nameOf(`${metric.name}_${name}`),
        labels: labelsOf(row, labels),
        value: numberOf(row[name]),
        type: metric.type,
      })),
    ),
    truncated: rows.length > MOST_ROWS,
  };
}

function labelsOf(row: Row, labels: readonly MetricField[]): Record<string, string> {
  return Object.fromEntries(
    labels.map(({ name }) => [
      storableText(name).slice(0, 64),
      storableText(row[name] ?? "").slice(0, 200),
    ]),
  );
}

/** Truth values are `t` and `f` to PostgreSQL, numbers to MySQL. */
function numberOf(text: string | null | undefined): number | null {
  return text === "t" ? 1 : text === "f" ? 0 : measure(text);
}

/** As the contract has names: lower-case letters, digits and underscores, at most 63. */
function nameOf(text: string): string {
  return text
    .toLowerCase()
    .replace(/[^a-z0-9_]/g, "_")
    .slice(0, 63);
}
