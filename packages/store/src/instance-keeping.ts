/** What a sandbox process says of the instances that it keeps for people. Times are the database's clock. */
import type { InstanceEnd } from "@quern/contract/instances";
import { sql } from "kysely";
import { Conflict } from "./conflict.ts";
import { type Database, inTransaction, violates } from "./db.ts";
import { readSettings } from "./settings.ts";

export type NewInstance = {
  org_id: string;
  owner_id: string;
  /** Null: one is made up. */
  name: string | null;
  project_id: string | null;
  job_id: string | null;
  state_key: Buffer;
  engine: string;
  environment: { extensions: string[]; settings: Record<string, string>; superuser: boolean };
  sandbox: string;
  lease_ms: number;
  /** Null: the organisation's default. */
  ttl_s: number | null;
  proxy: { host: string; port: number; tls: boolean } | null;
};

/**
 * Writes it down before it is started, so that limits hold however many start at once. Throws Conflict `conflict`
 * (too many), `limit_above_maximum` or `name_taken`.
 */
export async function insertInstance(
  db: Database,
  made: NewInstance,
): Promise<{ id: string; name: string; expires_at: Date }> {
  return inTransaction(db, async (trx) => {
    await sql`select pg_advisory_xact_lock(hashtext('quern.instances'), hashtext(${made.org_id}))`.execute(
      trx,
    );
    const { instances: bounds } = await readSettings(trx, made.org_id);
    const ttl_s = made.ttl_s ?? bounds.ttl_s.default;
    if (ttl_s > bounds.ttl_s.maximum) {
      throw new Conflict(
        "limit_above_maximum",
        `An instance may live ${bounds.ttl_s.maximum} seconds at most. Ask for less, and extend it later.`,
      );
    }
    await refuseTooMany(trx, made, bounds);
    const name = made.name === null ? null : loginName(made.name);
    const { rows } = await sql<{ id: string; name: string; expires_at: Date }>`
      insert into instances (org_id, owner_id, name, project_id, job_id, state_key, engine, environment, sandbox,
        lease_until, ttl_s, expires_at, proxy)
      values (${made.org_id}, ${made.owner_id},
        coalesce(${name}, 'i-' || substr(replace(gen_random_uuid()::text, '-', ''), 1, 10)),
        ${made.project_id}, ${made.job_id}, ${made.state_key}, ${made.engine}, ${JSON.stringify(made.environment)}::jsonb,
        ${made.sandbox}, now() + ${made.lease_ms} * interval '1 millisecond', ${ttl_s},
        now() + ${ttl_s} * interval '1 second', ${made.proxy === null ? null : JSON.stringify(made.proxy)}::jsonb)
      returning id, name, expires_at`
      .execute(trx)
      .catch((error: unknown) => {
        if (!violates(error, "instances_name")) throw error;
        throw new Conflict(
          "name_taken",
          `There is an instance ${name} already. Choose another name.`,
        );
      });
    return rows[0]!;
  });
}

/** What a person called it, as something to sign in as; null when nothing of it is left. */
export function loginName(name: string): string | null {
  const plain = name
    .normalize("NFKD")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^[^a-z]+/, "")
    .slice(0, 48)
    .replace(/-+$/, "");
  return plain.length >= 2 ? plain : null;
}

async function refuseTooMany(
  db: Database,
  made: NewInstance,
  bounds: { max_per_person: number; max_total: number },
): Promise<void> {
  const { rows } = await sql<{ own: number; total: number }>`
    select count(*) filter (where owner_id = ${made.owner_id})::integer as own, count(*)::integer as total
    from instances
    where org_id = ${made.org_id} and ended_at is null and lease_until >= now()`.execute(db);
  const { own, total } = rows[0]!;
  if (own >= bounds.max_per_person) {
    throw new Conflict(
      "conflict",
      `You have ${own} instances, which is as many as one person may have. Stop one first.`,
    );
  }
  if (total >= bounds.max_total) {
    throw new Conflict(
      "conflict",
      `There are ${total} instances, which is as many as there may be. Wait until one ends, or ask an admin.`,
    );
  }
}

/** It takes connections, now or again after a reset. False: it was ended meanwhile. */
export async function noteRunning(db: Database, id: string, afterReset: boolean): Promise<boolean> {
  const done = await sql`
    update instances set status = 'running', started_at = coalesce(started_at, now()),
      resets = resets + ${afterReset ? 1 : 0},
      reset_requested_at = case when ${afterReset} then null else reset_requested_at end
    where id = ${id} and ended_at is null`.execute(db);
  return done.numAffectedRows === 1n;
}

export async function noteEnded(
  db: Database,
  id: string,
  reason: InstanceEnd,
  detail: string,
): Promise<void> {
  await sql`
    update instances set status = 'ended', ended_at = now(), end_reason = ${reason}, end_detail = ${detail},
      connections = 0
    where id = ${id} and ended_at is null`.execute(db);
}

export type InstanceOrder = { id: string; reset: boolean; stop: boolean; expired: boolean };

/**
 * Says that this process still has its instances, and gives what is asked of them. Those that are not among the
 * answers were ended by somebody else: their server must go.
 */
export async function renewInstances(
  db: Database,
  sandbox: string,
  held: readonly { id: string; connections: number }[],
  lease_ms: number,
): Promise<InstanceOrder[]> {
  const { rows } = await sql<InstanceOrder>`
    update instances set
      lease_until = now() + ${lease_ms} * interval '1 millisecond',
      last_used_at = case when held.connections > 0 or instances.connections > 0 then now() else last_used_at end,
      connections = held.connections
    from jsonb_to_recordset(${JSON.stringify(held)}::jsonb) as held (id uuid, connections integer)
    where instances.id = held.id and sandbox = ${sandbox} and ended_at is null
    returning instances.id, reset_requested_at is not null as reset, stop_requested_at is not null as stop,
      expires_at <= now() as expired`.execute(db);
  return rows;
}

/** Ends instances whose process gave no sign of life; deletes what ended a month ago. Gives how many were ended. */
export async function sweepInstances(db: Database): Promise<number> {
  const lost = await sql`
    update instances set status = 'ended', ended_at = lease_until, end_reason = 'sandbox_lost', connections = 0,
      end_detail = 'The sandbox process that had it is gone.'
    where ended_at is null and lease_until < now()`.execute(db);
  await sql`delete from instances where ended_at < now() - interval '30 days'`.execute(db);
  return Number(lost.numAffectedRows ?? 0);
}

/** Whom the proxy is asked for: undefined when there is no such login of an instance of this process. */
export async function findLogin(
  db: Database,
  sandbox: string,
  user_name: string,
): Promise<{ instance_id: string; verifier: string } | undefined> {
  const { rows } = await sql<{ instance_id: string; verifier: string }>`
    select instance_logins.instance_id, instance_logins.verifier
    from instance_logins join instances on instances.id = instance_logins.instance_id
    where instance_logins.user_name = ${user_name} and instances.sandbox = ${sandbox}
      and instances.ended_at is null`.execute(db);
  return rows[0];
}
