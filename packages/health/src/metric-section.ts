/** Takes single numbers of the server and of its databases (contract: HEALTH_METRICS). */
import type { DatabaseCounters, Epochs, ServerStats } from "@quern/contract/agent/server";
import type { Counter } from "@quern/contract/agent/values";
import { HEALTH_METRICS, type HealthMetricName } from "@quern/contract/health/metrics";
import type { HealthMark } from "@quern/contract/health/ranges";
import type { Database } from "@quern/store/db";
import { sql } from "kysely";
import { asNumber, grownBy } from "./differences.ts";
import { countsFromStart, judgeCounters, resetSince, type Verdict } from "./epochs.ts";
import { distinct, keep, type Reading, sinceLast } from "./reading.ts";
import type { Memory } from "./section-memory.ts";

const SECTION = "server";

type Raw = Partial<Record<HealthMetricName, Counter | null>>;
type ServerMemory = {
  server: Raw;
  databases: Record<string, Raw>;
  /** When the statistics of each database were last reset. What was kept before this was has none. */
  resets?: Record<string, string | null>;
};
type Values = Partial<Record<HealthMetricName, number>>;

/** What the server as a whole counts, by our names: versions 13–16 and 17 on keep checkpoints in different views. */
function rawOfServer(server: ServerStats): Raw {
  const { bgwriter = {}, checkpointer = {}, wal = {} } = server;
  const connections = Object.values(server.connections).reduce((sum, each) => sum + each, 0);
  const lags = (server.replicas ?? []).map((replica) => replica);
  const largest = (values: (Counter | number | null | undefined)[]) => {
    const known = values.flatMap((value) => (value == null ? [] : [Number(value)]));
    return known.length === 0 ? null : Math.max(...known);
  };
  const whole = (value: number | Counter | null | undefined) =>
    typeof value === "number" ? Math.round(value) : value;
  return withoutNull({
    connections_active: server.connections.active ?? 0,
    connections_idle: server.connections.idle ?? 0,
    connections_idle_in_transaction:
      (server.connections["idle in transaction"] ?? 0) +
      (server.connections["idle in transaction (aborted)"] ?? 0),
    connections_total: connections,
    connections_limit: server.max_connections,
    wal_bytes: server.wal_position_bytes ?? whole(wal.wal_bytes),
    wal_records: whole(wal.wal_records),
    wal_fpi: whole(wal.wal_fpi),
    wal_buffers_full: whole(wal.wal_buffers_full),
    checkpoints_timed: whole(checkpointer.num_timed ?? bgwriter.checkpoints_timed),
    checkpoints_requested: whole(checkpointer.num_requested ?? bgwriter.checkpoints_req),
    checkpoints_done: whole(checkpointer.num_done),
    checkpoint_write_time_ms: whole(checkpointer.write_time ?? bgwriter.checkpoint_write_time),
    checkpoint_sync_time_ms: whole(checkpointer.sync_time ?? bgwriter.checkpoint_sync_time),
    buffers_checkpoint: whole(checkpointer.buffers_written ?? bgwriter.buffers_checkpoint),
    buffers_clean: whole(bgwriter.buffers_clean),
    buffers_backend: whole(bgwriter.buffers_backend) ?? backendIo(server, "writes"),
    buffers_backend_fsync: whole(bgwriter.buffers_backend_fsync) ?? backendIo(server, "fsyncs"),
    // Of MySQL; PostgreSQL counts them in each database.
    deadlocks: whole(server.status?.innodb_deadlocks),
    archived: server.archiver?.archived_count,
    archive_failed: server.archiver?.failed_count,
    slots_retained_bytes: largest((server.slots ?? []).map((slot) => slot.retained_bytes)),
    replay_lag_bytes: largest([
      ...lags.map((replica) => replica.replay_lag_bytes),
      server.receiver?.replay_lag_bytes,
    ]),
    replay_lag_ms: whole(
      largest([...lags.map((replica) => replica.replay_lag_ms), server.receiver?.replay_lag_ms]),
    ),
    horizon_age: largest((server.horizon ?? []).map((holder) => holder.age_xids)),
    locks_held: server.locks?.held,
    vacuum_workers: (server.vacuum_progress ?? []).filter((each) => each.autovacuum).length,
  });
}

/** pg_stat_io, 16 and later: what backends had to do that others should. */
function backendIo(server: ServerStats, name: "writes" | "fsyncs"): number | null {
  if (server.io === undefined) return null;
  return server.io
    .filter((each) => each.backend_type === "client backend" && each.object === "relation")
    .reduce((sum, { counters }) => sum + Number(counters[name] ?? 0), 0);
}

function rawOfDatabase(database: DatabaseCounters): Raw {
  const names = Object.keys(HEALTH_METRICS) as HealthMetricName[];
  const raw: Raw = {};
  for (const name of names) {
    if (!(name in database)) continue;
    const value = database[name as keyof DatabaseCounters] as Counter | null;
    raw[name] = typeof value === "number" ? Math.round(value) : value;
  }
  return withoutNull(raw);
}

function withoutNull(raw: Partial<Record<HealthMetricName, Counter | null | undefined>>): Raw {
  return Object.fromEntries(Object.entries(raw).filter(([, value]) => value != null));
}

type Counters = Verdict["counters"];

/** Counters as differences, gauges as they are; what cannot be told is absent. */
function valuesOf(
  before: Raw | undefined,
  after: Raw,
  countersOf: (name: HealthMetricName) => Counters,
): Values {
  const values: Values = {};
  for (const name of Object.keys(after) as HealthMetricName[]) {
    const mode = before === undefined ? "kept" : countersOf(name);
    const value =
      HEALTH_METRICS[name].kind === "gauge"
        ? asNumber(after[name])
        : grownBy(before?.[name], after[name], mode);
    if (value !== null) values[name] = value;
  }
  return values;
}

/** Takes `server` and its databases, those that are monitored. Returns the marks of the interval. */
export async function takeServer(reading: Reading, server: ServerStats): Promise<HealthMark[]> {
  const since = await sinceLast<ServerMemory>(reading, SECTION);
  const memory: ServerMemory = {
    server: rawOfServer(server),
    databases: Object.fromEntries(server.databases.map((each) => [each.name, rawOfDatabase(each)])),
    resets: Object.fromEntries(server.databases.map((each) => [each.name, each.stats_reset])),
  };
  const before = since?.before;
  const verdict = judgeCounters(before?.epochs ?? null, reading.epochs);
  const marks = distinct([...(since?.marks ?? ["first" as const]), ...verdict.marks]);
  const [at, seconds] = [since?.at ?? reading.taken_at, since?.interval.seconds ?? 0];
  const values = valuesOf(before?.counters.server, memory.server, (name) =>
    sharedCounters(name, server, before?.epochs ?? null, reading.epochs, verdict),
  );
  await insertMetrics(reading.db, reading.server_id, at, seconds, marks, values);
  const { rows } = await sql<{ id: string; name: string }>`
    select id, name from health_databases where server_id = ${reading.server_id}`.execute(
    reading.db,
  );
  for (const { id, name } of rows) {
    const raw = memory.databases[name];
    if (raw === undefined) continue;
    const own = databaseVerdict(before, memory, name, reading.epochs, verdict);
    const grown = valuesOf(before?.counters.databases[name], raw, () => own.counters);
    const ownMarks = distinct([...(since?.marks ?? ["first" as const]), ...own.marks]);
    await insertMetrics(reading.db, id, at, seconds, ownMarks, grown);
  }
  await keep(reading, SECTION, memory, since);
  return marks;
}

/** pg_stat_reset() empties the counters of the database that it is called in, and of no other. */
function databaseVerdict(
  before: Memory<ServerMemory> | undefined,
  { resets }: ServerMemory,
  name: string,
  epochs: Epochs | null,
  verdict: Verdict,
): Verdict {
  const known = before?.counters.resets;
  const ofAll = epochs !== null && countsFromStart(epochs);
  if (verdict.counters === "unknown" || known === undefined || ofAll) return verdict;
  if (verdict.marks.includes("crash") || verdict.counters === "other") return verdict;
  const marks = verdict.marks.filter((mark) => mark !== "reset" && mark !== "unknown");
  const read_at = before?.epochs?.server_time ?? null;
  const own = resetSince(known[name] ?? null, resets?.[name] ?? null, read_at);
  if (own === "kept") return { counters: "kept", marks };
  return { counters: own, marks: [...marks, own === "lost" ? "reset" : "unknown"] };
}

const OF_ARCHIVER = new Set<HealthMetricName>(["archived", "archive_failed"]);
const OF_BGWRITER = new Set<HealthMetricName>([
  ...(["buffers_clean", "buffers_backend", "buffers_backend_fsync"] as const),
]);
/** Until 16 they were in the same view. */
const OF_CHECKPOINTER = new Set<HealthMetricName>([
  ...(["checkpoints_timed", "checkpoints_requested", "buffers_checkpoint"] as const),
  ...(["checkpoint_write_time_ms", "checkpoint_sync_time_ms"] as const),
]);

/**
 * Of a counter of the whole server. pg_stat_reset() of a database leaves it; pg_stat_reset_shared() empties the archiver's
 * or the background writer's alone. The others have no mark but to fall.
 */
function sharedCounters(
  name: HealthMetricName,
  { bgwriter }: ServerStats,
  before: Epochs | null,
  after: Epochs | null,
  { counters, marks }: Verdict,
): Counters {
  if (before === null || after === null || counters === "other") return counters;
  // The position in the WAL is never reset.
  if (name === "wal_bytes") return "kept";
  if (marks.includes("crash") || countsFromStart(after)) return counters;
  const one = bgwriter !== undefined && "buffers_backend" in bgwriter;
  const view = OF_ARCHIVER.has(name)
    ? "archiver_stats_reset"
    : OF_BGWRITER.has(name) || (one && OF_CHECKPOINTER.has(name))
      ? "bgwriter_stats_reset"
      : null;
  return view === null ? "kept" : resetSince(before[view], after[view], before.server_time);
}

/**
 * Adds `values` to the point of `subject` at `at`: sections of one payload share it. Numbers that cannot be, which an
 * agent made up or a counter that wrapped gives, are left out: no sum of them would fit.
 */
export async function insertMetrics(
  db: Database,
  subject_id: string,
  at: Date,
  seconds: number,
  marks: readonly HealthMark[],
  values: Values,
): Promise<void> {
  const possible = Object.entries(values).filter(
    ([, value]) => Math.abs(value) <= Number.MAX_SAFE_INTEGER,
  );
  if (possible.length === 0) return;
  const kept = JSON.stringify(Object.fromEntries(possible));
  await sql`
    insert into health_metric_points (subject_id, at, seconds, marks, values)
    values (${subject_id}, ${at}, ${seconds}, ${marks}, ${kept}::jsonb)
    on conflict (subject_id, at) do update
    set values = health_metric_points.values || excluded.values,
      seconds = greatest(health_metric_points.seconds, excluded.seconds),
      marks = array(select distinct unnest(health_metric_points.marks || excluded.marks))`.execute(
    db,
  );
}
