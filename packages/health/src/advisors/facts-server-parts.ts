/** Why a part of the server's statistics is not there: each part is read, and fails, by itself. */
import type { CollectorResult } from "@quern/contract/agent/payload";
import { sql } from "kysely";
import { notEnough, say, untold } from "./finding.ts";
import type { Judgement, Subject } from "./rule.ts";

/** Names of the agent's collectors. */
export type ServerPart =
  | "server.writes"
  | "server.io"
  | "server.replication"
  | "server.horizon"
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
    order by is_main desc, last_seen_at desc, id limit 1`.execute(db);
  const { code, hint } = rows[0]?.result ?? { code: null, hint: null };
  if (code === "not_supported")
    return untold("not_applicable", say("This server has no {what}.", { what }), hint);
  if (code === "no_permission")
    return untold("no_permission", say("The agent's role may not read {what}.", { what }), hint);
  if (code === null) return notEnough(say("The agent has not sent {what} yet.", { what }), hint);
  return notEnough(say("The agent could not read {what} ({code}).", { what, code }), hint);
}
