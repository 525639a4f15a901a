-- A claim sees what was committed while it waited for its turn, and so must what comes along with it: a join in the statement
-- that claims still looks at the time before. These look when they are called, since they are volatile.
create function claimed_datasource(id uuid) returns jsonb
language plpgsql volatile
as $$
begin
  return (
    select to_jsonb(datasources) from (
      select datasources.id, org_id, type, config, secret, secret_version, max_concurrency
      from datasources where deleted_at is null and datasources.id = claimed_datasource.id
    ) as datasources);
end
$$;
comment on function claimed_datasource is 'What a runner needs of the datasource of a run; null when it was deleted.';

create function claimed_tree(org uuid, tree bytea) returns jsonb
language plpgsql volatile
as $$
begin
  return (select files from trees where org_id = org and digest = tree);
end
$$;
comment on function claimed_tree is 'The files of a job.';
