/** What the server writes in the background: checkpoints, WAL, archive, I/O by kind of process. */
import type { ServerStats } from "@quern/contract/agent/server";
import { count, counter, numbers, type Row } from "../engine/values.ts";
import { columnsOf, type Facts } from "./facts.ts";
import type { Session } from "./session.ts";
import { time } from "./values.ts";

type Writes = Pick<
  ServerStats,
  "bgwriter" | "checkpointer" | "wal" | "wal_position_bytes" | "archiver"
>;

/** Until 16 the checkpointer's counters were in pg_stat_bgwriter, under other names. */
const CHECKPOINTER_BEFORE_17: Record<string, string> = {
  checkpoints_timed: "num_timed",
  checkpoints_req: "num_requested",
  checkpoint_write_time: "write_time",
  checkpoint_sync_time: "sync_time",
  buffers_checkpoint: "buffers_written",
};

export async function readWrites(session: Session, facts: Facts): Promise<Writes> {
  const one = async (view: string): Promise<Row | undefined> =>
    columnsOf(facts, view).size === 0
      ? undefined
      : (await session.query(`select v.* from ${view} as v`))[0];
  const { bgwriter, checkpointer } = parted(await one("pg_stat_bgwriter"));
  const since17 = await one("pg_stat_checkpointer");
  const wal = await one("pg_stat_wal");
  const [archiver] = await session.query(
    `select a.archived_count, a.failed_count, a.last_archived_time, a.last_failed_time,
       pg_wal_lsn_diff(${currentLsn(facts)}, '0/0') as position from pg_stat_archiver as a`,
  );
  return {
    bgwriter,
    checkpointer: since17 === undefined ? checkpointer : numbers(since17),
    ...(wal === undefined ? {} : { wal: numbers(wal) }),
    wal_position_bytes: counter(archiver?.position),
    archiver: {
      archived_count: count(archiver?.archived_count),
      failed_count: count(archiver?.failed_count),
      last_archived_time: time(archiver?.last_archived_time),
      last_failed_time: time(archiver?.last_failed_time),
    },
  };
}

/** Where the WAL ends, as this server knows it: a standby has no current position of its own. */
export function currentLsn({ in_recovery }: Facts): string {
  return in_recovery
    ? "coalesce(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn())"
    : "pg_current_wal_lsn()";
}

function parted(row: Row | undefined): Required<Pick<Writes, "bgwriter" | "checkpointer">> {
  const bgwriter: NonNullable<Writes["bgwriter"]> = {};
  const checkpointer: NonNullable<Writes["checkpointer"]> = {};
  for (const [name, value] of Object.entries(numbers(row ?? {}))) {
    const later = CHECKPOINTER_BEFORE_17[name];
    if (later === undefined) bgwriter[name] = value;
    else checkpointer[later] = value;
  }
  return { bgwriter, checkpointer };
}

/** From 16 on; rows that never counted anything are left out. Bytes, which 16 and 17 do not have, are made from blocks. */
export async function readIo(session: Session, facts: Facts): Promise<Pick<ServerStats, "io">> {
  if (columnsOf(facts, "pg_stat_io").size === 0) return {};
  const rows = await session.query("select v.* from pg_stat_io as v");
  const io = rows.map(({ backend_type, object, context, stats_reset: _, ...row }) => ({
    backend_type: backend_type ?? "",
    object: object ?? "",
    context: context ?? "",
    counters: withBytes(numbers(row)),
  }));
  return {
    io: io
      .filter(({ counters }) => Object.values(counters).some((value) => Number(value) !== 0))
      .slice(0, 500),
  };
}

type Counters = ReturnType<typeof numbers>;

function withBytes({ op_bytes, ...counters }: Counters): Counters {
  if (op_bytes === undefined) return counters;
  for (const [blocks, bytes] of [
    ["reads", "read_bytes"],
    ["writes", "write_bytes"],
    ["extends", "extend_bytes"],
  ] as const) {
    const operations = counters[blocks];
    if (operations === undefined || operations === null) continue;
    counters[bytes] = counter(String(BigInt(operations) * BigInt(op_bytes ?? 0)));
  }
  return counters;
}
