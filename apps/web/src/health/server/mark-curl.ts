/** The command with which a pipeline marks its deploys. */

/** For a POSIX shell, with a token in `QUERN_TOKEN`; the run of the pipeline is its key, so that a second attempt changes nothing. */
export function markCurl(origin: string, database_id: string | null): string {
  const body = {
    type: "deploy",
    subject: "shop 4.13",
    source_key: "pipeline-8812",
    ...(database_id === null ? {} : { database_id }),
    details: { commit: "3bf9d92" },
  };
  return [
    `curl -sS '${origin}/api/v1/health/events'`,
    '  -H "Authorization: Bearer $QUERN_TOKEN"',
    "  -H 'Content-Type: application/json'",
    `  -d '${JSON.stringify(body)}'`,
  ].join(" \\\n");
}
