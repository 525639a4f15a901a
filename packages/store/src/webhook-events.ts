/** The way into the outbox: what happened is told to the webhooks in the transaction in which it happens. */
import { randomUUID } from "node:crypto";
import type { JobNews, WebhookEvent, WebhookPayload } from "@quern/contract/webhook-events";
import { sql } from "kysely";
import type { Database } from "./db.ts";

/** Attempts that a message has, over about a day; see `RETRY_S`. */
export const ATTEMPTS = 10;

export type NewEvent = {
  org_id: string;
  event: WebhookEvent;
  created_at: Date;
  job: JobNews;
};

/**
 * Puts one message into the outbox for each webhook that listens to `event`, and says how many. Call it in the
 * transaction that makes the event true: both are committed, or neither. Cheap when nobody listens.
 */
export async function enqueueDeliveries(db: Database, event: NewEvent): Promise<number> {
  const id = randomUUID();
  const payload: WebhookPayload = {
    version: 1,
    id,
    event: event.event,
    created_at: event.created_at.toISOString(),
    job: event.job,
  };
  // Locked: one that is deleted at this moment would fail the foreign key, and with it whatever the event is about.
  const { rows } = await sql`
    with listening as (
      select id from webhooks
      where org_id = ${event.org_id} and disabled_at is null and ${event.event} = any (events)
      for key share
    ),
    enqueued as (
      insert into webhook_deliveries (webhook_id, event_id, event, payload, attempts_left)
      select listening.id, ${id}, ${event.event}, ${JSON.stringify(payload)}, ${ATTEMPTS} from listening
      returning id
    )
    select pg_notify('quern_webhooks', '') from enqueued`.execute(db);
  return rows.length;
}
