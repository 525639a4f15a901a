/** One look at the sessions that do something, and at who waits for whom. Texts of statements stay in memory. */
import type { ActivitySample, Session as SessionSeen } from "@quern/contract/agent/activity";
import { SectionError } from "../engine/section.ts";
import type { StatementMemory } from "../engine/statement-memory.ts";
import { counter, type Row, whole } from "../engine/values.ts";
import { knownApplication } from "../text/application.ts";
import { runIdOf } from "../text/literals.ts";
import { normaliseStatement } from "../text/statement.ts";
import { columnsOf, type Facts } from "./facts.ts";
import { quoted, selectList } from "./select-list.ts";
import { APPLICATION_NAME, type Session } from "./session.ts";
import { queryHash } from "./statements.ts";
import { json, time, times } from "./values.ts";

const MOST = 1_000;
/** Texts parsed for one sample: a storm of different literals must not cost the agent's own machine. */
const MOST_PARSED = 200;

/** Reads one sample. Throws SectionError where the sessions of others are hidden from this role. */
export async function readActivity(
  session: Session,
  facts: Facts,
  memory: StatementMemory,
): Promise<ActivitySample> {
  const rows = await session.query(activitySql(facts));
  const [first] = rows;
  if (first === undefined) throw new Error("the server answered an aggregate without a row");
  const seen = rows.filter(({ pid }) => pid !== null && pid !== undefined);
  if (seen.length === 0 && Number(first.hidden) > 0) {
    throw new SectionError(
      "no_permission",
      `What other roles do is hidden: grant pg_monitor to ${quoted(facts.role)};`,
      "42501",
    );
  }
  const trackSize = whole(first.track_size);
  const parsing = { left: MOST_PARSED };
  const omitted = Number(first.found) - Math.min(seen.length, MOST);
  return {
    at: time(first.at) ?? "",
    sessions: seen.map((row) => sessionOf(row, memory, trackSize, parsing)),
    ...(omitted > 0 ? { omitted } : {}),
    idle: whole(first.idle) ?? 0,
  };
}

/**
 * The first columns are the same in every row, and there is a row even when nobody does anything. Blockers are asked for
 * only of those who wait: the function takes all partitions of the lock table.
 */
function activitySql(facts: Facts): string {
  const has = columnsOf(facts, "pg_stat_activity");
  const locks = columnsOf(facts, "pg_locks");
  return `with a as materialized (
      select s.*, case when s.wait_event_type = 'Lock' then pg_blocking_pids(s.pid) end as blocked_by
        from pg_stat_activity as s
       where s.pid <> pg_backend_pid() and coalesce(s.application_name, '') <> '${APPLICATION_NAME}'),
    blockers as (select distinct b.pid from a, unnest(a.blocked_by) as b(pid)),
    waits as (select distinct on (l.pid) l.pid, json_build_object('lock_type', l.locktype, 'mode', l.mode,
        'schema', n.nspname, 'relation', c.relname,
        'since', ${locks.has("waitstart") ? "l.waitstart::text" : "null"}) as wait
      from pg_locks as l
      left join pg_class as c on c.oid = l.relation
        and l.database in (0, (select d.oid from pg_database as d where d.datname = current_database()))
      left join pg_namespace as n on n.oid = c.relnamespace
      where not l.granted),
    busy as (select a.* from a where a.pid in (select b.pid from blockers as b)
      or a.backend_xid is not null
      or (a.state is not null and a.state <> 'idle')
      or (a.state is null and a.backend_type is not null and a.wait_event_type is distinct from 'Activity'
        and a.backend_type in ('autovacuum worker', 'parallel worker', 'logical replication worker')))
    select clock_timestamp() as at, current_setting('track_activity_query_size', true) as track_size,
      (select count(*) from a where a.state = 'idle' and a.backend_type = 'client backend') as idle,
      (select count(*) from a where a.backend_type is null) as hidden,
      (select count(*) from busy) as found,
      b.pid, b.backend_type, b.datname, b.usename, b.application_name, b.state, b.wait_event_type, b.wait_event,
      ${selectList("b", has, ["query_id"])}, b.query, b.backend_start, b.xact_start, b.query_start, b.state_change,
      age(b.backend_xid) as xid_age, age(b.backend_xmin) as xmin_age, to_json(b.blocked_by) as blocked_by, w.wait
    from (values (1)) as one
    left join (select * from busy order by busy.xact_start nulls last, busy.pid limit ${MOST}) as b on true
    left join waits as w on w.pid = b.pid`;
}

type Wait = NonNullable<SessionSeen["waits_for"]>;

function sessionOf(
  row: Row,
  memory: StatementMemory,
  trackSize: number | null,
  parsing: { left: number },
): SessionSeen {
  const hash = queryHash(row.query_id);
  const wait = json<Wait>(row.wait);
  const blockedBy = json<number[]>(row.blocked_by);
  return {
    pid: whole(row.pid) ?? 0,
    backend_type: row.backend_type ?? "unknown",
    database: row.datname ?? null,
    user_name: row.usename ?? null,
    application: knownApplication(row.application_name ?? null),
    state: row.state ?? null,
    wait_event_type: row.wait_event_type ?? null,
    wait_event: row.wait_event?.slice(0, 64) ?? null,
    query_hash: hash,
    ...statementOf(row.query ?? "", hash, memory, trackSize, parsing),
    ...times(row, ["backend_start", "xact_start", "query_start", "state_change"]),
    xid_age: counter(row.xid_age),
    xmin_age: counter(row.xmin_age),
    ...(blockedBy === null ? {} : { blocked_by: [...new Set(blockedBy)].slice(0, 1_000) }),
    waits_for: wait === null ? null : { ...wait, since: time(wait.since) },
  };
}

/** A statement known by its query_id needs no parsing; only its comment is this execution's own. */
function statementOf(
  text: string,
  hash: string | null,
  memory: StatementMemory,
  trackSize: number | null,
  parsing: { left: number },
): Pick<SessionSeen, "fingerprint" | "kind" | "run_id"> {
  const known = hash === null ? undefined : memory.by_hash.get(hash);
  if (known !== undefined) {
    return {
      fingerprint: known.fingerprint,
      kind: known.command.slice(0, 40),
      run_id: runIdOf(text),
    };
  }
  if (text === "" || parsing.left === 0) return { fingerprint: null, kind: null, run_id: null };
  parsing.left -= 1;
  const { fingerprint, command, run_id } = normaliseStatement(text, { track_size: trackSize });
  return { fingerprint, kind: command.slice(0, 40), run_id };
}
