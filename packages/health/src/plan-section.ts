import type { StatementPlan } from "@quern/contract/agent/statements";
import { sql } from "kysely";
import type { Reading } from "./reading.ts";

/** Keeps the plans of statements that are known; the same shape again only says when it was last seen. */
export async function takePlans(
  { db, database_id, taken_at }: Reading,
  plans: readonly StatementPlan[],
): Promise<void> {
  await sql`
    insert into health_plans (database_id, statement_id, plan_hash, plan, total_cost, hypothetical, first_seen_at, last_seen_at)
    select distinct on (statements.id, plan_hash) ${database_id}::uuid, statements.id, plan_hash, plan, total_cost, hypothetical,
      ${taken_at}::timestamptz, ${taken_at}::timestamptz
    from jsonb_to_recordset(${JSON.stringify(plans)}::jsonb) as sent (query_hash text, plan_hash text, plan jsonb,
      total_cost double precision, hypothetical jsonb)
    join health_statements as statements on statements.database_id = ${database_id} and statements.query_hash = sent.query_hash
    on conflict (statement_id, plan_hash) do update
    set last_seen_at = excluded.last_seen_at, plan = excluded.plan, total_cost = excluded.total_cost,
      hypothetical = coalesce(excluded.hypothetical, health_plans.hypothetical)`.execute(db);
}
