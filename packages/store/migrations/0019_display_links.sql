create table playlists (
  id         uuid primary key default uuid_v7(),
  org_id     uuid not null references orgs on delete cascade,
  name       text not null check (btrim(name) <> ''),
  items      jsonb not null,
  created_by uuid references users on delete set null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index playlists_org_id on playlists (org_id, lower(name));
comment on table playlists is 'Dashboards that a wall screen shows in turn.';
comment on column playlists.items is 'Dashboard, its values and for how many seconds (contract: PlaylistItem).';

create table display_links (
  id           uuid primary key default uuid_v7(),
  org_id       uuid not null references orgs on delete cascade,
  name         text not null check (btrim(name) <> ''),
  dashboard_id uuid references dashboards on delete cascade,
  playlist_id  uuid references playlists on delete cascade,
  params       jsonb not null default '{}',
  prefix       text not null,
  token_hash   bytea not null unique check (octet_length(token_hash) = 32),
  created_by   uuid not null references users on delete cascade,
  created_at   timestamptz not null default now(),
  expires_at   timestamptz not null,
  last_seen_at timestamptz,
  check ((dashboard_id is null) <> (playlist_id is null))
);
create index display_links_dashboard_id on display_links (dashboard_id);
create index display_links_playlist_id on display_links (playlist_id);
create index display_links_created_by on display_links (created_by);
comment on table display_links is 'Read-only ways in for wall screens: 256 random bits, of which the SHA-256 is kept. They show one thing, within the rights that their maker has at that moment.';
