/** Replicas, slots, and this server's own place as one. No connection string of any of them is read. */
import type { ServerStats } from "@quern/contract/agent/server";
import { counter, counters, measure, measures, numbers } from "../engine/values.ts";
import { columnsOf, type Facts } from "./facts.ts";
import { selectList } from "./select-list.ts";
import { currentLsn } from "./server-writes.ts";
import type { Session } from "./session.ts";
import { flag, time } from "./values.ts";

type Replication = Pick<ServerStats, "replicas" | "receiver" | "slots" | "conflicts">;

export async function readReplication(session: Session, facts: Facts): Promise<Replication> {
  return {
    replicas: await readReplicas(session, facts),
    slots: await readSlots(session, facts),
    ...(facts.in_recovery
      ? {
          receiver: await readReceiver(session),
          conflicts: await readConflicts(session, facts),
        }
      : {}),
  };
}

async function readReplicas(session: Session, facts: Facts): Promise<Replication["replicas"]> {
  const lsn = currentLsn(facts);
  const bytes = (column: string) =>
    `pg_wal_lsn_diff(${lsn}, r.${column}_lsn) as ${column}_lag_bytes`;
  const ms = (column: string) => `extract(epoch from r.${column}_lag) * 1000 as ${column}_lag_ms`;
  const rows = await session.query(
    `select r.application_name, r.state, r.sync_state,
       ${["sent", "write", "flush", "replay"].map(bytes).join(", ")},
       ${["write", "flush", "replay"].map(ms).join(", ")}, age(r.backend_xmin) as backend_xmin_age
       from pg_stat_replication as r limit 500`,
  );
  return rows.map((row) => ({
    application_name: row.application_name?.slice(0, 64) ?? null,
    state: row.state ?? null,
    sync_state: row.sync_state ?? null,
    ...counters(row, ["sent_lag_bytes", "write_lag_bytes", "flush_lag_bytes", "replay_lag_bytes"]),
    ...measures(row, ["write_lag_ms", "flush_lag_ms", "replay_lag_ms"]),
    backend_xmin_age: counter(row.backend_xmin_age),
  }));
}

async function readSlots(session: Session, facts: Facts): Promise<Replication["slots"]> {
  const has = columnsOf(facts, "pg_replication_slots");
  const rows = await session.query(
    `select s.slot_name, s.slot_type, s.plugin, s.database, s.active, s.temporary,
       pg_wal_lsn_diff(${currentLsn(facts)}, s.restart_lsn) as retained_bytes,
       ${selectList("s", has, ["wal_status", ["safe_wal_bytes", "safe_wal_size"], "inactive_since", "invalidation_reason", "conflicting"])},
       age(s.xmin) as xmin_age, age(s.catalog_xmin) as catalog_xmin_age
       from pg_replication_slots as s limit 1000`,
  );
  return rows.map((row) => ({
    name: row.slot_name ?? "",
    type: row.slot_type === "logical" ? "logical" : "physical",
    plugin: row.plugin ?? null,
    database: row.database ?? null,
    active: flag(row.active),
    temporary: flag(row.temporary),
    ...counters(row, ["retained_bytes", "safe_wal_bytes", "xmin_age", "catalog_xmin_age"]),
    wal_status: row.wal_status ?? null,
    inactive_since: time(row.inactive_since),
    invalidation_reason: row.invalidation_reason ?? null,
    conflicting:
      row.conflicting === null || row.conflicting === undefined ? null : flag(row.conflicting),
  }));
}

/** A standby that has replayed all it received is not behind, however long ago the last transaction was. */
async function readReceiver(session: Session): Promise<Replication["receiver"]> {
  const [row] = await session.query(
    `select r.status, r.slot_name,
       pg_wal_lsn_diff(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn()) as replay_lag_bytes,
       case when pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() then 0
         else extract(epoch from clock_timestamp() - pg_last_xact_replay_timestamp()) * 1000 end as replay_lag_ms
       from (values (1)) as one left join pg_stat_wal_receiver as r on true`,
  );
  return {
    status: row?.status ?? null,
    slot_name: row?.slot_name || null,
    replay_lag_bytes: counter(row?.replay_lag_bytes),
    replay_lag_ms: measure(row?.replay_lag_ms),
  };
}

async function readConflicts(session: Session, facts: Facts): Promise<Replication["conflicts"]> {
  const reasons = [...columnsOf(facts, "pg_stat_database_conflicts")].filter((name) =>
    /^confl_[a-z_]+$/.test(name),
  );
  if (reasons.length === 0) return {};
  const [row] = await session.query(
    `select ${reasons.map((name) => `sum(c.${name}) as ${name}`).join(", ")}
       from pg_stat_database_conflicts as c`,
  );
  return numbers(row ?? {});
}
