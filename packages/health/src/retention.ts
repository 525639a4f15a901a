/** Forgets what is older than is kept (docs/health.md has the table). */
import { type Database, inTransaction, sqlstate } from "@quern/store/db";
import { type RawBuilder, sql } from "kysely";
import { oldPartitions } from "./partitions.ts";

const DAY_MS = 24 * 60 * 60 * 1000;
/** An agent may send again for as long as its spool holds a payload. */
const SNAPSHOT_DAYS = 14;
const DOCUMENT_DAYS = 90;
/** As long as the days that are summed of them. */
const NAME_DAYS = 730;
const BATCH = 5_000;
const LOCK_NOT_AVAILABLE = "55P03";

export type RetentionCounts = {
  partitions: number;
  snapshots: number;
  documents: number;
  statements: number;
  relations: number;
  schemas: number;
  events: number;
};

/** Deletes in batches, so that no statement takes long. Safe to do from several processes at once, and to break off. */
export async function forgetOldHealth(
  db: Database,
  now: Date = new Date(),
): Promise<RetentionCounts> {
  const before = (days: number) => new Date(now.getTime() - days * DAY_MS);
  return {
    partitions: await dropQuietly(db, now),
    snapshots: await inBatches(
      db,
      sql`delete from health_snapshots where snapshot_uuid in (
        select snapshot_uuid from health_snapshots where received_at < ${before(SNAPSHOT_DAYS)} limit ${BATCH})`,
    ),
    documents: await forgetDocuments(db, before(DOCUMENT_DAYS)),
    statements: await inBatches(
      db,
      sql`delete from health_statements where id in (
        select id from health_statements where last_seen_at < ${before(NAME_DAYS)} limit ${BATCH})`,
    ),
    relations: await inBatches(
      db,
      sql`delete from health_relations where id in (
        select id from health_relations where last_seen_at < ${before(NAME_DAYS)} limit ${BATCH})`,
    ),
    schemas: await forgetSchemas(db, before(NAME_DAYS), before(1)),
    events: await inBatches(
      db,
      sql`delete from health_events where id in (
        select id from health_events where at < ${before(NAME_DAYS)} limit ${BATCH})`,
    ),
  };
}

/**
 * Dropping one waits for whoever reads its parent, and others wait behind it: after two seconds it is for the next time.
 * Each in a transaction of its own: who reads several parents must not wait for one that waits for them.
 */
async function dropQuietly(db: Database, now: Date): Promise<number> {
  let dropped = 0;
  for (const name of await oldPartitions(db, now)) {
    try {
      await inTransaction(db, async (trx) => {
        await sql`set local lock_timeout = '2s'`.execute(trx);
        await sql`drop table if exists ${sql.table(name)}`.execute(trx);
      });
      dropped += 1;
    } catch (error) {
      if (sqlstate(error) !== LOCK_NOT_AVAILABLE) throw error;
    }
  }
  return dropped;
}

/** Of each month longer ago the last one stays. */
async function forgetDocuments(db: Database, before: Date): Promise<number> {
  return inBatches(
    db,
    sql`delete from health_documents as old using (
        select database_id, section, day from health_documents as each
        where day < (${before}::timestamptz at time zone 'UTC')::date
          and exists (
            select from health_documents as later
            where later.database_id = each.database_id and later.section = each.section and later.day > each.day
              and date_trunc('month', later.day) = date_trunc('month', each.day))
        limit ${BATCH}
      ) as gone
      where (old.database_id, old.section, old.day) = (gone.database_id, gone.section, gone.day)`,
  );
}

/** Versions that ended long ago, and then the schemas that no version names. One that is just stored has none yet. */
async function forgetSchemas(db: Database, ended: Date, stored: Date): Promise<number> {
  await sql`
    delete from health_schema_versions as old where last_seen_at < ${ended}
      and exists (select from health_schema_versions as later where later.database_id = old.database_id
        and later.from_at > old.from_at)`.execute(db);
  const { numAffectedRows } = await sql`
    delete from health_schemas as schemas where created_at < ${stored}
      and not exists (
        select from health_schema_versions as versions join health_databases as databases on databases.id = versions.database_id
        where versions.hash = schemas.hash and databases.org_id = schemas.org_id)`.execute(db);
  return Number(numAffectedRows ?? 0n);
}

async function inBatches(db: Database, statement: RawBuilder<unknown>): Promise<number> {
  let count = 0;
  for (;;) {
    const { numAffectedRows } = await statement.execute(db);
    const deleted = Number(numAffectedRows ?? 0n);
    count += deleted;
    if (deleted < BATCH) return count;
  }
}
