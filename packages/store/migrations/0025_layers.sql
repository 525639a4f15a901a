create table layer_stores (
  id                  uuid primary key,
  hostname            text not null default '',
  folder              text not null default '',
  clone               text,
  max_bytes           bigint,
  effective_max_bytes bigint,
  reserve_bytes       bigint,
  high_watermark      float8,
  low_watermark       float8,
  total_bytes         bigint,
  free_bytes          bigint,
  inflation           float8 not null default 0,
  shared              text,
  seen_at             timestamptz not null default now(),
  created_at          timestamptz not null default now()
);
comment on table layer_stores is 'Folders of layers, each of one machine: every sandbox process that shares the folder shares the row.';
comment on column layer_stores.id is 'Kept in the folder, in store.json.';
comment on column layer_stores.inflation is 'L of GreedyDual-Size-Frequency: the priority of what was evicted last.';
comment on column layer_stores.shared is 'The object storage that it exports to and imports from, without credentials; null: none.';

create table layer_processes (
  id         uuid primary key default uuid_v7(),
  store_id   uuid not null references layer_stores on delete cascade,
  alive_till timestamptz not null,
  started_at timestamptz not null default now()
);
create index layer_processes_store_id on layer_processes (store_id);
comment on table layer_processes is 'Who holds leases and builds: those of a process whose time is up count no more.';

create table layers (
  id              uuid primary key default uuid_v7(),
  store_id        uuid not null references layer_stores on delete cascade,
  org_id          uuid not null references orgs on delete cascade,
  state_key       bytea not null check (octet_length(state_key) = 32),
  parent_key      bytea check (octet_length(parent_key) = 32),
  env_key         bytea not null check (octet_length(env_key) = 32),
  depth           integer not null check (depth >= 0),
  status          text not null default 'ready' check (status in ('ready', 'evicting', 'evicted')),
  bytes           bigint not null check (bytes >= 0),
  own_bytes       bigint not null check (own_bytes >= 0),
  build_ms        integer not null check (build_ms >= 0),
  builds          integer not null default 1,
  engine          text not null,
  clone           text not null check (clone in ('reflink', 'overlay', 'copy')),
  imported        boolean not null default false,
  steps           integer not null check (steps >= 0),
  paths           text[] not null,
  volatile        jsonb not null default '[]',
  reproducible    boolean,
  tags            text[] not null default '{}',
  pinned_at       timestamptz,
  pinned_by       uuid references users on delete set null,
  hits            bigint not null default 0,
  inflation       float8 not null default 0,
  build_id        uuid not null,
  boot_id         text not null,
  durable         boolean not null default false,
  ttl_s           integer check (ttl_s > 0),
  expires_at      timestamptz,
  built_at        timestamptz not null default now(),
  last_used_at    timestamptz not null default now(),
  evicted_at      timestamptz,
  evicted_why     text check (evicted_why in ('capacity', 'expired', 'asked', 'lost', 'unclean')),
  created_at      timestamptz not null default now(),
  constraint layers_key unique (store_id, org_id, state_key),
  check ((status = 'ready') = (evicted_why is null)),
  check (status <> 'evicted' or evicted_at is not null)
);
create index layers_list on layers (org_id, last_used_at desc, id desc);
create index layers_of_org on layers (org_id, state_key);
create index layers_pinned_by on layers (pinned_by) where pinned_by is not null;
create index layers_expiry on layers (store_id, expires_at) where status = 'ready' and expires_at is not null;
create index layers_unsettled on layers (store_id) where status = 'evicting' or not durable;
comment on table layers is 'Immutable states of a database server on disk. A row of status evicted is what is remembered of one that is gone.';
comment on column layers.parent_key is 'The layer that its builder was cloned from, which may be gone by now; null for an empty server.';
comment on column layers.own_bytes is 'On the disk, less what it shares with its parent by reflink as far as that is known.';
comment on column layers.build_ms is 'From the clone of the parent to the clean stop.';
comment on column layers.inflation is 'L of the store when it was used last.';
comment on column layers.build_id is 'Also in the manifest of its directory: a directory that has another one is not this layer''s.';
comment on column layers.boot_id is 'Of the machine, when it was published.';
comment on column layers.durable is 'Its files are known to be on the disk: until then it is not trusted after another boot.';

create table layer_leases (
  id          uuid primary key default uuid_v7(),
  layer_id    uuid not null references layers on delete cascade,
  process_id  uuid not null references layer_processes on delete cascade,
  holder_kind text not null check (holder_kind in ('job', 'instance', 'pool', 'build', 'export')),
  holder_id   text not null,
  taken_at    timestamptz not null default now()
);
create index layer_leases_layer_id on layer_leases (layer_id);
create index layer_leases_process_id on layer_leases (process_id);
comment on table layer_leases is 'A layer that somebody holds is not evicted.';

create table layer_builds (
  store_id   uuid not null references layer_stores on delete cascade,
  org_id     uuid not null references orgs on delete cascade,
  state_key  bytea not null,
  process_id uuid not null references layer_processes on delete cascade,
  started_at timestamptz not null default now(),
  primary key (store_id, org_id, state_key)
);
create index layer_builds_process_id on layer_builds (process_id);
create index layer_builds_org_id on layer_builds (org_id);
comment on table layer_builds is 'Whose turn it is to build a state; the others wait.';

create table layer_children (
  org_id    uuid not null references orgs on delete cascade,
  state_key bytea not null,
  child_key bytea not null,
  seen_at   timestamptz not null default now(),
  primary key (org_id, state_key, child_key)
);
create index layer_children_seen_at on layer_children (seen_at);
comment on table layer_children is 'Which states were asked for after a state: two or more make it a fork, which is worth keeping.';

create table layer_names (
  id         uuid primary key default uuid_v7(),
  org_id     uuid not null references orgs on delete cascade,
  name       text not null check (btrim(name) <> ''),
  state_key  bytea not null check (octet_length(state_key) = 32),
  created_by uuid references users on delete set null,
  created_at timestamptz not null default now(),
  constraint layer_names_key unique (org_id, name)
);
create index layer_names_state on layer_names (org_id, state_key);
create index layer_names_created_by on layer_names (created_by);
comment on table layer_names is 'What people call states; a name outlives the layer, and finds it again when it is built again.';

create table layer_exports (
  shared      text not null,
  org_id      uuid not null references orgs on delete cascade,
  state_key   bytea not null,
  depth       integer not null,
  bytes       bigint not null,
  chunks      integer not null,
  exported_at timestamptz not null default now(),
  primary key (shared, org_id, state_key)
);
create index layer_exports_org_id on layer_exports (org_id);
comment on table layer_exports is 'An index of what is in object storage; the manifest there is the truth.';

create table layer_hours (
  store_id      uuid not null references layer_stores on delete cascade,
  hour          timestamptz not null,
  full_hits     integer not null default 0,
  prefix_hits   integer not null default 0,
  misses        integer not null default 0,
  builds        integer not null default 0,
  build_ms      bigint not null default 0,
  evictions     integer not null default 0,
  evicted_bytes bigint not null default 0,
  primary key (store_id, hour)
);
comment on table layer_hours is 'What happened in each hour, for the hit rate that people see.';
