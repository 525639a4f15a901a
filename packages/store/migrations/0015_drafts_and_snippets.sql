create table drafts (
  user_id    uuid not null references users on delete cascade,
  id         text not null check (id ~ '^[A-Za-z0-9-]{8,36}$'),
  org_id     uuid not null references orgs on delete cascade,
  query_id   uuid references queries on delete set null,
  content    jsonb,
  revision   integer not null default 1 check (revision >= 1),
  position   integer not null,
  closed_at  timestamptz,
  device     text not null default '',
  copied     boolean not null default false,
  writer     text,
  writes     integer,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (user_id, id)
);
create unique index drafts_query_key on drafts (user_id, query_id);
create index drafts_query_id on drafts (query_id) where query_id is not null;
create index drafts_closed on drafts (closed_at) where closed_at is not null;
comment on table drafts is 'What each person has open in the editor, and wrote without saving. Nobody else ever sees them.';
comment on column drafts.id is 'Made by the browser, so that a draft has an address before the server knows of it.';
comment on column drafts.content is 'What was typed and not saved; null while it is the saved query as it stands.';
comment on column drafts.position is 'Place among the open tabs.';
comment on column drafts.closed_at is 'When the tab was closed; null while it is open.';
comment on column drafts.writer is 'The open page that wrote last. Its writes follow each other by their number, whatever order they arrive in.';
comment on column drafts.copied is 'Kept aside when two devices had changed the same draft.';

create table snippets (
  id          uuid primary key default uuid_v7(),
  org_id      uuid not null references orgs on delete cascade,
  name        text not null check (btrim(name) <> ''),
  trigger     text not null check (trigger ~ '^[A-Za-z_][A-Za-z0-9_]{0,49}$'),
  description text not null default '',
  sql         text not null,
  created_by  uuid references users on delete set null,
  created_at  timestamptz not null default now(),
  updated_by  uuid references users on delete set null,
  updated_at  timestamptz not null default now()
);
create unique index snippets_trigger_key on snippets (org_id, lower(trigger));
comment on table snippets is 'Pieces of SQL that everybody who writes SQL in the organisation may insert by a word.';
