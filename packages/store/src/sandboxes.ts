/** Sandbox processes by their signs of life: what there is to run projects on. */
import type { SandboxCapacity, SandboxEngine, SandboxProcess } from "@quern/contract/sandbox";
import { sql } from "kysely";
import type { Database } from "./db.ts";

const ALIVE_SECONDS = 15;

export type SandboxSign = {
  id: string;
  store_id: string;
  hostname: string;
  engines: readonly SandboxEngine[];
  capacity: SandboxCapacity;
  /** As the runner's: memory, load; for people who look at the system. */
  vitals: unknown;
  proxy: SandboxProcess["proxy"];
};

/** Notes that a sandbox lives; call it every few seconds. */
export async function noteSandbox(db: Database, sandbox: SandboxSign): Promise<void> {
  await sql`
    insert into sandboxes (id, store_id, hostname, engines, capacity, vitals, proxy)
    values (${sandbox.id}, ${sandbox.store_id}, ${sandbox.hostname}, ${JSON.stringify(sandbox.engines)}::jsonb,
      ${JSON.stringify(sandbox.capacity)}::jsonb, ${JSON.stringify(sandbox.vitals)}::jsonb,
      ${sandbox.proxy === null ? null : JSON.stringify(sandbox.proxy)}::jsonb)
    on conflict (id) do update set seen_at = now(), engines = excluded.engines, capacity = excluded.capacity,
      vitals = excluded.vitals, proxy = excluded.proxy`.execute(db);
  await sql`delete from sandboxes where seen_at < now() - interval '1 day'`.execute(db);
}

export async function forgetSandbox(db: Database, id: string): Promise<void> {
  await sql`delete from sandboxes where id = ${id}`.execute(db);
}

type Row = Omit<SandboxProcess, "started_at" | "seen_at"> & { started_at: Date; seen_at: Date };

/** Processes seen within a day, those that live first. */
export async function listSandboxes(db: Database): Promise<SandboxProcess[]> {
  const { rows } = await sql<Row>`
    select id, store_id, hostname, started_at, seen_at, engines, capacity, proxy,
      seen_at > now() - ${ALIVE_SECONDS} * interval '1 second' as alive
    from sandboxes
    order by alive desc, started_at, id
    limit 100`.execute(db);
  return rows.map((row) => ({
    ...row,
    started_at: row.started_at.toISOString(),
    seen_at: row.seen_at.toISOString(),
  }));
}

/** Processes that live. */
export async function countSandboxes(db: Database): Promise<number> {
  const { rows } = await sql<{ alive: number }>`
    select count(*) as alive from sandboxes
    where seen_at > now() - ${ALIVE_SECONDS} * interval '1 second'`.execute(db);
  return rows[0]!.alive;
}

/** Jobs that wait to be claimed, and those that sandboxes hold; of one organisation, or of all. */
export async function countJobs(
  db: Database,
  org: string | null = null,
): Promise<{ waiting: number; active: number }> {
  const { rows } = await sql<{ waiting: number; active: number }>`
    select count(*) filter (where status = 'pending' and assembled) as waiting,
      count(*) filter (where status <> 'pending') as active
    from jobs
    where finished_at is null and (${org}::uuid is null or org_id = ${org})`.execute(db);
  return rows[0]!;
}
