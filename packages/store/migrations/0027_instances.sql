create table instances (
  id                  uuid primary key default uuid_v7(),
  org_id              uuid not null references orgs on delete cascade,
  owner_id            uuid references users on delete set null,
  name                text not null check (name ~ '^[a-z][a-z0-9-]{1,47}$'),
  project_id          uuid references projects on delete set null,
  job_id              uuid references jobs on delete set null,
  state_key           bytea not null check (octet_length(state_key) = 32),
  engine              text not null,
  environment         jsonb not null,
  sandbox             text not null,
  lease_until         timestamptz not null,
  status              text not null default 'starting' check (status in ('starting', 'running', 'resetting', 'ended')),
  ttl_s               integer not null check (ttl_s > 0),
  expires_at          timestamptz not null,
  proxy               jsonb,
  connections         integer not null default 0,
  last_used_at        timestamptz,
  resets              integer not null default 0,
  reset_requested_at  timestamptz,
  stop_requested_at   timestamptz,
  started_at          timestamptz,
  ended_at            timestamptz,
  end_reason          text check (end_reason in (
                        'stopped', 'expired', 'disk_limit', 'memory_limit', 'crashed', 'not_started', 'sandbox_lost')),
  end_detail          text,
  created_at          timestamptz not null default now(),
  check ((status = 'ended') = (ended_at is not null)),
  check ((ended_at is null) = (end_reason is null))
);
create unique index instances_name on instances (name) where ended_at is null;
create index instances_list on instances (org_id, created_at desc, id desc);
create index instances_owner on instances (owner_id) where ended_at is null;
create index instances_owner_id on instances (owner_id);
create index instances_leases on instances (lease_until) where ended_at is null;
create index instances_sandbox on instances (sandbox) where ended_at is null;
create index instances_project_id on instances (project_id) where project_id is not null;
create index instances_job_id on instances (job_id) where job_id is not null;
create index instances_ended_at on instances (ended_at) where ended_at is not null;
comment on table instances is 'Sandboxes that people keep: a state with a server, for a while. The server lives in one sandbox process and ends with it.';
comment on column instances.name is 'What one signs in as at the proxy. It is free again when the instance has ended.';
comment on column instances.lease_until is 'The sandbox process says now and then that it still has the server.';
comment on column instances.proxy is 'Where it is reached: host, port, tls. Null: the sandbox has no proxy.';
comment on column instances.reset_requested_at is 'A command to the sandbox, which clears it when it is done.';
comment on column instances.last_used_at is 'When a session through the proxy began or ended last.';

create table instance_logins (
  user_name   text primary key,
  instance_id uuid not null references instances on delete cascade,
  purpose     text not null check (purpose in ('person', 'datasource')),
  verifier    text not null check (verifier like 'SCRAM-SHA-256$%'),
  created_at  timestamptz not null default now(),
  unique (instance_id, purpose)
);
comment on table instance_logins is 'Who may connect through the proxy. Passwords are shown once, when they are made, and kept nowhere.';

create function end_instance_logins() returns trigger
language plpgsql
as $$
begin
  delete from instance_logins where instance_id = new.id;
  return null;
end
$$;
create trigger instances_end_logins after update of status on instances
  for each row when (new.status = 'ended') execute function end_instance_logins();
