/** The log of deliveries, as people see it, and what they may have sent again. */
import { randomUUID } from "node:crypto";
import { TEST_EVENT, type WebhookPayload } from "@quern/contract/webhook-events";
import type {
  DeliveryStatus,
  WebhookAttempt,
  WebhookDelivery,
  WebhookDeliveryDetails,
} from "@quern/contract/webhooks";
import { sql } from "kysely";
import { Conflict } from "./conflict.ts";
import type { Database } from "./db.ts";
import { isUuid, toPage } from "./page.ts";
import { ATTEMPTS } from "./webhook-events.ts";

/** How long an ended delivery is kept. */
const KEPT_DAYS = 30;
/** More in one go would hold locks for long; the rest takes another. */
const MOST_AT_ONCE = 10_000;

type AttemptRow = Omit<WebhookAttempt, "at"> & { at: Date };
type DeliveryRow = Omit<WebhookDelivery, "due_at" | "created_at" | "ended_at" | "last"> & {
  due_at: Date;
  created_at: Date;
  ended_at: Date | null;
};

const COLUMNS = sql`
  webhook_deliveries.id, webhook_deliveries.event_id, webhook_deliveries.event, webhook_deliveries.status,
  webhook_deliveries.attempts, webhook_deliveries.attempts_left, webhook_deliveries.due_at,
  webhook_deliveries.created_at, webhook_deliveries.ended_at`;

/** Deliveries of a webhook, the newest first. A cursor that is not one of ours starts at the beginning. */
export async function listDeliveries(
  db: Database,
  webhookId: string,
  filter: { status?: DeliveryStatus | undefined; cursor?: string | undefined; limit: number },
): Promise<{ items: WebhookDelivery[]; next_cursor: string | null }> {
  const before = filter.cursor !== undefined && isUuid(filter.cursor) ? filter.cursor : null;
  const { rows } = await sql<DeliveryRow & { last: WebhookAttempt | null }>`
    select ${COLUMNS},
      (select jsonb_build_object('attempt', attempt, 'at', at, 'duration_ms', duration_ms, 'status_code', status_code,
          'error_code', error_code, 'error', error)
        from webhook_attempts where delivery_id = webhook_deliveries.id order by attempt desc limit 1) as last
    from webhook_deliveries
    where webhook_id = ${webhookId}
      and (${filter.status ?? null}::text is null or status = ${filter.status ?? null})
      and (${before}::uuid is null or id < ${before})
    order by id desc limit ${filter.limit + 1}`.execute(db);
  const items = rows.map(({ last, ...row }) => ({
    ...toDelivery(row),
    last: last && { ...last, at: new Date(last.at).toISOString() },
  }));
  return toPage(items, filter.limit, ({ id }) => id);
}

/** A delivery with its body and every attempt; undefined when the webhook has none with that id. */
export async function readDelivery(
  db: Database,
  webhookId: string,
  id: string,
): Promise<WebhookDeliveryDetails | undefined> {
  const { rows } = await sql<DeliveryRow & { payload: string }>`
    select ${COLUMNS}, webhook_deliveries.payload from webhook_deliveries
    where webhook_id = ${webhookId} and id = ${id}`.execute(db);
  if (!rows[0]) return undefined;
  const { rows: attempts } = await sql<AttemptRow>`
    select attempt, at, duration_ms, status_code, error_code, error from webhook_attempts
    where delivery_id = ${id} order by attempt desc limit 200`.execute(db);
  const { payload, ...row } = rows[0];
  const log = attempts.map((attempt) => ({ ...attempt, at: attempt.at.toISOString() }));
  return { ...toDelivery(row), payload, log };
}

function toDelivery(row: DeliveryRow): Omit<WebhookDelivery, "last"> {
  return {
    ...row,
    due_at: row.status === "pending" ? row.due_at.toISOString() : null,
    created_at: row.created_at.toISOString(),
    ended_at: row.ended_at?.toISOString() ?? null,
  };
}

/** Puts a test message into the outbox: one attempt, at once. Returns its id; undefined when there is no such webhook. */
export async function enqueueTest(
  db: Database,
  orgId: string,
  webhookId: string,
): Promise<string | undefined> {
  const { rows } = await sql<{ name: string; now: Date }>`
    update webhooks set held_until = null where org_id = ${orgId} and id = ${webhookId}
    returning name, now()`.execute(db);
  if (!rows[0]) return undefined;
  const eventId = randomUUID();
  const payload: WebhookPayload = {
    version: 1,
    id: eventId,
    event: TEST_EVENT,
    created_at: rows[0].now.toISOString(),
    webhook: { id: webhookId, name: rows[0].name },
  };
  const { rows: enqueued } = await sql<{ id: string }>`
    insert into webhook_deliveries (webhook_id, event_id, event, payload, attempts_left)
    values (${webhookId}, ${eventId}, ${TEST_EVENT}, ${JSON.stringify(payload)}, 1)
    returning id, pg_notify('quern_webhooks', '')`.execute(db);
  return enqueued[0]!.id;
}

/**
 * Makes ended deliveries pending again, with all their attempts: one by its id, or the dead ones, the oldest first. Says how
 * many. Those that wait already stay as they are. Throws `Conflict` when the webhook is switched off.
 */
export async function redeliver(
  db: Database,
  webhookId: string,
  which: { id: string } | "dead",
): Promise<number> {
  const { rows } = await sql<{ disabled: boolean }>`
    update webhooks set held_until = null where id = ${webhookId}
    returning disabled_at is not null as disabled`.execute(db);
  if (rows[0]?.disabled) {
    throw new Conflict("conflict", "The webhook is switched off. Switch it on, then send again.");
  }
  const chosen =
    which === "dead"
      ? sql`status = 'dead' and event <> ${TEST_EVENT}`
      : sql`id = ${which.id} and status <> 'pending'`;
  const again = await sql`
    update webhook_deliveries set
      status = 'pending', ended_at = null, due_at = now(),
      attempts_left = case event when ${TEST_EVENT} then 1 else ${ATTEMPTS} end
    where id in (
      select id from webhook_deliveries where webhook_id = ${webhookId} and ${chosen}
      order by id limit ${MOST_AT_ONCE} for update)`.execute(db);
  await sql`select pg_notify('quern_webhooks', '')`.execute(db);
  return Number(again.numAffectedRows);
}

/** Ends all that waits for a webhook: each is dead, with these words as its last attempt. */
export async function endPending(db: Database, webhookId: string, words: string): Promise<void> {
  await sql`
    with ended as (
      update webhook_deliveries set status = 'dead', ended_at = now(), attempts = attempts + 1
      where webhook_id = ${webhookId} and status = 'pending'
      returning id, attempts
    )
    insert into webhook_attempts (delivery_id, attempt, duration_ms, error_code, error)
    select id, attempts, 0, 'disabled', ${words} from ended`.execute(db);
}

/** Deletes deliveries that ended more than 30 days ago, at most `limit`; says how many. */
export async function forgetDeliveries(db: Database, limit = 1_000): Promise<number> {
  const forgotten = await sql`
    delete from webhook_deliveries where id in (
      select id from webhook_deliveries where ended_at < now() - ${KEPT_DAYS} * interval '1 day'
      order by ended_at limit ${limit} for update skip locked)`.execute(db);
  return Number(forgotten.numAffectedRows);
}
