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
const TIMEOUT = "5s";
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
      `select set_config('statement_timeout', '${TIMEOUT}', true), set_config('search_path',
         (select s.reset_val from pg_settings as s where s.name = 'search_path'), true)`,
    );
    const statement = metric.sql.trim().replace(/;$/, "");
    await session.ask(`declare quern_metric no scroll cursor for ${statement}`);
    return await session.ask(`fetch ${MOST_ROWS + 1} from quern_metric`);
  });
  const values = fields.filter(({ type }) => NUMERIC.has(type));
  const labels = fields.filter(({ type }) => !NUMERIC.has(type)).slice(0, MOST_LABELS);
  if (values.length === 0) {
    throw new SectionError(
      "no_number",
      `The custom metric ${metric.name} returns no column with numbers. Cast one, e.g. to double precision.`,
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
  labels: Field[],
): CustomMetric {
  const text = row[field.name];
  return {
    name: columns === 1 ? metric.name : nameOf(`${metric.name}_${field.name}`),
    labels: Object.fromEntries(
      labels.map(({ name }) => [
        storableText(name).slice(0, 64),
        storableText(row[name] ?? "").slice(0, 200),
      ]),
    ),
    value: text === "t" ? 1 : text === "f" ? 0 : measure(text),
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
