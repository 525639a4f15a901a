-- Files of projects, by content. A tree is stored once, however many versions and jobs have it; so is each file.
create table blobs (
  org_id     uuid not null references orgs on delete cascade,
  digest     bytea not null check (octet_length(digest) = 32),
  size       bigint not null check (size >= 0),
  content_id uuid not null unique,
  created_by uuid references users on delete set null,
  created_at timestamptz not null default now(),
  named_at   timestamptz not null default now(),
  primary key (org_id, digest)
);
create index blobs_named_at on blobs (named_at);
comment on table blobs is 'The bytes of files, named by their SHA-256.';
comment on column blobs.created_by is 'Who showed first that they have the bytes; blob_holders has the others.';
comment on column blobs.named_at is 'When a tree last named it, to the hour: what was named within a day is not swept, so that a tree may be stored meanwhile.';

create table blob_chunks (
  content_id uuid not null,
  n          integer not null check (n >= 0),
  bytes      bytea not null check (octet_length(bytes) between 1 and 1048576),
  primary key (content_id, n)
);
alter table blob_chunks alter column bytes set storage external;
comment on table blob_chunks is 'Written while a file arrives, before its digest is known: no foreign key.';

create table blob_uploads (
  content_id uuid primary key,
  begun_at   timestamptz not null default now()
);
create index blob_uploads_begun_at on blob_uploads (begun_at);
comment on table blob_uploads is 'Files that are arriving. What is left of one that broke off is swept by it.';

create table blob_holders (
  org_id  uuid not null,
  digest  bytea not null,
  user_id uuid not null references users on delete cascade,
  primary key (org_id, digest, user_id),
  foreign key (org_id, digest) references blobs on delete cascade
);
create index blob_holders_user_id on blob_holders (user_id);
comment on table blob_holders is 'People who sent the bytes too: a digest alone gives nobody what somebody else sent.';

create table trees (
  org_id     uuid not null references orgs on delete cascade,
  digest     bytea not null check (octet_length(digest) = 32),
  files      jsonb not null check (jsonb_typeof(files) = 'object'),
  file_count integer not null,
  bytes      bigint not null,
  named_at   timestamptz not null default now(),
  primary key (org_id, digest)
);
create index trees_named_at on trees (named_at);
comment on table trees is 'Trees of files: path to {digest, size}, digests in hex. The digest of a tree is that of its canonical JSON.';

create table tree_blobs (
  org_id uuid not null,
  tree   bytea not null,
  blob   bytea not null,
  primary key (org_id, blob, tree),
  foreign key (org_id, tree) references trees on delete cascade
);
create index tree_blobs_tree on tree_blobs (org_id, tree);
comment on table tree_blobs is 'Which trees have a file: who may read it, and whether anybody needs it.';

create table projects (
  id          uuid primary key default uuid_v7(),
  org_id      uuid not null references orgs on delete cascade,
  name        text not null,
  description text not null default '',
  version     integer not null default 1,
  created_by  uuid references users on delete set null,
  created_at  timestamptz not null default now(),
  updated_by  uuid references users on delete set null,
  updated_at  timestamptz not null default now(),
  deleted_at  timestamptz
);
create index projects_org on projects (org_id, updated_at desc) where deleted_at is null;
comment on table projects is 'Trees of SQL files that jobs run. What a version holds is in project_versions.';

create table project_versions (
  project_id  uuid not null references projects on delete cascade,
  version     integer not null,
  org_id      uuid not null,
  tree        bytea not null,
  manifest    jsonb,
  variables   jsonb not null default '{}',
  environment jsonb not null default '{}',
  message     text not null default '',
  created_by  uuid references users on delete set null,
  created_at  timestamptz not null default now(),
  primary key (project_id, version),
  foreign key (org_id, tree) references trees
);
create index project_versions_tree on project_versions (org_id, tree);
comment on table project_versions is 'Every save of a project, whole.';
comment on column project_versions.manifest is 'What stands in for the file quern.project.json of the tree, if anything does.';
