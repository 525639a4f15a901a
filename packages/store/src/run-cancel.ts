import { sql } from "kysely";
import type { Actor } from "./actor.ts";
import { type Database, inTransaction } from "./db.ts";
import { requestCancel } from "./runs.ts";

export type CancelAnswer = "canceled" | "detached" | "ended" | "not_allowed" | "shared";

/**
 * Cancels a run for the actor. One who shares it with others is `detached` and the run goes on; the last one ends it. With
 * `everyone` the person who made it, or an admin, ends it for all. `shared`: an admin who is not one of several callers has
 * to say `everyone`. An ended run stays as it is.
 */
export async function cancelFor(
  db: Database,
  actor: Actor,
  id: string,
  everyone: boolean,
): Promise<CancelAnswer> {
  return inTransaction(db, async (trx) => {
    // Holds off whoever is just joining.
    const { rows: runs } = await sql<{ created_by: string | null; ended: boolean }>`
      select created_by, finished_at is not null as ended from runs where id = ${id} for no key update`.execute(
      trx,
    );
    const { rows: callers } = await sql<{ user_id: string; attached: boolean }>`
      select user_id, detached_at is null as attached from run_callers where run_id = ${id}`.execute(
      trx,
    );
    const maker = runs[0]?.created_by ?? null;
    const me = actor.user_id;
    const mayEndForAll = me === maker || actor.role === "admin";
    const isCaller = me === maker || callers.some(({ user_id }) => user_id === me);
    if (!isCaller && !mayEndForAll) return "not_allowed";
    if (everyone && !mayEndForAll) return "not_allowed";
    if (!runs[0] || runs[0].ended) return "ended";
    const people = callers.filter((caller) => caller.attached).map(({ user_id }) => user_id);
    // A run that Quern made for itself is wanted by more than those who joined it.
    const attached = callers.length === 0 || maker === null ? [maker, ...people] : people;
    if (!everyone && !attached.includes(me)) {
      if (isCaller) return "detached";
      if (attached.length > 1) return "shared";
    } else if (!everyone && attached.length > 1) {
      await sql`
        update run_callers set detached_at = clock_timestamp() where run_id = ${id} and user_id = ${me}`.execute(
        trx,
      );
      await sql`select pg_notify('quern_runs', ${id})`.execute(trx);
      return "detached";
    }
    await requestCancel(trx, actor, id);
    return "canceled";
  });
}
