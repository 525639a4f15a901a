import type { RunParameter } from "@quern/contract/parameters";
import type { Run } from "@quern/contract/runs";

/** A command that makes the same run over the API from a POSIX shell, with a token in `QUERN_TOKEN`. */
export function curlOf(
  run: Pick<Run, "query" | "datasource" | "sql" | "limits" | "params">,
  origin: string,
): string {
  const { limits } = run;
  const given = Object.fromEntries(run.params.map((each) => [each.name, each.given]));
  const params = run.params.length === 0 ? {} : { params: given };
  const body = run.query
    ? {
        query_id: run.query.id,
        ...(run.query.saved_on ? { datasource_id: run.datasource?.id } : {}),
        ...params,
        limits,
      }
    : {
        datasource_id: run.datasource?.id,
        sql: run.sql,
        ...(run.params.length === 0 ? {} : { parameters: run.params.map(declarationOf) }),
        ...params,
        limits,
      };
  return [
    `curl -sS ${quote(`${origin}/api/v1/runs`)}`,
    '  -H "Authorization: Bearer $QUERN_TOKEN"',
    "  -H 'Content-Type: application/json'",
    `  -d ${quote(JSON.stringify(body))}`,
  ].join(" \\\n");
}

/** What SQL without a saved query has to say of its parameter. Choices are those that were made. */
function declarationOf({ name, type, given }: RunParameter) {
  const chosen = Array.isArray(given) ? given : typeof given === "string" ? [given] : [];
  const limited = type === "enum" || type === "identifier";
  return {
    name,
    type,
    ...(Array.isArray(given) ? { multiple: true } : {}),
    ...(limited ? { options: chosen.map((value) => ({ value })) } : {}),
  };
}

/** As one word of a POSIX shell. */
export function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
