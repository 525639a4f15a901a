/**
 * Says in a comment behind each statement which run it belongs to, in the format of sqlcommenter
 * (https://google.github.io/sqlcommenter/spec/), so that a row of pg_stat_activity or a line of the server's log leads
 * to the run's page.
 */
import { scan } from "@quern/contract/postgres-lexer";
import type { ExecuteOptions } from "../connector.ts";

export function sqlComment({
  run_id,
  traceparent,
}: Pick<ExecuteOptions, "run_id" | "traceparent">): string {
  const tags: [string, string | null | undefined][] = [
    ["application", "quern"],
    ["run_id", run_id],
    ["traceparent", traceparent],
  ];
  const pairs = tags.flatMap(([key, value]) => (value ? [`${key}='${encode(value)}'`] : []));
  return ` /*${pairs.join(",")}*/`;
}

/** Per cent encoding leaves the quote alone, which would end the value. */
function encode(value: string): string {
  return encodeURIComponent(value.toWellFormed()).replaceAll("'", "%27").replaceAll("*", "%2A");
}

/**
 * Whether a comment can be put behind the text: not when it ends within a string, a name or a dollar quote, where the
 * comment would become a part of that and the server's error another one.
 */
export function isClosed(sql: string): boolean {
  let end = -1;
  for (const token of scan(`${sql}\n;`)) end = token.kind === "symbol" ? token.start : -1;
  return end === sql.length + 1;
}
