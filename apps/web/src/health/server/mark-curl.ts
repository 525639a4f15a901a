/** The command with which a pipeline marks its deploys. */
import { quote } from "../../words/curl.ts";

/**
 * For a POSIX shell, with a token in `QUERN_TOKEN`; the run of the pipeline is its key, so that a second attempt changes
 * nothing. `database_id` null is all databases.
 */
export function markCurl(
  origin: string,
  mark: {
    type: "deploy" | "note";
    subject: string;
    commit: string | null;
    database_id: string | null;
  },
): string {
  const { type, subject, commit, database_id } = mark;
  const body = {
    ...{ type, subject, source_key: "pipeline-8812" },
    ...(database_id === null ? {} : { database_id }),
    ...(commit === null ? {} : { details: { commit } }),
  };
  return [
    `curl -sS ${quote(`${origin}/api/v1/health/events`)}`,
    '  -H "Authorization: Bearer $QUERN_TOKEN"',
    "  -H 'Content-Type: application/json'",
    `  -d ${quote(JSON.stringify(body))}`,
  ].join(" \\\n");
}
