/** Who keeps old row versions alive, what vacuum and index builds are at, and how full the lock table is. */
import type { ServerStats } from "@quern/contract/agent/server";
import { count, counter, measure, type Row, whole } from "../engine/values.ts";
import { columnsOf, type Facts } from "./facts.ts";
import { selectList } from "./select-list.ts";
import { APPLICATION_NAME, type Session } from "./session.ts";
import { flag, time } from "./values.ts";

type Horizon = Pick<ServerStats, "horizon" | "prepared_transactions">;
type Holder = NonNullable<ServerStats["horizon"]>[number];
type Progress = Pick<ServerStats, "vacuum_progress" | "index_builds">;

const HOLDERS = `select 'backend' as type, a.pid::text as name, a.datname as database, a.usename as user_name,
      greatest(age(a.backend_xid), age(a.backend_xmin)) as age, a.xact_start as since from pg_stat_activity as a
    where (a.backend_xmin is not null or a.backend_xid is not null)
      and coalesce(a.backend_type, '') <> 'walsender' and a.application_name <> '${APPLICATION_NAME}'
  union all select 'slot', s.slot_name, s.database, null, age(s.xmin), null
    from pg_replication_slots as s where s.xmin is not null
  union all select 'slot_catalog', s.slot_name, s.database, null, age(s.catalog_xmin), null
    from pg_replication_slots as s where s.catalog_xmin is not null
  union all select 'prepared', null, p.database, p.owner, age(p.transaction), p.prepared from pg_prepared_xacts as p
  union all select 'standby', r.application_name, null, r.usename, age(r.backend_xmin), r.backend_start
    from pg_stat_replication as r where r.backend_xmin is not null`;

/** The names of prepared transactions are free text of users, and stay. */
export async function readHorizon(session: Session): Promise<Horizon> {
  const holders = await session.query(
    `select * from (${HOLDERS}) as h order by h.age desc nulls last limit 100`,
  );
  const prepared = await session.query(
    `select p.database, p.owner, p.prepared from pg_prepared_xacts as p order by p.prepared limit 1000`,
  );
  return {
    horizon: holders.map(holderOf),
    prepared_transactions: prepared.map((row) => ({
      database: row.database ?? "",
      user_name: row.owner ?? "",
      prepared_at: time(row.prepared) ?? "",
    })),
  };
}

const HOLDER_TYPES: Record<string, Holder["type"]> = {
  slot: "slot",
  slot_catalog: "slot_catalog",
  prepared: "prepared",
  standby: "standby",
};

function holderOf(row: Row): Holder {
  return {
    type: HOLDER_TYPES[row.type ?? ""] ?? "backend",
    name: row.name ?? null,
    database: row.database ?? null,
    user_name: row.user_name ?? null,
    age_xids: count(row.age),
    since: time(row.since),
  };
}

/** Names of relations are known in their own database only. */
export async function readProgress(session: Session, facts: Facts): Promise<Progress> {
  const named = `left join pg_class as c on c.oid = p.relid and p.datname = current_database()
    left join pg_namespace as n on n.oid = c.relnamespace`;
  const vacuums = await session.query(
    `select p.pid, p.datname as database, n.nspname as schema, c.relname as "table", p.phase,
       p.heap_blks_total, p.heap_blks_scanned, p.heap_blks_vacuumed, p.index_vacuum_count,
       ${selectList("p", columnsOf(facts, "pg_stat_progress_vacuum"), [["delay_time_ms", "delay_time"]])},
       a.backend_type = 'autovacuum worker' as autovacuum, a.xact_start as started_at
       from pg_stat_progress_vacuum as p left join pg_stat_activity as a on a.pid = p.pid ${named} limit 200`,
  );
  const builds = await session.query(
    `select n.nspname as schema, i.relname as "index", p.phase from pg_stat_progress_create_index as p
       ${named} left join pg_class as i on i.oid = p.index_relid and p.datname = current_database() limit 200`,
  );
  return {
    vacuum_progress: vacuums.map((row) => ({
      pid: whole(row.pid) ?? 0,
      database: row.database ?? null,
      schema: row.schema ?? null,
      table: row.table ?? null,
      phase: row.phase ?? "",
      heap_blks_total: count(row.heap_blks_total),
      heap_blks_scanned: count(row.heap_blks_scanned),
      heap_blks_vacuumed: count(row.heap_blks_vacuumed),
      index_vacuum_count: count(row.index_vacuum_count),
      delay_time_ms: measure(row.delay_time_ms),
      autovacuum: flag(row.autovacuum),
      started_at: time(row.started_at),
    })),
    index_builds: builds.map((row) => ({
      schema: row.schema ?? null,
      index: row.index ?? null,
      phase: row.phase ?? "",
    })),
  };
}

/** `held` counts lockable objects in the shared table; those on the fast path do not fill it. */
export async function readLocks(session: Session): Promise<Pick<ServerStats, "locks">> {
  const [row] = await session.query(
    `with l as materialized (select * from pg_locks)
     select (select count(*) from l where l.fastpath) as fast_path,
       (select count(*) from (select distinct l.locktype, l.database, l.relation, l.page, l.tuple, l.virtualxid,
          l.transactionid::text, l.classid, l.objid, l.objsubid from l where not l.fastpath) as o) as held,
       current_setting('max_locks_per_transaction')::bigint * (current_setting('max_connections')::bigint
         + current_setting('max_prepared_transactions')::bigint) as capacity`,
  );
  return {
    locks: {
      held: count(row?.held),
      fast_path: count(row?.fast_path),
      capacity: counter(row?.capacity),
    },
  };
}

/** What the agent's role may do, to say where it may do more than it needs. */
export async function readRoles(
  session: Session,
  facts: Facts,
): Promise<Pick<ServerStats, "superusers" | "agent_role">> {
  const [row] = await session.query(
    `select (select count(*) from pg_roles as r where r.rolsuper) as superusers,
       exists (select from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
         where c.relkind in ('r', 'p') and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
           and has_table_privilege(c.oid, 'select')
           and not exists (select from pg_depend as d where d.objid = c.oid and d.deptype = 'e')) as reads_tables`,
  );
  return {
    superusers: whole(row?.superusers),
    agent_role: {
      name: facts.role,
      superuser: facts.superuser,
      pg_monitor: facts.pg_monitor,
      reads_tables: flag(row?.reads_tables),
      helper: facts.helper,
    },
  };
}
