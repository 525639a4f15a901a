/** What the operator's own statements return: numbers are values, texts are labels, and both are capped. */
import type { AgentPayload } from "@quern/contract/agent/payload";
import { storableText } from "@quern/contract/text";
import type { CustomMetricConfig } from "../config/agent-config.ts";
import { SectionError } from "../engine/section.ts";
import { measure, type Row } from "../engine/values.ts";
import type { Field, Session } from "./session.ts";

export type CustomMetric = NonNullable<AgentPayload["custom_metrics"]>[number];

const MOST_ROWS = 100;
const MOST_LABELS = 10;
/** A statement of another kind could end the transaction that keeps it from writing. */
const READS = /^\s*\(*\s*(?:select|with|show|table|values)\b/i;

/** Runs one of them, read-only and for at most five seconds, in a session of its own that is in its database. */
export async function readCustomMetric(
  session: Session,
  metric: CustomMetricConfig,
): Promise<{ metrics: CustomMetric[]; truncated: boolean }> {
  const statement = metric.sql.trim().replace(/;$/, "");
  if (!READS.test(statement)) {
    throw new SectionError(
      "read_only",
      `The custom metric ${metric.name} must begin with select, with, show, table or values.`,
    );
  }
  await session.query(`set session sql_select_limit = ${MOST_ROWS + 1}`);
  await session.query("start transaction read only");
  const { rows, fields } = await session.ask(statement);
  const values = fields.filter(({ numeric }) => numeric);
  const labels = fields.filter(({ numeric }) => !numeric).slice(0, MOST_LABELS);
  if (values.length === 0) {
    throw new SectionError(
      "no_number",
      `The custom metric ${metric.name} returns no column with numbers. Cast one, e.g. to double.`,
    );
  }
  return {
    metrics: rows
      .slice(0, MOST_ROWS)
      .flatMap((row) => values.map((field) => oneValue(metric, row, field, values.length, labels))),
    truncated: rows.length > MOST_ROWS,
  };
}

function oneValue(
  metric: CustomMetricConfig,
  row: Row,
  field: Field,
  columns: number,
  labels: readonly Field[],
): CustomMetric {
  return {
    name: columns === 1 ? metric.name : nameOf(`${metric.name}_${field.name}`),
    labels: Object.fromEntries(
      labels.map(({ name }) => [
        storableText(name).slice(0, 64),
        storableText(row[name] ?? "").slice(0, 200),
      ]),
    ),
    value: measure(row[field.name]),
    type: metric.type,
  };
}

/** As the contract has names: lower-case letters, digits and underscores, at most 63. */
function nameOf(text: string): string {
  return text
    .toLowerCase()
    .replace(/[^a-z0-9_]/g, "_")
    .slice(0, 63);
}
