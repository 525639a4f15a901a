/**
 * The way out of the outbox. A claim leases the webhook, so that it gets one message at a time from all processes together,
 * and spends an attempt. Whoever dies while it sends costs a lease: then the message is sent again, under the same id.
 */
import { TEST_EVENT } from "@quern/contract/webhook-events";
import type { WebhookErrorCode } from "@quern/contract/webhooks";
import { sql } from "kysely";
import { type Database, inTransaction } from "./db.ts";
import { endPending } from "./webhook-deliveries.ts";

/** Seconds. Well above what an attempt may take. */
const LEASE_S = 60;
/** Seconds after the first, second … attempt that failed; a message has one attempt more than these: 22 hours in all. */
export const RETRY_S = [5, 30, 120, 600, 1_800, 3_600, 14_400, 28_800, 28_800];
/** Of each wait, up to this share more, so that what failed together does not come back together. */
const JITTER = 0.2;
/** A receiver may ask for a later time, up to this. */
const RETRY_AFTER_MAX_S = 28_800;
/** From so many failures in a row on, a webhook is left alone for a while: 5 s, twice as long each time, up to 5 minutes. */
const HOLD_FROM = 3;
const HOLD_MAX_S = 300;
/** A webhook that failed for so long, and so often, is switched off. */
const GIVE_UP_DAYS = 3;
const GIVE_UP_FAILURES = 12;

export type ClaimedDelivery = {
  id: string;
  webhook_id: string;
  org_id: string;
  /** Names this one claim. */
  lease_token: string;
  attempt: number;
  attempts_left: number;
  event: string;
  event_id: string;
  payload: string;
  url: string;
  secret: string;
  secret_version: number;
  /** Of version `secret_version - 1`, while it signs, too. */
  previous_secret: string | null;
  /** How long after it was due. */
  lag_s: number;
};

/** The next message to send, of the webhook that waited longest; undefined when nothing is due. */
export async function claimDelivery(db: Database): Promise<ClaimedDelivery | undefined> {
  return inTransaction(db, async (trx) => {
    const { rows: webhooks } = await sql<{ id: string }>`
      select id from webhooks
      where (lease_until is null or lease_until < now()) and (held_until is null or held_until <= now())
        and exists (
          select from webhook_deliveries
          where webhook_id = webhooks.id and status = 'pending' and due_at <= now()
            and (webhooks.disabled_at is null or event = ${TEST_EVENT}))
      order by claimed_at limit 1
      for no key update skip locked`.execute(trx);
    if (!webhooks[0]) return undefined;
    await endExhausted(trx, webhooks[0].id);
    // Only now that the webhook is locked: what was due above may have been sent meanwhile.
    const { rows } = await sql<ClaimedDelivery>`
      with due as (
        select webhook_deliveries.id, extract(epoch from now() - due_at)::float8 as lag_s from webhook_deliveries
        join webhooks on webhooks.id = webhook_id
        where webhook_id = ${webhooks[0].id} and status = 'pending' and due_at <= now()
          and (disabled_at is null or event = ${TEST_EVENT})
        order by due_at, webhook_deliveries.id limit 1
      ),
      leased as (
        update webhooks set lease_token = gen_random_uuid(), lease_until = now() + ${LEASE_S} * interval '1 second', claimed_at = now()
        from due where webhooks.id = ${webhooks[0].id}
        returning webhooks.*
      ),
      spent as (
        update webhook_deliveries set attempts = attempts + 1, attempts_left = attempts_left - 1,
          due_at = now() + ${LEASE_S} * interval '1 second'
        from due where webhook_deliveries.id = due.id
        returning webhook_deliveries.*, due.lag_s
      ),
      logged as (
        insert into webhook_attempts (delivery_id, attempt) select id, attempts from spent
      )
      select spent.id, spent.webhook_id, leased.org_id, leased.lease_token, spent.attempts as attempt, spent.attempts_left,
        spent.event, spent.event_id, spent.payload, leased.url, leased.secret, leased.secret_version,
        case when leased.previous_secret_until > now() then leased.previous_secret end as previous_secret, spent.lag_s
      from spent cross join leased`.execute(trx);
    return rows[0];
  });
}

/** Ends what was claimed for the last time by somebody who never said how it went. */
async function endExhausted(db: Database, webhookId: string): Promise<void> {
  await sql`
    update webhook_deliveries set status = 'dead', ended_at = now()
    where webhook_id = ${webhookId} and status = 'pending' and due_at <= now() and attempts_left = 0`.execute(
    db,
  );
}

export type AttemptOutcome = {
  duration_ms: number;
  status_code: number | null;
  error: { code: WebhookErrorCode; message: string } | null;
  /** Seconds that the receiver asked to wait. */
  retry_after_s: number | null;
};

/** What became of the message: `lost` when somebody else holds the webhook by now, or it is gone. */
export type Noted = "delivered" | "retry" | "dead" | "lost";

/** Notes how an attempt went, gives the webhook free, and decides what is next: a retry, the dead letter, the end of the webhook. */
export async function noteAttempt(
  db: Database,
  claim: ClaimedDelivery,
  outcome: AttemptOutcome,
): Promise<Noted> {
  return inTransaction(db, async (trx) => {
    if (!(await giveFree(trx, claim))) return "lost";
    await sql`
      update webhook_attempts set duration_ms = ${Math.round(outcome.duration_ms)}, status_code = ${outcome.status_code},
        error_code = ${outcome.error?.code ?? null}, error = ${outcome.error?.message ?? null}
      where delivery_id = ${claim.id} and attempt = ${claim.attempt}`.execute(trx);
    if (outcome.error === null) return delivered(trx, claim);
    const gone = outcome.status_code === 410;
    const wait = waitSeconds(claim, outcome.retry_after_s);
    const next = gone || claim.attempts_left === 0 ? "dead" : "retry";
    await sql`
      update webhook_deliveries set
        status = case when ${next === "dead"} then 'dead' else status end,
        ended_at = case when ${next === "dead"} then now() end,
        due_at = now() + ${wait} * interval '1 second'
      where id = ${claim.id} and status = 'pending'`.execute(trx);
    // A person who tries out an address is not its failure.
    if (claim.event !== TEST_EVENT) await countFailure(trx, claim.webhook_id, gone);
    return next;
  });
}

async function giveFree(
  db: Database,
  { webhook_id, lease_token }: ClaimedDelivery,
): Promise<boolean> {
  const freed = await sql`
    update webhooks set lease_token = null, lease_until = null
    where id = ${webhook_id} and lease_token = ${lease_token}`.execute(db);
  return freed.numAffectedRows === 1n;
}

async function delivered(db: Database, { id, webhook_id }: ClaimedDelivery): Promise<Noted> {
  await sql`
    update webhook_deliveries set status = 'delivered', ended_at = now() where id = ${id} and status = 'pending'`.execute(
    db,
  );
  await sql`
    update webhooks set failures = 0, failing_since = null, held_until = null, last_delivered_at = now()
    where id = ${webhook_id}`.execute(db);
  return "delivered";
}

function waitSeconds({ attempts_left }: ClaimedDelivery, retryAfter: number | null): number {
  const wait = RETRY_S[Math.max(0, RETRY_S.length - attempts_left)] ?? 0;
  const asked = Math.min(retryAfter ?? 0, RETRY_AFTER_MAX_S);
  return Math.max(wait, asked) * (1 + Math.random() * JITTER);
}

async function countFailure(db: Database, webhookId: string, gone: boolean): Promise<void> {
  const { rows } = await sql<{ reason: string | null }>`
    with counted as (
      select id, failures + 1 as failures, coalesce(failing_since, now()) as failing_since from webhooks where id = ${webhookId}
    ),
    judged as (
      select *, case when ${gone} then 'gone'
        when failures >= ${GIVE_UP_FAILURES} and failing_since < now() - ${GIVE_UP_DAYS} * interval '1 day' then 'failing' end as reason
      from counted
    )
    update webhooks set
      failures = judged.failures, failing_since = judged.failing_since,
      held_until = case when judged.failures >= ${HOLD_FROM}
        then now() + least(5 * 2 ^ least(judged.failures - ${HOLD_FROM}, 20), ${HOLD_MAX_S}) * interval '1 second' end,
      disabled_at = case when judged.reason is not null then coalesce(webhooks.disabled_at, now()) else webhooks.disabled_at end,
      disabled_reason = coalesce(webhooks.disabled_reason, judged.reason)
    from judged where webhooks.id = judged.id and webhooks.disabled_at is null
    returning judged.reason`.execute(db);
  const reason = rows[0]?.reason;
  if (reason) await endPending(db, webhookId, GIVEN_UP[reason as keyof typeof GIVEN_UP]);
}

const GIVEN_UP = {
  gone: "The receiver answered 410 (gone), so the webhook was switched off.",
  failing: `Every attempt of the last ${GIVE_UP_DAYS} days failed, so the webhook was switched off.`,
};

/** Gives back a message that was not sent after all, with its attempt. */
export async function releaseDelivery(db: Database, claim: ClaimedDelivery): Promise<void> {
  await inTransaction(db, async (trx) => {
    if (!(await giveFree(trx, claim))) return;
    await sql`
      update webhook_deliveries set attempts = attempts - 1, attempts_left = attempts_left + 1, due_at = now()
      where id = ${claim.id} and status = 'pending' and attempts = ${claim.attempt}`.execute(trx);
    await sql`
      delete from webhook_attempts where delivery_id = ${claim.id} and attempt = ${claim.attempt}`.execute(
      trx,
    );
    await sql`select pg_notify('quern_webhooks', '')`.execute(trx);
  });
}

/** How the outbox is doing, over all organisations. `lag_s`: how long the longest has been due, of those that may be sent now. */
export async function readOutbox(
  db: Database,
): Promise<{ pending: number; lag_s: number; dead: number; failing: number; disabled: number }> {
  const { rows } = await sql<{
    pending: number;
    lag_s: number;
    dead: number;
    failing: number;
    disabled: number;
  }>`
    select
      (select count(*) from webhook_deliveries where status = 'pending') as pending,
      (select coalesce(max(extract(epoch from now() - due_at)), 0)::float8
        from webhook_deliveries join webhooks on webhooks.id = webhook_id
        where status = 'pending' and due_at <= now() and (held_until is null or held_until <= now())) as lag_s,
      (select count(*) from webhook_deliveries where status = 'dead' and event <> ${TEST_EVENT}) as dead,
      (select count(*) from webhooks where failing_since is not null and disabled_at is null) as failing,
      (select count(*) from webhooks where disabled_reason in ('gone', 'failing')) as disabled`.execute(
    db,
  );
  return rows[0]!;
}
