/** The last raw counters of a section, which the next ones are compared with. */
import { promisify } from "node:util";
import { deflateRaw, inflateRaw } from "node:zlib";
import type { Epochs } from "@quern/contract/agent/server";
import type { Database } from "@quern/store/db";
import { sql } from "kysely";

const deflate = promisify(deflateRaw);
const inflate = promisify(inflateRaw);

export type Memory<T> = {
  /** The time of its point: what the agent's clock said, unless that had gone back. */
  taken_at: Date;
  /** What the agent's clock said. */
  agent_time: Date;
  received_at: Date;
  server_time: Date | null;
  usual_s: number | null;
  epochs: Epochs | null;
  counters: T;
};
type Kept<T> = {
  usual_s: number | null;
  agent_time?: string;
  received_at: string;
  server_time: string | null;
  counters: T;
};

/** What was kept of `section`; undefined when it never came. The caller holds the row of the database locked. */
export async function recall<T>(
  db: Database,
  databaseId: string,
  section: string,
): Promise<Memory<T> | undefined> {
  const { rows } = await sql<{ taken_at: Date; epochs: Epochs | null; counters: Buffer }>`
    select taken_at, epochs, counters from health_counters
    where database_id = ${databaseId} and section = ${section}`.execute(db);
  const row = rows[0];
  if (row === undefined) return undefined;
  const kept: Kept<T> = JSON.parse((await inflate(row.counters)).toString());
  return {
    taken_at: row.taken_at,
    agent_time: kept.agent_time === undefined ? row.taken_at : new Date(kept.agent_time),
    received_at: new Date(kept.received_at),
    server_time: kept.server_time === null ? null : new Date(kept.server_time),
    usual_s: kept.usual_s,
    epochs: row.epochs,
    counters: kept.counters,
  };
}

/** Keeps the counters of `section` for the next time. */
export async function remember<T>(
  db: Database,
  databaseId: string,
  section: string,
  memory: Memory<T>,
): Promise<void> {
  const kept: Kept<T> = {
    usual_s: memory.usual_s,
    agent_time: memory.agent_time.toISOString(),
    received_at: memory.received_at.toISOString(),
    server_time: memory.server_time?.toISOString() ?? null,
    counters: memory.counters,
  };
  const packed = await deflate(Buffer.from(JSON.stringify(kept)), { level: 1 });
  await sql`
    insert into health_counters (database_id, section, taken_at, epochs, counters)
    values (${databaseId}, ${section}, ${memory.taken_at}, ${JSON.stringify(memory.epochs)}::jsonb, ${packed})
    on conflict (database_id, section) do update
    set taken_at = excluded.taken_at, epochs = excluded.epochs, counters = excluded.counters`.execute(
    db,
  );
}
