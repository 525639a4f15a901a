/**
 * Running saved queries on another datasource than the one that they are saved on: a branch of its data, a copy of it. That
 * is use of the other one as if the SQL had been typed, so whoever asks needs the right to that.
 */
import type { Limits } from "@quern/contract/datasources";
import type { ProblemCode } from "@quern/contract/problem";
import { sql } from "kysely";
import type { Actor } from "./actor.ts";
import { type Origin, recordAudit } from "./audit.ts";
import type { Database } from "./db.ts";
import { visibleDatasource } from "./grants.ts";

/** By the id of the datasource that another takes the place of, the id of the other one. */
export type Swaps = Readonly<Record<string, string>>;

export type OtherDatasource = { id: string; name: string; limits: Partial<Limits> };
type OtherTrouble = { code: ProblemCode; detail: string };

/** `trouble` is null exactly when `datasource` can be used; a name is only there for those who may know it. */
export type Swap =
  | { trouble: null; datasource: OtherDatasource }
  | { trouble: OtherTrouble; datasource: { id: string; name: string } | null };

type Found = {
  from_id: string;
  from_type: string | null;
  datasource: (OtherDatasource & { type: string }) | null;
  usable: boolean;
  ended: boolean;
};

/** What stands in the place of each datasource. The caller has made sure that the actor may write SQL at all. */
export async function readSwaps(
  db: Database,
  actor: Actor,
  swaps: Swaps,
): Promise<Map<string, Swap>> {
  const pairs = Object.entries(swaps).filter(([from, to]) => from !== to);
  if (pairs.length === 0) return new Map();
  // The datasource of an instance goes with it; its owner, and an admin, are told so. An instance whose sandbox gives no
  // sign of life has ended, whether somebody has written it down yet or not.
  const { rows } = await sql<Found>`
    select asked.from_id, own.type as from_type,
      case when datasources.id is not null then jsonb_build_object('id', datasources.id, 'name', datasources.name,
        'limits', datasources.limits, 'type', datasources.type) end as datasource,
      coalesce(${visibleDatasource(actor)}, false) as usable,
      coalesce((instances.ended_at is not null or instances.lease_until < now())
        and (instances.owner_id = ${actor.user_id} or ${actor.role === "admin"}), false) as ended
    from unnest(${pairs.map(([from]) => from)}::uuid[], ${pairs.map(([, to]) => to)}::uuid[]) as asked (from_id, to_id)
    left join datasources as own on own.id = asked.from_id and own.org_id = ${actor.org_id}
    left join datasources on datasources.id = asked.to_id and datasources.org_id = ${actor.org_id}
    left join instances on instances.id = datasources.instance_id`.execute(db);
  return new Map(rows.map((row) => [row.from_id, toSwap(row)]));
}

function toSwap({ from_type, datasource, usable, ended }: Found): Swap {
  if (datasource !== null && ended) {
    const { id, name } = datasource;
    const detail = `“${name}” has ended, and its data with it. Go back, or choose another datasource.`;
    return { trouble: { code: "instance_ended", detail }, datasource: { id, name } };
  }
  if (datasource === null || !usable) {
    const detail = "There is no such datasource to run on instead, or you may not use it.";
    return { trouble: { code: "not_found", detail }, datasource: null };
  }
  const { id, name, limits, type } = datasource;
  if (from_type !== null && type !== from_type) {
    const detail = `“${name}” is ${type}, and this was written for ${from_type}. Choose a datasource of the same engine.`;
    return { trouble: { code: "engine_mismatch", detail }, datasource: { id, name } };
  }
  return { trouble: null, datasource: { id, name, limits } };
}

/**
 * Writes into the audit log that somebody runs a query or a dashboard on other datasources, once an hour for the same: the
 * runs themselves are the record of each time, and a dashboard may refresh itself every few seconds.
 */
export async function auditSwaps(
  db: Database,
  actor: Actor,
  origin: Origin,
  resource: { type: "query" | "dashboard"; id: string },
  swaps: Swaps,
): Promise<void> {
  const action = `${resource.type}.run_elsewhere`;
  const details = { on: swaps };
  const { rows } = await sql`
    select from audit_log
    where resource_type = ${resource.type} and resource_id = ${resource.id} and at > now() - interval '1 hour'
      and action = ${action} and user_id is not distinct from ${actor.user_id}::uuid
      and details = ${JSON.stringify(details)}::jsonb
    limit 1`.execute(db);
  if (rows.length > 0) return;
  await recordAudit(db, actor, origin, {
    action,
    resource_type: resource.type,
    resource_id: resource.id,
    details,
  });
}
