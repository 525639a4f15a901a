/** Where the Parquet parts of a result are, and those that are kept in PostgreSQL. */
import type { Part } from "@quern/contract/results";
import { sql } from "kysely";
import type { Database } from "./db.ts";

export type StoredPart = Part & { store: "postgres" | "file" | "s3"; location: string | null };

/** The parts of one statement's result in row order, without their bytes. */
export async function listParts(
  db: Database,
  runId: string,
  statement: number,
): Promise<StoredPart[]> {
  const { rows } = await sql<StoredPart>`
    select statement, part, first_row, rows, size, escapes, store, location
    from result_parts where run_id = ${runId} and statement = ${statement}
    order by part`.execute(db);
  return rows;
}

/** The bytes of a part that is kept in PostgreSQL. */
export async function readPartData(
  db: Database,
  runId: string,
  statement: number,
  part: number,
): Promise<Buffer | undefined> {
  const { rows } = await sql<{ data: Buffer }>`
    select data from result_parts
    where run_id = ${runId} and statement = ${statement} and part = ${part} and data is not null`.execute(
    db,
  );
  return rows[0]?.data;
}
