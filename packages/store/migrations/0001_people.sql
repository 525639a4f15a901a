-- Time-ordered ids (RFC 9562, version 7, with a fraction of a millisecond after it): inserts stay at the right edge of
-- every index, and the order of ids is the order of time. PostgreSQL 18 has uuidv7(); this one also runs on 15 to 17.
create function uuid_v7() returns uuid
language sql volatile parallel safe
as $$
  select encode(
    set_byte(set_byte(
      overlay(uuid_send(gen_random_uuid()) placing substring(int8send(us / 1000) from 3) from 1 for 6),
      6, 112 + (us % 1000 * 4096 / 1000 >> 8)::int),
      7, (us % 1000 * 4096 / 1000 & 255)::int),
    'hex')::uuid
  from (select (extract(epoch from clock_timestamp()) * 1000000)::bigint as us) as clock
$$;

create table orgs (
  id         uuid primary key default uuid_v7(),
  name       text not null check (btrim(name) <> ''),
  created_at timestamptz not null default now()
);
comment on table orgs is 'Tenants. An installation starts with one; every other row belongs to one.';

create table users (
  id             uuid primary key default uuid_v7(),
  email          text not null check (email = lower(email)),
  email_verified boolean not null default false,
  name           text not null,
  image          text,
  created_at     timestamptz not null default now(),
  updated_at     timestamptz not null default now(),
  constraint users_email_key unique (email)
);
comment on table users is 'People who can sign in. What they may do hangs on their membership.';

create table sessions (
  id         uuid primary key default uuid_v7(),
  user_id    uuid not null references users on delete cascade,
  token      text not null unique,
  expires_at timestamptz not null,
  ip_address text,
  user_agent text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index sessions_user_id on sessions (user_id);
create index sessions_expires_at on sessions (expires_at);
comment on table sessions is 'Browser sessions. The cookie carries the token with an HMAC, so a copy of this table signs nobody in.';

create table credentials (
  id                       uuid primary key default uuid_v7(),
  user_id                  uuid not null references users on delete cascade,
  account_id               text not null,
  provider_id              text not null,
  access_token             text,
  refresh_token            text,
  id_token                 text,
  access_token_expires_at  timestamptz,
  refresh_token_expires_at timestamptz,
  scope                    text,
  password                 text,
  created_at               timestamptz not null default now(),
  updated_at               timestamptz not null default now(),
  constraint credentials_identity_key unique (provider_id, account_id)
);
create index credentials_user_id on credentials (user_id);
comment on table credentials is 'Ways to sign in, one row each: identity is (provider, account), never the e-mail address.';
comment on column credentials.password is 'argon2id PHC string, for provider_id credential.';

create table verifications (
  id         uuid primary key default uuid_v7(),
  identifier text not null,
  value      text not null,
  expires_at timestamptz not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index verifications_identifier on verifications (identifier);
comment on table verifications is 'Short-lived state of sign-in flows.';

create table memberships (
  org_id         uuid not null references orgs on delete cascade,
  user_id        uuid not null references users on delete cascade,
  role           text not null check (role in ('viewer', 'editor', 'admin')),
  deactivated_at timestamptz,
  last_seen_at   timestamptz,
  created_at     timestamptz not null default now(),
  primary key (org_id, user_id)
);
create index memberships_user_id on memberships (user_id);
comment on table memberships is 'A person''s role in an organisation: the kinds of things they may do. To which things is said by grants.';

create table one_time_links (
  id         uuid primary key default uuid_v7(),
  org_id     uuid not null references orgs on delete cascade,
  kind       text not null check (kind in ('setup', 'join')),
  user_id    uuid references users on delete cascade,
  email      text,
  token_hash bytea not null unique check (octet_length(token_hash) = 32),
  created_by uuid references users on delete set null,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null,
  used_at    timestamptz,
  check ((kind = 'join') = (user_id is not null))
);
create index one_time_links_user_id on one_time_links (user_id) where used_at is null;
comment on table one_time_links is 'Links that let a person set a password: the set-up link of the console, and those that admins hand out. Only the SHA-256 of the token is kept.';
comment on column one_time_links.email is 'A set-up link may be reserved for one address.';

create table tokens (
  id           uuid primary key default uuid_v7(),
  org_id       uuid not null references orgs on delete cascade,
  user_id      uuid not null references users on delete cascade,
  name         text not null,
  prefix       text not null,
  token_hash   bytea not null unique check (octet_length(token_hash) = 32),
  created_at   timestamptz not null default now(),
  expires_at   timestamptz not null,
  last_used_at timestamptz
);
create index tokens_user_id on tokens (user_id);
comment on table tokens is 'Personal access tokens: 256 random bits, of which the SHA-256 is kept. They act as their owner, with the rights the owner has at the time of use.';

create table groups (
  id         uuid primary key default uuid_v7(),
  org_id     uuid not null references orgs on delete cascade,
  name       text not null check (btrim(name) <> ''),
  system     text check (system in ('everyone', 'admins')),
  created_at timestamptz not null default now(),
  constraint groups_system_key unique (org_id, system)
);
create unique index groups_name_key on groups (org_id, lower(name));
comment on table groups is 'Who holds grants. The two system groups have no rows in group_members: Everyone is all active members and Admins is the admin role.';

create table group_members (
  group_id   uuid not null references groups on delete cascade,
  user_id    uuid not null references users on delete cascade,
  created_at timestamptz not null default now(),
  primary key (group_id, user_id)
);
create index group_members_user_id on group_members (user_id);
comment on table group_members is 'People in groups that admins made.';

create table grants (
  id            uuid primary key default uuid_v7(),
  org_id        uuid not null references orgs on delete cascade,
  group_id      uuid not null references groups on delete cascade,
  resource_type text not null,
  resource_id   uuid not null,
  created_by    uuid references users on delete set null,
  created_at    timestamptz not null default now(),
  constraint grants_key unique (group_id, resource_type, resource_id)
);
create index grants_resource on grants (resource_type, resource_id, group_id);
comment on table grants is 'To which things a group''s people may do what their role allows. Nothing is granted unless a row says so.';
comment on column grants.resource_type is 'A key of the resource registry in the code, so that a new type needs no migration.';

-- One row for a group, or all system groups that a user is in, so that a grant check is one join.
create view effective_group_members as
  select group_members.group_id, group_members.user_id
  from group_members
  join groups on groups.id = group_members.group_id
  join memberships on memberships.org_id = groups.org_id and memberships.user_id = group_members.user_id
  where memberships.deactivated_at is null
  union all
  select groups.id, memberships.user_id
  from groups
  join memberships on memberships.org_id = groups.org_id
  where memberships.deactivated_at is null
    and (groups.system = 'everyone' or (groups.system = 'admins' and memberships.role = 'admin'));
comment on view effective_group_members is 'Who is in which group now, the system groups included; deactivated people are in none.';

create table audit_log (
  id            bigint generated always as identity primary key,
  org_id        uuid not null references orgs on delete cascade,
  at            timestamptz not null default now(),
  user_id       uuid,
  token_id      uuid,
  action        text not null,
  resource_type text not null,
  resource_id   uuid,
  details       jsonb not null default '{}',
  request_id    text,
  ip_address    text
);
create index audit_log_at on audit_log (org_id, at desc);
create index audit_log_resource on audit_log (resource_type, resource_id, at desc);
comment on table audit_log is 'Who changed what, written in the same transaction as the change. No foreign keys to people: it outlives them. Never holds secrets.';

insert into orgs (name) values ('Quern');
insert into groups (org_id, name, system)
select orgs.id, system_groups.name, system_groups.system
from orgs, (values ('Everyone', 'everyone'), ('Admins', 'admins')) as system_groups (name, system);
