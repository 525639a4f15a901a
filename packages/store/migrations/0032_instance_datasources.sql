alter table datasources add column instance_id uuid references instances on delete set null;
create unique index datasources_instance_id on datasources (instance_id) where instance_id is not null and deleted_at is null;
comment on column datasources.instance_id is 'Of an instance that a person opened in the editor: the datasource is theirs, and ends with it.';

create function delete_datasource(deleted uuid) returns void
language plpgsql
as $$
begin
  update datasources set deleted_at = now(), secret = null, secret_changed_at = null where id = deleted;
  delete from grants where resource_type = 'datasource' and resource_id = deleted;
  delete from datasource_schemas where datasource_id = deleted;
  delete from schema_names where datasource_id = deleted;
  update queries set deleted_at = now()
  from query_versions
  where query_versions.query_id = queries.id and query_versions.version = queries.version
    and query_versions.datasource_id = deleted and queries.deleted_at is null;
end
$$;
comment on function delete_datasource is 'A datasource with its secret, grants, schema and queries. The row stays for the run history.';

create function end_instance_datasource() returns trigger
language plpgsql
as $$
begin
  perform delete_datasource(id) from datasources where instance_id = new.id and deleted_at is null;
  return null;
end
$$;
create trigger instances_end_datasource after update of status on instances
  for each row when (new.status = 'ended') execute function end_instance_datasource();
