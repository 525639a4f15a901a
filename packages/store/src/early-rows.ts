/** Rows of a run that can be read before it ends. */
import type { Statement } from "@quern/contract/results";
import { sql } from "kysely";
import { type Database, inTransaction } from "./db.ts";
import { insertParts, insertStatements, type StoredPart } from "./manifest.ts";
import { type Claim, held, LeaseLostError } from "./queue.ts";

/**
 * Makes parts readable while the run goes on: `statements` as far as they are, and their new parts, in one transaction
 * under the lease. The end of the run, or the sweep of its lapsed lease, replaces them. Throws `LeaseLostError`; then
 * nothing was written.
 */
export async function insertEarlyRows(
  db: Database,
  claim: Claim,
  statements: Statement[],
  parts: readonly StoredPart[],
): Promise<void> {
  await inTransaction(db, async (trx) => {
    const { rows } = await sql`
      select id, pg_notify('quern_runs', id::text) from runs where ${held(claim)} for no key update`.execute(
      trx,
    );
    if (rows.length === 0) throw new LeaseLostError(claim);
    await insertStatements(trx, claim.id, statements);
    await insertParts(trx, claim.id, parts);
  });
}
