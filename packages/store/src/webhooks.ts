/** Webhooks: where events are told to. Their secrets are sealed by whoever calls; nothing here sees one in clear. */
import { TEST_EVENT } from "@quern/contract/webhook-events";
import type { Webhook } from "@quern/contract/webhooks";
import { sql } from "kysely";
import { Conflict } from "./conflict.ts";
import { type Database, violates } from "./db.ts";
import { personRef } from "./queries.ts";
import { endPending } from "./webhook-deliveries.ts";

/** More are no webhooks but a list of subscribers. */
const MOST = 100;

const INSTANTS = [
  "disabled_at",
  "failing_since",
  "held_until",
  "last_delivered_at",
  "previous_secret_until",
  "created_at",
  "updated_at",
] as const;
type WebhookRow = {
  [K in keyof Webhook]: K extends (typeof INSTANTS)[number] ? Date | null : Webhook[K];
};

/** The webhooks of an organisation by name; with `id` only that one. */
export async function listWebhooks(db: Database, orgId: string, id?: string): Promise<Webhook[]> {
  const { rows } = await sql<WebhookRow>`
    select webhooks.id, webhooks.name, webhooks.url, webhooks.events, webhooks.disabled_at, webhooks.disabled_reason,
      webhooks.failures, webhooks.failing_since, webhooks.last_delivered_at,
      case when webhooks.held_until > now() then webhooks.held_until end as held_until,
      case when webhooks.previous_secret_until > now() then webhooks.previous_secret_until end as previous_secret_until,
      (select count(*) from webhook_deliveries where webhook_id = webhooks.id and status = 'pending') as pending,
      (select count(*) from webhook_deliveries where webhook_id = webhooks.id and status = 'dead' and event <> ${TEST_EVENT}) as dead,
      ${personRef("users")} as created_by, webhooks.created_at, webhooks.updated_at
    from webhooks
    left join users on users.id = webhooks.created_by
    where webhooks.org_id = ${orgId} and (${id ?? null}::uuid is null or webhooks.id = ${id ?? null})
    order by lower(webhooks.name), webhooks.id`.execute(db);
  return rows.map(toWebhook);
}

function toWebhook(row: WebhookRow): Webhook {
  const instants = Object.fromEntries(
    INSTANTS.map((key) => [key, row[key]?.toISOString() ?? null]),
  );
  return { ...row, ...(instants as Pick<Webhook, (typeof INSTANTS)[number]>) };
}

/** Makes a webhook. Throws `Conflict`: `name_taken`, or when there are too many. */
export async function createWebhook(
  db: Database,
  actor: { org_id: string; user_id: string },
  webhook: { id: string; name: string; url: string; events: readonly string[]; secret: string },
): Promise<void> {
  const { rows } = await sql<{ count: number }>`
    select count(*) from webhooks where org_id = ${actor.org_id}`.execute(db);
  if (rows[0]!.count >= MOST) {
    throw new Conflict(
      "conflict",
      `There are ${MOST} webhooks already. Delete one that is not used.`,
    );
  }
  await sql`
    insert into webhooks (id, org_id, name, url, events, secret, created_by)
    values (${webhook.id}, ${actor.org_id}, ${webhook.name}, ${webhook.url}, ${webhook.events}::text[],
      ${webhook.secret}, ${actor.user_id})`
    .execute(db)
    .catch((error) => rethrowNameTaken(error, webhook.name));
}

type WebhookChange = {
  name?: string | undefined;
  url?: string | undefined;
  events?: readonly string[] | undefined;
  enabled?: boolean | undefined;
};

/**
 * Changes a webhook; false when there is none. Switched off, it is told nothing, and what waited is dead. Switched on, or with
 * another address, its failures are forgotten. Throws `Conflict` (`name_taken`).
 */
export async function changeWebhook(
  db: Database,
  orgId: string,
  id: string,
  { name = null, url = null, events = null, enabled = null }: Nullable<WebhookChange>,
): Promise<boolean> {
  const { rows } = await sql<{ disabled: boolean }>`
    update webhooks set
      name = coalesce(${name}, name),
      url = coalesce(${url}, url),
      events = coalesce(${events}::text[], events),
      disabled_at = case ${enabled}::boolean when false then coalesce(disabled_at, now()) when true then null else disabled_at end,
      disabled_reason = case ${enabled}::boolean
        when false then coalesce(disabled_reason, 'person') when true then null else disabled_reason end,
      failures = case when ${enabled}::boolean or ${url} <> url then 0 else failures end,
      failing_since = case when ${enabled}::boolean or ${url} <> url then null else failing_since end,
      held_until = case when ${enabled}::boolean or ${url} <> url then null else held_until end,
      updated_at = now()
    where org_id = ${orgId} and id = ${id}
    returning disabled_at is not null as disabled, pg_notify('quern_webhooks', '')`
    .execute(db)
    .catch((error) => rethrowNameTaken(error, name ?? ""));
  if (enabled === false && rows[0]) await endPending(db, id, "The webhook was switched off.");
  return rows.length === 1;
}

type Nullable<T> = { [K in keyof T]: T[K] | null };

/** Deletes a webhook and all that was to be told to it. False when there is none. */
export async function deleteWebhook(db: Database, orgId: string, id: string): Promise<boolean> {
  const deleted = await sql`delete from webhooks where org_id = ${orgId} and id = ${id}`.execute(
    db,
  );
  return deleted.numAffectedRows === 1n;
}

/** The version of the secret, locked until the transaction ends; undefined when there is no such webhook. */
export async function lockSecretVersion(
  db: Database,
  orgId: string,
  id: string,
): Promise<number | undefined> {
  const { rows } = await sql<{ secret_version: number }>`
    select secret_version from webhooks where org_id = ${orgId} and id = ${id} for no key update`.execute(
    db,
  );
  return rows[0]?.secret_version;
}

/** Gives a webhook its next secret. The one before signs, too, for `overlapHours`; those before it do not. */
export async function rotateSecret(
  db: Database,
  id: string,
  next: { secret: string; version: number },
  overlapHours: number,
): Promise<void> {
  await sql`
    update webhooks set
      previous_secret = case when ${overlapHours} > 0 then secret end,
      previous_secret_until = case when ${overlapHours} > 0 then now() + ${overlapHours} * interval '1 hour' end,
      secret = ${next.secret}, secret_version = ${next.version}, updated_at = now()
    where id = ${id}`.execute(db);
}

function rethrowNameTaken(error: unknown, name: string): never {
  if (!violates(error, "webhooks_name_key")) throw error;
  throw new Conflict(
    "name_taken",
    `There is a webhook called ${name} already. Choose another name.`,
  );
}
