import type { Run } from "@quern/contract/runs";

/** A command that makes the same run over the API from a POSIX shell, with a token in `QUERN_TOKEN`. */
export function curlOf(
  run: Pick<Run, "query" | "datasource" | "sql" | "limits">,
  origin: string,
): string {
  const body = run.query
    ? { query_id: run.query.id, limits: run.limits }
    : { datasource_id: run.datasource?.id, sql: run.sql, limits: run.limits };
  return [
    `curl -sS ${quote(`${origin}/api/v1/runs`)}`,
    '  -H "Authorization: Bearer $QUERN_TOKEN"',
    "  -H 'Content-Type: application/json'",
    `  -d ${quote(JSON.stringify(body))}`,
  ].join(" \\\n");
}

function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
