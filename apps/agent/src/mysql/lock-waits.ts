/** Who waits for whom: for rows, as InnoDB knows it, and for the structure of tables, as the server does. */
import type { Session as SessionSeen } from "@quern/contract/agent/activity";
import { type Row, whole } from "../engine/values.ts";
import { columnsOf, type Facts } from "./facts.ts";
import type { Session } from "./session.ts";
import { instant } from "./times.ts";

export type LockWait = {
  blocked_by: Set<number>;
  waits_for: NonNullable<SessionSeen["waits_for"]>;
};

/** By the number of the session that waits. The data of a lock, which is a row's, is never asked for. */
export async function readRowWaits(session: Session, facts: Facts): Promise<Map<number, LockWait>> {
  const rows = await session.query(
    columnsOf(facts, "performance_schema.data_lock_waits").size > 0 ? OF_MYSQL_8 : OF_INNODB,
  );
  const waits = new Map<number, LockWait>();
  for (const row of rows) {
    const [pid, blocker] = [whole(row.pid), whole(row.blocker)];
    if (pid === null || blocker === null) continue;
    const known = waits.get(pid);
    if (known !== undefined) {
      known.blocked_by.add(blocker);
      continue;
    }
    const [schema, relation] = row.lock_table
      ? namesOf(row.lock_table)
      : [row.schema, row.relation];
    waits.set(pid, {
      blocked_by: new Set([blocker]),
      waits_for: {
        lock_type: (row.type ?? "").toLowerCase().slice(0, 40),
        mode: (row.mode ?? "").slice(0, 40),
        schema: schema ?? null,
        relation: relation ?? null,
        since: instant(row.since),
      },
    });
  }
  return waits;
}

/** InnoDB writes times in the zone of the machine, whatever the session's. */
export function utc(column: string): string {
  return `unix_timestamp(timestampadd(second, timestampdiff(second,
    convert_tz(utc_timestamp(), '+00:00', 'SYSTEM'), utc_timestamp()), ${column}))`;
}

const OF_INNODB = `select r.trx_mysql_thread_id as pid, b.trx_mysql_thread_id as blocker, l.lock_type as type,
    l.lock_mode as mode, l.lock_table as lock_table, ${utc("r.trx_wait_started")} as since
  from information_schema.innodb_lock_waits as w
  join information_schema.innodb_trx as r on r.trx_id = w.requesting_trx_id
  join information_schema.innodb_trx as b on b.trx_id = w.blocking_trx_id
  join information_schema.innodb_locks as l on l.lock_id = w.requested_lock_id limit 5000`;

const OF_MYSQL_8 = `select r.processlist_id as pid, b.processlist_id as blocker, l.lock_type as type,
    l.lock_mode as mode, null as lock_table, l.object_schema as \`schema\`, l.object_name as relation,
    ${utc("t.trx_wait_started")} as since
  from performance_schema.data_lock_waits as w
  join performance_schema.threads as r on r.thread_id = w.requesting_thread_id
  join performance_schema.threads as b on b.thread_id = w.blocking_thread_id
  join performance_schema.data_locks as l on l.engine_lock_id = w.requesting_engine_lock_id
  left join information_schema.innodb_trx as t on t.trx_mysql_thread_id = r.processlist_id limit 5000`;

/** Of "`shop`.`orders`", or "`shop`.`orders` with the name of a partition behind it". */
function namesOf(text: string): [string | null, string | null] {
  const [schema, relation] = [...text.matchAll(/`((?:[^`]|``)*)`/g)].map(([, name = ""]) =>
    name.replaceAll("``", "`").slice(0, 256),
  );
  return [schema ?? null, relation ?? null];
}

/** Asked only when somebody waits for one: the list of all is long. Empty where the server does not keep it. */
export async function readMetadataWaits(
  session: Session,
  facts: Facts,
): Promise<Map<number, LockWait>> {
  if (!facts.performance_schema || columnsOf(facts, METADATA).size === 0) return new Map();
  const rows = await session.query(
    `select t.processlist_id as pid, m.object_type as kind, m.object_schema as \`schema\`, m.object_name as relation,
       m.lock_type as mode, m.lock_status as status
       from ${METADATA} as m join performance_schema.threads as t on t.thread_id = m.owner_thread_id
       join (select distinct w.object_type, w.object_schema, w.object_name from ${METADATA} as w
         where w.lock_status = 'PENDING') as q on q.object_type = m.object_type
         and q.object_schema <=> m.object_schema and q.object_name <=> m.object_name
      where m.lock_status in ('PENDING', 'GRANTED') limit 5000`,
  );
  return metadataWaits(rows);
}

const METADATA = "performance_schema.metadata_locks";

const STRONG = ["SHARED_NO_READ_WRITE", "EXCLUSIVE"];
const WRITES = ["SHARED_WRITE", "SHARED_WRITE_LOW_PRIO"];
/** Which locks of others one that is asked for cannot stand beside (sql/mdl.cc of MySQL 8.0). */
const CONFLICTS: Record<string, readonly string[]> = {
  SHARED: ["EXCLUSIVE"],
  SHARED_HIGH_PRIO: ["EXCLUSIVE"],
  SHARED_READ: STRONG,
  SHARED_WRITE: ["SHARED_READ_ONLY", "SHARED_NO_WRITE", ...STRONG],
  SHARED_WRITE_LOW_PRIO: ["SHARED_READ_ONLY", "SHARED_NO_WRITE", ...STRONG],
  SHARED_UPGRADABLE: ["SHARED_UPGRADABLE", "SHARED_NO_WRITE", ...STRONG],
  SHARED_READ_ONLY: [...WRITES, ...STRONG],
  SHARED_NO_WRITE: [...WRITES, "SHARED_UPGRADABLE", "SHARED_NO_WRITE", ...STRONG],
  SHARED_NO_READ_WRITE: [
    ...["SHARED_READ", ...WRITES, "SHARED_UPGRADABLE", "SHARED_READ_ONLY"],
    ...["SHARED_NO_WRITE", ...STRONG],
  ],
};

/** Who holds a lock on one object and who waits for one, by its mode. */
type Locks = Record<"GRANTED" | "PENDING", Map<string, Set<number>>>;

/** As many are sent of one wait. */
const MOST_BLOCKERS = 1_000;

/**
 * Each that waits with those whose locks are in its way; where none of them has one, with those that wait for what it
 * cannot stand beside: who comes after a change of a table queues behind it. Who stands in the way of a mode is looked up
 * once for each object, since thousands may wait for one.
 */
export function metadataWaits(rows: readonly Row[]): Map<number, LockWait> {
  const objects = new Map<string, Row[]>();
  for (const row of rows) {
    const name = [row.kind, row.schema, row.relation].join("\n");
    const locked = objects.get(name) ?? [];
    objects.set(name, locked);
    locked.push(row);
  }
  return new Map([...objects.values()].flatMap(waitsOf));
}

/** Of one object. */
function waitsOf(locked: readonly Row[]): [number, LockWait][] {
  const locks = locksOf(locked);
  const inTheWay = new Map<string, Record<keyof Locks, Set<number>>>();
  const waits: [number, LockWait][] = [];

  for (const row of locked) {
    const pid = whole(row.pid);
    if (pid === null || row.status !== "PENDING") continue;
    const mode = row.mode ?? "";
    const found = inTheWay.get(mode) ?? {
      GRANTED: conflicting(mode, locks.GRANTED),
      PENDING: conflicting(mode, locks.PENDING),
    };
    inTheWay.set(mode, found);
    const granted = without(pid, found.GRANTED);
    const waits_for = {
      lock_type: `metadata of a ${(row.kind ?? "object").toLowerCase()}`.slice(0, 40),
      mode: mode.slice(0, 40),
      schema: row.schema ?? null,
      relation: row.relation ?? null,
      since: null,
    };
    const blocked_by = granted.size > 0 ? granted : without(pid, found.PENDING);
    waits.push([pid, { blocked_by, waits_for }]);
  }
  return waits;
}

function locksOf(rows: readonly Row[]): Locks {
  const locks: Locks = { GRANTED: new Map(), PENDING: new Map() };
  for (const { pid, mode, status } of rows) {
    const [number, name] = [whole(pid), mode ?? ""];
    if (number === null || (status !== "GRANTED" && status !== "PENDING")) continue;
    const of = locks[status].get(name) ?? new Set();
    locks[status].set(name, of.add(number));
  }
  return locks;
}

function conflicting(mode: string, locks: ReadonlyMap<string, ReadonlySet<number>>): Set<number> {
  const modes = mode === "EXCLUSIVE" ? [...locks.keys()] : (CONFLICTS[mode] ?? []);
  const pids = modes.flatMap((each) => [...(locks.get(each) ?? [])]);
  return new Set(pids.slice(0, MOST_BLOCKERS + 1));
}

function without(pid: number, pids: Set<number>): Set<number> {
  return pids.has(pid) ? new Set([...pids].filter((each) => each !== pid)) : pids;
}
