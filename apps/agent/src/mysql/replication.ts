/** This server's place as a replica, who replicates from it, and its binary logs. No address or account is read. */
import type { ServerStats } from "@quern/contract/agent/server";
import { counter, measure, type Row } from "../engine/values.ts";
import type { Facts } from "./facts.ts";
import type { Session } from "./session.ts";
import { codeOf } from "./unreachable.ts";

type Replication = Pick<ServerStats, "in_recovery" | "replicas" | "receiver">;

export async function readReplication(session: Session, facts: Facts): Promise<Replication> {
  const channels = await readChannels(session, facts);
  const dumps = await session.query(
    `select count(*) as dumps from information_schema.processlist as p
      where p.command in ('Binlog Dump', 'Binlog Dump GTID')`,
  );
  const count = Math.min(measure(dumps[0]?.dumps) ?? 0, 500);
  return {
    in_recovery: channels.length > 0,
    // How far each of them is, only they know.
    replicas: Array.from({ length: count }, () => ({ ...UNKNOWN_REPLICA })),
    ...(channels.length === 0 ? {} : { receiver: receiverOf(channels) }),
  };
}

const UNKNOWN_REPLICA = {
  ...{ application_name: null, state: "streaming", sync_state: null, backend_xmin_age: null },
  ...{ sent_lag_bytes: null, write_lag_bytes: null, flush_lag_bytes: null },
  ...{ replay_lag_bytes: null, write_lag_ms: null, flush_lag_ms: null, replay_lag_ms: null },
};

/** One row for each source. The words differ: MySQL has called them otherwise since 8.0.22. */
async function readChannels(session: Session, facts: Facts): Promise<Row[]> {
  const statements =
    facts.type === "mariadb"
      ? ["show all slaves status"]
      : facts.version_num >= 80_022
        ? ["show replica status"]
        : ["show slave status"];
  const [statement = ""] = statements;
  const rows = await session.query(statement);
  return rows.map((row) =>
    Object.fromEntries(
      Object.entries(row).map(([name, value]) => [
        name
          .toLowerCase()
          .replace(/source/g, "master")
          .replace(/replica/g, "slave"),
        value,
      ]),
    ),
  );
}

/** The one that is furthest behind; one that has stopped is further than any. */
function receiverOf(channels: readonly Row[]): NonNullable<Replication["receiver"]> {
  const behind = ({ seconds_behind_master }: Row) =>
    measure(seconds_behind_master) ?? Number.POSITIVE_INFINITY;
  const [worst] = channels.toSorted((a, b) => behind(b) - behind(a));
  const seconds = measure(worst?.seconds_behind_master);
  const running = worst?.slave_io_running === "Yes" && worst?.slave_sql_running === "Yes";
  return {
    status: running
      ? "streaming"
      : `io ${worst?.slave_io_running}, sql ${worst?.slave_sql_running}`.toLowerCase().slice(0, 40),
    replay_lag_bytes: bytesBehind(worst),
    replay_lag_ms: seconds === null ? null : seconds * 1_000,
    slot_name: null,
  };
}

/** What was received and not run yet, as long as both are in one file of the source's. */
function bytesBehind(row: Row | undefined): ReturnType<typeof counter> {
  if (!row?.master_log_file || row.master_log_file !== row.relay_master_log_file) return null;
  const [read, done] = [counter(row.read_master_log_pos), counter(row.exec_master_log_pos)];
  return read === null || done === null ? null : counter(String(BigInt(read) - BigInt(done)));
}

/** Files and bytes of the binary log; nothing where it is off. */
export async function readBinaryLogs(session: Session): Promise<Record<string, number>> {
  try {
    const rows = await session.query("show binary logs");
    const bytes = rows.reduce((sum, { File_size }) => sum + (measure(File_size) ?? 0), 0);
    return { binlog_files: rows.length, binlog_bytes: bytes };
  } catch (error) {
    // You are not using binary logging.
    if (codeOf(error) !== "1381") throw error;
    return {};
  }
}
