-- Each monitored database: its score, its load and size, what the advisors found, and when it was last heard of.
with newest as (
  select distinct on (server_id, database_id, name) database_id, server_id, name, value
  from health.metric_points
  where at >= now() - interval '1 hour' and name in ('size_bytes', 'backends', 'load')
  order by server_id, database_id, name, at desc
),
found as (
  select database_id,
    count(*) filter (where severity = 'critical') as critical,
    count(*) filter (where severity = 'warning') as warning,
    count(*) filter (where severity = 'info') as info
  from health.findings
  where state = 'open'
  group by database_id
)
select
  databases.database_name,
  databases.server_name,
  databases.score,
  databases.coverage,
  coalesce(found.critical, 0) as critical,
  coalesce(found.warning, 0) as warning,
  coalesce(found.info, 0) as info,
  (select value from newest where newest.server_id = databases.server_id and database_id is null and name = 'load') as load,
  (select value from newest where newest.database_id = databases.database_id and name = 'backends') as sessions,
  (select value from newest where newest.database_id = databases.database_id and name = 'size_bytes')::bigint as size_bytes,
  databases.last_taken_at
from health.databases
left join found using (database_id)
order by databases.score nulls first, databases.database_name
