/** Whether indexes were used at all over weeks, on every server that has them. */
import { sql } from "kysely";
import { keyOf } from "./facts-relations.ts";
import type { Subject } from "./rule.ts";

export type Node = { database_id: string; server_id: string; in_recovery: boolean | null };

/** The same database on the other monitored servers of the cluster. */
export async function otherNodes(subject: Subject): Promise<Node[]> {
  const { rows } = await sql<Node>`
    select databases.id as database_id, servers.id as server_id, servers.in_recovery
    from health_servers as own
      join health_servers as servers on servers.org_id = own.org_id and servers.cluster_id = own.cluster_id
        and servers.id <> own.id
      join health_databases as databases on databases.server_id = servers.id and databases.name = ${subject.database_name}
    where own.id = ${subject.server_id}`.execute(subject.db);
  return rows;
}

export type IndexUse = {
  /** Since when a scan would have been seen. */
  watched_since: Date;
  used: boolean;
};

/**
 * For each index of a database, by key, whether it was scanned after `from`, and since when that has been watched:
 * since the index was first seen, or since counters were last lost, if that is later.
 */
export async function indexUse(
  { db }: Subject,
  database_id: string,
  from: Date,
): Promise<ReadonlyMap<string, IndexUse>> {
  const points = sql`
    (select at, marks, relation_ids, idx_scan from health_index_points where database_id = ${database_id} and at > ${from}
    union all
    select at, marks, relation_ids, idx_scan from health_index_hours where database_id = ${database_id} and at > ${from}
    union all
    select at, marks, relation_ids, idx_scan from health_index_days where database_id = ${database_id} and at > ${from})`;
  const { rows } = await sql<IndexUse & { schema: string; name: string }>`
    with points as materialized ${points}, used as (
      select distinct each.id
      from points cross join unnest(points.relation_ids, points.idx_scan) as each (id, scans) where each.scans > 0
    ), lost as (
      select max(at) as at from points where marks && '{reset,crash,failover,unknown}'
    )
    select relations.schema, relations.name, greatest(relations.first_seen_at, lost.at) as watched_since,
      used.id is not null as used
    from health_relations as relations cross join lost left join used on used.id = relations.id
    where relations.database_id = ${database_id} and relations.kind = 'index'`.execute(db);
  return new Map(rows.map(({ schema, name, ...use }) => [keyOf(schema, name), use]));
}
