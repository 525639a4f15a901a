create table webhooks (
  id                    uuid primary key default uuid_v7(),
  org_id                uuid not null references orgs on delete cascade,
  name                  text not null check (btrim(name) <> ''),
  url                   text not null,
  events                text[] not null check (cardinality(events) > 0),
  secret                text not null,
  secret_version        integer not null default 1,
  previous_secret       text,
  previous_secret_until timestamptz,
  disabled_at           timestamptz,
  disabled_reason       text check (disabled_reason in ('person', 'gone', 'failing')),
  failures              integer not null default 0,
  failing_since         timestamptz,
  held_until            timestamptz,
  last_delivered_at     timestamptz,
  lease_token           uuid,
  lease_until           timestamptz,
  claimed_at            timestamptz not null default now(),
  created_by            uuid references users on delete set null,
  created_at            timestamptz not null default now(),
  updated_at            timestamptz not null default now(),
  check ((disabled_at is null) = (disabled_reason is null)),
  check ((previous_secret is null) = (previous_secret_until is null)),
  check ((lease_token is null) = (lease_until is null))
);
create unique index webhooks_name_key on webhooks (org_id, lower(name));
comment on table webhooks is 'Addresses outside that are told of events. Whoever sends leases the webhook, so that it gets one message at a time.';
comment on column webhooks.events is 'Keys of the registry in the code (contract: WebhookEvent), so that a new one needs no migration.';
comment on column webhooks.secret is 'JWE under the API''s own keys, bound to organisation, webhook and version.';
comment on column webhooks.previous_secret is 'Version secret_version - 1: signs, too, until previous_secret_until.';
comment on column webhooks.failures is 'Attempts that failed since one succeeded.';
comment on column webhooks.held_until is 'After several failures nothing is sent for a while, however much is due.';
comment on column webhooks.claimed_at is 'Those that waited longest come first.';

create table webhook_deliveries (
  id            uuid primary key default uuid_v7(),
  webhook_id    uuid not null references webhooks on delete cascade,
  event_id      uuid not null,
  event         text not null,
  payload       text not null,
  status        text not null default 'pending' check (status in ('pending', 'delivered', 'dead')),
  attempts      integer not null default 0,
  attempts_left integer not null check (attempts_left >= 0),
  due_at        timestamptz not null default now(),
  created_at    timestamptz not null default now(),
  ended_at      timestamptz,
  constraint webhook_deliveries_event_key unique (webhook_id, event_id),
  check ((status = 'pending') = (ended_at is null))
);
create index webhook_deliveries_due on webhook_deliveries (webhook_id, due_at, id) where status = 'pending';
create index webhook_deliveries_list on webhook_deliveries (webhook_id, id desc);
create index webhook_deliveries_dead on webhook_deliveries (webhook_id, id) where status = 'dead';
create index webhook_deliveries_ended_at on webhook_deliveries (ended_at) where ended_at is not null;
comment on table webhook_deliveries is 'The outbox: written in the transaction of what they tell of, sent by the API processes, kept for 30 days.';
comment on column webhook_deliveries.payload is 'The body, byte for byte as it is signed and sent.';
comment on column webhook_deliveries.attempts_left is 'Spent when claimed, so that a message that kills its sender ends as well.';

create table webhook_attempts (
  delivery_id uuid not null references webhook_deliveries on delete cascade,
  attempt     integer not null,
  at          timestamptz not null default now(),
  duration_ms integer,
  status_code integer,
  error_code  text,
  error       text,
  primary key (delivery_id, attempt)
);
comment on table webhook_attempts is 'Each time a message was sent. Without a duration: it is being sent, or its sender ended before it noted how it went.';
