/** One look at the sessions that do something, and at who waits for whom. Texts of statements stay in memory. */
import type { ActivitySample, Session as SessionSeen } from "@quern/contract/agent/activity";
import { measure, type Row, whole } from "../engine/values.ts";
import { knownApplication } from "../text/application.ts";
import { columnsOf, type Facts } from "./facts.ts";
import { type LockWait, readMetadataWaits, readRowWaits, utc } from "./lock-waits.ts";
import type { Memory } from "./memory.ts";
import { isOwn, PROGRAM_NAME, type Session } from "./session.ts";
import { normaliseMysqlStatement } from "./statement.ts";
import { instant } from "./times.ts";

const MOST = 1_000;
/** Texts read for one sample: a storm of different literals must not cost the agent's own machine. */
const MOST_READ = 200;

/** Sessions that only exist: they deliver changes, wait for their time to come, or have not signed in. */
const RESTING = new Set(["Daemon", "Binlog Dump", "Binlog Dump GTID", "Connect"]);
/** Threads of the server that apply what a source has done. */
const APPLIER = "system user";

type Seen = { row: Row; transaction: Row | undefined; wait: LockWait | undefined };

/** Reads one sample. `own` are the numbers of the agent's sessions, which are left out as other agents' are. */
export async function readActivity(
  session: Session,
  facts: Facts,
  memory: Memory,
  own: ReadonlySet<number>,
): Promise<ActivitySample> {
  const [clock] = await session.query("select unix_timestamp(now(6)) as quern_now");
  const now = measure(clock?.quern_now) ?? 0;
  const rows = (await readProcesses(session, facts)).filter(
    ({ pid, info }) => !own.has(whole(pid) ?? 0) && !isOwn(info ?? ""),
  );
  const transactions = await readTransactions(session);
  const waits = await readRowWaits(session, facts);
  if (rows.some(({ state }) => /metadata lock/i.test(state ?? ""))) {
    for (const [pid, wait] of await readMetadataWaits(session, facts)) waits.set(pid, wait);
  }
  const blockers = new Set([...waits.values()].flatMap(({ blocked_by }) => [...blocked_by]));
  const all = rows.map((row): Seen => {
    const pid = whole(row.pid) ?? 0;
    return { row, transaction: transactions.get(pid), wait: waits.get(pid) };
  });
  const busy = all.filter((seen) => isBusy(seen, blockers));
  const shown = busy.toSorted((a, b) => startOf(a) - startOf(b)).slice(0, MOST);
  const digests = await readDigests(session, facts);
  const programs = await readPrograms(session, facts);
  const reading = { left: MOST_READ };
  const idle = all.filter(({ row, transaction }) => {
    return row.command === "Sleep" && transaction === undefined;
  });
  return {
    at: instant(clock?.quern_now) ?? "",
    sessions: shown.map(({ row, ...of }) => ({
      ...sessionOf({ row, ...of }, now),
      application: knownApplication(programs.get(row.pid ?? "") ?? null),
      ...statementOf(row, digests.get(row.pid ?? "") ?? null, memory, reading),
    })),
    ...(busy.length > shown.length ? { omitted: busy.length - shown.length } : {}),
    idle: idle.length,
  };
}

function isBusy({ row, transaction, wait }: Seen, blockers: ReadonlySet<number>): boolean {
  if (blockers.has(whole(row.pid) ?? 0) || wait !== undefined) return true;
  if (RESTING.has(row.command ?? "") || row.user_name === APPLIER) return false;
  return row.command !== "Sleep" || transaction !== undefined;
}

function startOf({ transaction }: Seen): number {
  return measure(transaction?.started) ?? Number.POSITIVE_INFINITY;
}

/** performance_schema takes no lock for it; MariaDB's list knows fractions of seconds. */
async function readProcesses(session: Session, facts: Facts): Promise<Row[]> {
  if (facts.type === "mysql" && facts.performance_schema) {
    return await session.query(
      `select t.processlist_id as pid, t.processlist_user as user_name, t.processlist_db as db,
         t.processlist_command as command, t.processlist_state as state, t.processlist_time as seconds,
         left(t.processlist_info, 65537) as info
         from performance_schema.threads as t where t.processlist_id is not null and t.type = 'FOREGROUND'`,
    );
  }
  const seconds = facts.type === "mariadb" ? "p.time_ms / 1000" : "p.time";
  return await session.query(
    `select p.id as pid, p.user as user_name, p.db as db, p.command as command, p.state as state,
       ${seconds} as seconds, left(p.info, 65537) as info from information_schema.processlist as p`,
  );
}

/** By the number of their session. */
async function readTransactions(session: Session): Promise<Map<number, Row>> {
  const rows = await session.query(
    `select t.trx_mysql_thread_id as pid, ${utc("t.trx_started")} as started
       from information_schema.innodb_trx as t where t.trx_mysql_thread_id > 0`,
  );
  return new Map(rows.map((row) => [whole(row.pid) ?? 0, row]));
}

/** What each session runs, by performance_schema's name of it; nothing where it does not keep that. */
async function readDigests(session: Session, facts: Facts): Promise<Map<string, string | null>> {
  const view = "performance_schema.events_statements_current";
  if (!facts.performance_schema || !columnsOf(facts, view).has("digest")) return new Map();
  const rows = await session.query(
    `select t.processlist_id as pid, e.digest as digest from ${view} as e
       join performance_schema.threads as t on t.thread_id = e.thread_id
      where e.end_event_id is null and e.digest is not null order by e.event_id desc`,
  );
  return new Map(rows.map(({ pid, digest }) => [pid ?? "", digest ?? null]));
}

async function readPrograms(session: Session, facts: Facts): Promise<Map<string, string>> {
  const view = "performance_schema.session_connect_attrs";
  if (!facts.performance_schema || columnsOf(facts, view).size === 0) return new Map();
  const rows = await session.query(
    `select a.processlist_id as pid, a.attr_value as program from ${view} as a
      where a.attr_name = 'program_name' and a.attr_value <> '${PROGRAM_NAME}' limit 5000`,
  );
  return new Map(rows.map(({ pid, program }) => [pid ?? "", program ?? ""]));
}

function sessionOf(
  { row, transaction, wait }: Seen,
  now: number,
): Omit<SessionSeen, "application" | "query_hash" | "fingerprint" | "kind" | "run_id"> {
  const { command, state } = row;
  const seconds = measure(row.seconds);
  const since = seconds === null ? null : instant(String(now - Math.max(0, seconds)));
  const applies = row.user_name === APPLIER;
  const lock = wait !== undefined || /\block\b/i.test(state ?? "");
  const sleeps = command === "Sleep";
  return {
    pid: whole(row.pid) ?? 0,
    backend_type: applies ? "replication applier" : "client backend",
    database: row.db?.slice(0, 256) ?? null,
    user_name: row.user_name?.slice(0, 256) ?? null,
    state: sleeps ? (transaction === undefined ? "idle" : "idle in transaction") : "active",
    wait_event_type: sleeps ? null : lock ? "Lock" : isWord(state) ? "State" : null,
    wait_event: sleeps ? null : isWord(state) ? (state ?? null) : null,
    // Neither server says since when a session has been there; its number is used once until the server starts anew.
    backend_start: null,
    xact_start: instant(transaction?.started),
    query_start: sleeps ? null : since,
    state_change: since,
    xid_age: null,
    xmin_age: null,
    ...(wait === undefined ? {} : { blocked_by: [...wait.blocked_by].slice(0, 1_000) }),
    waits_for: wait?.waits_for ?? null,
  };
}

/** A stage's name as the server has it; what holds a name in quotes or anything else may be of a user. */
function isWord(state: string | null | undefined): boolean {
  return /^[A-Za-z][A-Za-z ,:()-]{0,63}$/.test(state ?? "");
}

/** A statement known by its digest needs no reading; where the server does not tell that, its text leads to it. */
function statementOf(
  row: Row,
  digest: string | null,
  { statements, digests }: Memory,
  reading: { left: number },
): Pick<SessionSeen, "query_hash" | "fingerprint" | "kind" | "run_id"> {
  const query_hash = digest?.slice(0, 64) ?? null;
  const known = query_hash === null ? undefined : statements.by_hash.get(query_hash);
  if (known !== undefined) {
    const { fingerprint, command } = known;
    return { query_hash, fingerprint, kind: command.slice(0, 40), run_id: null };
  }
  const text = row.info ?? "";
  if (text === "" || reading.left === 0) {
    return { query_hash, fingerprint: null, kind: null, run_id: null };
  }
  reading.left -= 1;
  const { fingerprint, command } = normaliseMysqlStatement(text);
  const found = fingerprint === null ? undefined : digests.get(fingerprint);
  return {
    query_hash: query_hash ?? found ?? null,
    fingerprint,
    kind: command.slice(0, 40),
    run_id: null,
  };
}
