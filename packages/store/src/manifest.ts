/** What the statements of a run gave, and where their rows are kept: the rows that end with the run. */
import type { Part, Statement } from "@quern/contract/results";
import { type RawBuilder, sql } from "kysely";
import type { Database } from "./db.ts";

export type StoredPart = Part &
  ({ store: "postgres"; data: Uint8Array } | { store: "file" | "s3"; location: string });

type Manifest = {
  statements: Statement[];
  parts: StoredPart[];
  /** Whether rows of this run may have been readable before its end. */
  had_early_rows?: boolean;
};

/** What was readable while the run went on is replaced: rows of a statement that did not end are gone. */
export async function insertManifest(
  db: Database,
  runId: string,
  outcome: Manifest,
): Promise<void> {
  if (outcome.had_early_rows) {
    const ended = outcome.statements.map(({ index }) => index);
    await sql`delete from run_statements where run_id = ${runId} and index <> all (${ended}::int[])`.execute(
      db,
    );
  }
  await insertStatements(db, runId, outcome.statements);
  await insertParts(db, runId, outcome.parts);
}

/** Statements as they are now, in place of what was said of them before. */
export async function insertStatements(
  db: Database,
  runId: string,
  statements: Statement[],
): Promise<void> {
  // One parameter, however many statements: PostgreSQL takes 65,535 at most.
  await sql`
    insert into run_statements
    select * from jsonb_populate_recordset(null::run_statements,
      (select jsonb_agg(statement || jsonb_build_object('run_id', ${runId}::text))
        from jsonb_array_elements(${JSON.stringify(statements)}::jsonb) as statement))
    on conflict (run_id, index) do update set
      start = excluded.start, "end" = excluded."end", command = excluded.command, columns = excluded.columns,
      rows = excluded.rows, rows_affected = excluded.rows_affected, bytes = excluded.bytes,
      truncated = excluded.truncated, duration_ms = excluded.duration_ms`.execute(db);
}

/** Parts that are not there yet; those that are stay. */
export async function insertParts(
  db: Database,
  runId: string,
  parts: readonly StoredPart[],
): Promise<void> {
  for (let start = 0; start < parts.length; start += PARTS_AT_ONCE) {
    const some = parts.slice(start, start + PARTS_AT_ONCE);
    await db
      .insertInto("result_parts")
      .values(some.map((part) => ({ ...part, run_id: runId, data: dataOf(part) })))
      .onConflict((conflict) => conflict.doNothing())
      .execute();
  }
}

/** Ten parameters each. */
const PARTS_AT_ONCE = 500;

function dataOf(part: StoredPart): Buffer | null {
  if (part.store !== "postgres") return null;
  return Buffer.from(part.data.buffer, part.data.byteOffset, part.data.byteLength);
}

/** More would make a statement of its own for each number of parts. */
const PARTS_IN_ONE_STATEMENT = 4;

/** Whether `withManifest` can write it. */
export function fitsAtOnce({ parts, had_early_rows = false }: Manifest): boolean {
  return !had_early_rows && parts.length <= PARTS_IN_ONE_STATEMENT;
}

/** A manifest that is written with the run's end in one statement, and not at all when `end` changes no row. */
export function withManifest<T>(
  runId: string,
  end: RawBuilder<T>,
  { statements, parts }: Manifest,
): RawBuilder<T> {
  const rows = parts.map(
    (
      part,
    ) => sql`(${part.statement}::integer, ${part.part}::integer, ${part.first_row}::bigint, ${part.rows}::bigint,
      ${part.size}::bigint, ${part.escapes}::integer[], ${part.store}, ${"location" in part ? part.location : null},
      ${dataOf(part)}::bytea)`,
  );
  const kept =
    rows.length === 0
      ? sql``
      : sql`, kept as (
          insert into result_parts (run_id, statement, part, first_row, rows, size, escapes, store, location, data)
          select ${runId}::uuid, given.* from ended, (values ${sql.join(rows)}) as given)`;
  return sql<T>`
    with ended as (${end}),
    described as (
      insert into run_statements
      select described.*
      from ended, jsonb_array_elements(${JSON.stringify(statements)}::jsonb) as statement,
        jsonb_populate_record(null::run_statements, statement || jsonb_build_object('run_id', ${runId}::text)) as described
    )${kept}
    select * from ended`;
}
