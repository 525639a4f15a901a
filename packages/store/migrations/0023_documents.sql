alter table dashboards
  add column key text check (key ~ '^[a-z0-9]+(-[a-z0-9]+)*$'),
  add column document_keys jsonb not null default '{}';
create unique index dashboards_key on dashboards (org_id, key) where key is not null;
comment on column dashboards.key is 'What documents call it. Kept when it is deleted, so that what was thrown away does not come back by itself.';
comment on column dashboards.document_keys is 'By id, what its document calls each query, visualization and tile: so that an export after an import is the same document.';
