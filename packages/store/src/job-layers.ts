/** Layers that were made of a job's states after its end. */
import { sql } from "kysely";
import type { Database } from "./db.ts";

export type KeptState = { state_key: Buffer; layer_id: string; bytes: number };

/**
 * Says in the chain of a job which of its states are kept by now, and in its snapshot the layer of its last one. For a job that has
 * ended: nobody else writes these then. A job that was deleted meanwhile is no error.
 */
export async function noteKeptStates(
  db: Database,
  job_id: string,
  states: readonly KeptState[],
): Promise<void> {
  if (states.length === 0) return;
  const json = JSON.stringify(
    states.map((state) => ({ ...state, state_key: state.state_key.toString("hex") })),
  );
  await sql`
    with kept as (
      select kept.* from jsonb_to_recordset(${json}::jsonb) as kept (state_key text, layer_id uuid, bytes bigint)
    ),
    steps as (
      update job_steps set kept = true, layer_id = kept.layer_id, bytes = kept.bytes
      from kept where job_steps.job_id = ${job_id} and encode(job_steps.state_key, 'hex') = kept.state_key
    )
    update jobs set snapshot = jsonb_set(snapshot, '{layer_id}', to_jsonb(kept.layer_id))
    from kept
    where jobs.id = ${job_id} and jobs.snapshot ->> 'state_key' = kept.state_key
    returning pg_notify('quern_job_events', jobs.id::text)`.execute(db);
}
