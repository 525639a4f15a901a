/** Why a part of the server's statistics is not there: each part is read, and fails, by itself. */
import type { CollectorResult } from "@quern/contract/agent/payload";
import { sql } from "kysely";
import { notApplicable, notEnough } from "./finding.ts";
import type { Judgement, Subject } from "./rule.ts";

/** Names of the agent's collectors. */
export type ServerPart =
  | "server.writes"
  | "server.io"
  | "server.replication"
  | "server.locks"
  | "server.roles";

/** The state of a rule that needs `part`, which was not sent; `what` is its name in words. */
export async function missingPart(
  { db, server_id }: Subject,
  part: ServerPart,
  what: string,
): Promise<Judgement> {
  const { rows } = await sql<{ result: Pick<CollectorResult, "code" | "hint"> }>`
    select collectors -> ${part} as result from health_databases
    where server_id = ${server_id} and collectors -> ${part} ->> 'status' <> 'ok'
    order by is_main desc, last_seen_at desc limit 1`.execute(db);
  const { code, hint } = rows[0]?.result ?? { code: null, hint: null };
  if (code === "not_supported") return notApplicable(`This server has no ${what}.`);
  if (code === "no_permission") {
    const reason = `The agent's role may not read ${what}.`;
    return { state: "no_permission", reason, hint };
  }
  const why = code === null ? "" : ` (${code})`;
  return notEnough(`The agent has not sent ${what}${why}.`, hint);
}
